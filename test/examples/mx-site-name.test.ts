/**
 * Names of sites and routing domains, by example: the reference's own vectors first. Deliberately
 * unknown here: DNS.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mxEntry } from '../../src/domain/option-places.ts';
import { classifyRoutingDomain } from '../../src/domain/routing-domain.ts';
import { mxListSiteName, mxSiteName, readyQueueName } from '../../src/domain/site-name.ts';

const at = (preference: number, name: string, port?: number) =>
  port === undefined ? { name, preference } : { name, preference, port };

describe('the site of MX records', () => {
  it('folds label by label from the right', () => {
    const google = [
      at(40, 'alt4.gmail-smtp-in.l.google.com.'),
      at(5, 'gmail-smtp-in.l.google.com.'),
      at(10, 'alt1.gmail-smtp-in.l.google.com.'),
      at(20, 'alt2.gmail-smtp-in.l.google.com.'),
      at(30, 'alt3.gmail-smtp-in.l.google.com.'),
    ];
    assert.equal(mxSiteName(google), '(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com');
    const yahoo = [7, 5, 6].map((n) => at(1, `mta${n}.am0.yahoodns.net`));
    assert.equal(mxSiteName(yahoo), '(mta5|mta6|mta7).am0.yahoodns.net');
  });

  it('glues the port to the last label', () => {
    const hosts = [
      at(1, 'mta5.am0.yahoodns.net', 123),
      at(1, 'mta6.am0.yahoodns.net', 123),
      at(1, 'mta7.am0.yahoodns.net', 456),
    ];
    assert.equal(mxSiteName(hosts), '(mta5|mta6|mta7).am0.yahoodns.(net:123|net:456)');
  });

  it('depends on preferences, not on the order of the records or the case', () => {
    const hosts = [at(10, 'a.example.com'), at(20, 'B.Example.org')];
    assert.equal(mxSiteName(hosts), '(a|b).example.(com|org)');
    assert.equal(mxSiteName([...hosts].reverse()), '(a|b).example.(com|org)');
    const other = [at(20, 'a.example.com'), at(10, 'b.example.org')];
    assert.equal(mxSiteName(other), '(b|a).example.(org|com)');
  });

  it('is the one host, takes equal hosts once, and is empty for none', () => {
    assert.equal(mxSiteName([at(1, 'mx.example.com')]), 'mx.example.com');
    assert.equal(mxSiteName([at(1, 'mx.test'), at(1, 'mx.test')]), 'mx.test');
    assert.equal(mxSiteName([at(1, 'mx.test'), at(1, 'test')]), 'mx?.test');
    assert.equal(mxSiteName([]), '');
    assert.equal(mxSiteName([at(0, '.')]), '');
  });
});

describe('the site of a list', () => {
  const site = (...entries: unknown[]) => mxListSiteName(entries.map((one) => mxEntry.read(one)));

  it('keeps the order and the names', () => {
    assert.equal(site('b.test', 'a.test:2525'), 'mx_list:b.test,a.test:2525');
    assert.equal(site({ name: 'a.test', addr: '192.0.2.1' }), 'mx_list:192.0.2.1');
    assert.equal(site({ name: 'a.test', addr: '192.0.2.1:26' }), 'mx_list:192.0.2.1:26');
    assert.equal(site('[2001:db8::1]:26'), 'mx_list:[2001:db8::1]:26');
    assert.equal(site('/run/sink.sock'), 'mx_list:/run/sink.sock');
  });

  it('is part of the ready queue name', () => {
    assert.equal(readyQueueName('ip-1', 'mx.test'), 'ip-1->mx.test@smtp_client');
    assert.equal(
      readyQueueName('unspecified', site('a.test', 'b.test')),
      'unspecified->mx_list:a.test,b.test@smtp_client',
    );
  });
});

describe('a routing domain', () => {
  const literal = (text: string) => {
    const domain = classifyRoutingDomain(text);
    return domain.kind === 'literal' ? [domain.address, domain.port] : domain.kind;
  };
  const name = (text: string) => {
    const domain = classifyRoutingDomain(text);
    return domain.kind === 'name' ? [domain.name, domain.port] : domain.kind;
  };

  it('may be a literal, with a port inside or outside the brackets', () => {
    assert.deepEqual(literal('[192.0.2.1]'), ['192.0.2.1', undefined]);
    assert.deepEqual(literal('[192.0.2.1]:2525'), ['192.0.2.1', 2525]);
    assert.deepEqual(literal('[192.0.2.1:2525]'), ['192.0.2.1', 2525]);
    assert.deepEqual(literal('[IPv6:2001:DB8::1]'), ['2001:db8::1', undefined]);
    assert.deepEqual(literal('[::1]'), ['::1', undefined]);
    assert.deepEqual(literal('[::1]:26'), ['::1', 26]);
    assert.deepEqual(literal('[IPv6:[::1]:26]'), ['::1', 26]);
  });

  it('is refused with two ports, or with a literal that is none', () => {
    const both = classifyRoutingDomain('[192.0.2.1:25]:26');
    assert.equal(both.kind === 'invalid' && both.why, "'[192.0.2.1:25]:26' has two ports");
    const bad = ['[192.0.2.1', '[]', '[example.com]', '[192.0.2.1]x', '[192.0.2.256]'];
    bad.push('[192.0.2.1]:0', '[192.0.2.1]:65536', '[192.0.2.1]:', '[IPv6:192.0.2.1]');
    for (const text of bad) assert.equal(literal(text), 'invalid', text);
  });

  it('may be a name, made lower case and ASCII, with a port', () => {
    assert.deepEqual(name('Example.COM.'), ['example.com', undefined]);
    assert.deepEqual(name('example.com:2525'), ['example.com', 2525]);
    assert.deepEqual(name('b\u00fccher.example'), ['xn--bcher-kva.example', undefined]);
    assert.deepEqual(name('B\u00dcCHER\u3002example'), ['xn--bcher-kva.example', undefined]);
    assert.deepEqual(name('under_score.example'), ['under_score.example', undefined]);
  });

  it('in wide digits does not become an address', () => {
    const wide = classifyRoutingDomain('\uff11\uff12\uff17.0.0.1');
    assert.deepEqual(wide, { kind: 'name', name: '127.0.0.1' });
  });

  it('is refused when DNS cannot hold it', () => {
    const bad = ['', '.', 'a..b', 'a b', 'a/b', `${'x'.repeat(64)}.test`, 'a.test:x', 'a.test:1:2'];
    bad.push(`${'abcdefg.'.repeat(32)}test`, 'b\u00fc\u0000x', 'a:', 'a,b', '\u00fc@x');
    for (const text of bad) assert.equal(name(text), 'invalid', text);
  });
});
