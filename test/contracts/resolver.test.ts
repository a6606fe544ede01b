/**
 * The resolver against a scripted server: what each kind of answer becomes, what is believed and
 * what is not. Deliberately unknown here: routes and plans, which have tests of their own.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createClock } from '../../src/ports/node/clock.ts';
import type { NodeResolver, ResolverOptions } from '../../src/ports/node/resolver.ts';
import { createResolver } from '../../src/ports/node/resolver.ts';
import type { AddressAnswer, IpLookupStrategy, MxAnswer } from '../../src/ports/ports.ts';
import type { DnsServerUnderScript, Script, Zone } from './resolver-server.ts';
import { a, cname, mx, respond, soa, startDnsServer } from './resolver-server.ts';

const clock = createClock();
const running: { stop(): void }[] = [];

const serve = async (zone: Zone, hasTcp = true): Promise<DnsServerUnderScript> => {
  const server = await startDnsServer(zone, { hasTcp });
  running.push(server);
  return server;
};

const open = (options: Partial<ResolverOptions>): NodeResolver => {
  const resolver = createResolver({ clock, hostsFile: '/nowhere', timeoutMs: 400, ...options });
  running.push(resolver);
  return resolver;
};

const askMx = (resolver: NodeResolver, name: string): Promise<MxAnswer> =>
  new Promise((answered) => resolver.findMx(name, answered));

const askAddresses = (
  resolver: NodeResolver,
  host: string,
  strategy: IpLookupStrategy = 'Ipv4AndIpv6',
): Promise<AddressAnswer> =>
  new Promise((answered) => resolver.findAddresses(host, strategy, answered));

/** One server that does the same about every question, and a resolver that asks it. */
const against = async (
  script: Script | Zone,
  options: Partial<ResolverOptions> = {},
): Promise<{ server: DnsServerUnderScript; resolver: NodeResolver }> => {
  const server = await serve(typeof script === 'function' ? script : () => script);
  return { server, resolver: open({ servers: [server.place], ...options }) };
};

afterEach(() => {
  for (const thing of running.splice(0)) thing.stop();
});

const failureOf = (answer: MxAnswer | AddressAnswer): string =>
  answer.kind === 'failed' ? answer.fault.code : answer.kind;

describe('MX answers', () => {
  it('are ordered, lower case and without the last dot', async () => {
    const { resolver, server } = await against({
      answers: [mx('Example.com', 20, 'B.example.'), mx('example.com', 10, 'a.example')],
    });
    const before = clock.now();
    const answer = await askMx(resolver, 'EXAMPLE.com.');
    assert.equal(answer.kind, 'found');
    assert.deepEqual(answer.kind === 'found' && answer.records, [
      { preference: 10, exchange: 'a.example' },
      { preference: 20, exchange: 'b.example' },
    ]);
    assert.ok(answer.expiresAt >= before + 300_000 && answer.expiresAt < before + 310_000);
    assert.equal(server.seen[0]?.name, 'example.com');
    assert.equal(server.seen[0]?.hasEdns, true);
  });

  it('tell null MX, NODATA and NXDOMAIN apart', async () => {
    const { resolver } = await against((name) =>
      name === 'null.test'
        ? { answers: [mx(name, 0, '.')] }
        : { rcode: name === 'gone.test' ? 3 : 0, authorities: [soa('test', 3600, 60)] },
    );
    const nothing = await askMx(resolver, 'null.test');
    assert.deepEqual(nothing.kind === 'found' && nothing.records, [
      { preference: 0, exchange: '' },
    ]);
    const absent = await askMx(resolver, 'bare.test');
    assert.equal(absent.kind, 'absent');
    const left = absent.expiresAt - clock.now();
    assert.ok(left > 50_000 && left <= 60_000, `${left} ms left, not the SOA minimum`);
    assert.equal(failureOf(await askMx(resolver, 'gone.test')), 'FAULT_DNS_NXDOMAIN');
  });

  it('that are SERVFAIL, REFUSED, FORMERR or NOTIMP are faults to be tried again', async () => {
    for (const rcode of [2, 5, 1, 4]) {
      const { resolver, server } = await against({ rcode });
      const answer = await askMx(resolver, 'example.com');
      assert.equal(failureOf(answer), 'FAULT_DNS_SERVFAIL');
      assert.ok(answer.kind === 'failed' && answer.fault.retryable);
      // A server that may not know EDNS is asked once more without it.
      assert.equal(server.seen.length, rcode === 1 || rcode === 4 ? 2 : 1);
    }
  });

  it('come over TCP when the datagram was truncated', async () => {
    const { resolver, server } = await against((name, _type, transport) =>
      transport === 'udp'
        ? { isTruncated: true }
        : { answers: Array.from({ length: 200 }, (_, at) => mx(name, at, `mx${at}.example`)) },
    );
    const answer = await askMx(resolver, 'big.test');
    assert.equal(answer.kind === 'found' && answer.records.length, 64);
    assert.equal(answer.kind === 'found' && answer.records[0]?.exchange, 'mx0.example');
    assert.deepEqual(
      server.seen.map(({ transport }) => transport),
      ['udp', 'tcp'],
    );
  });

  it('that are truncated where TCP is refused are a fault', async () => {
    const server = await serve(() => ({ isTruncated: true }), false);
    const answer = await askMx(open({ servers: [server.place] }), 'big.test');
    assert.equal(failureOf(answer), 'FAULT_DNS_SERVFAIL');
    assert.match(answer.kind === 'failed' ? answer.fault.cause : '', /TCP ECONNREFUSED/);
  });

  it('follow aliases inside an answer and beyond it, but not for ever', async () => {
    const { resolver } = await against((name) => {
      if (name === 'one.test') return { answers: [cname(name, 'two.test', 20)] };
      if (name === 'two.test') {
        return { answers: [cname(name, 'three.test'), mx('three.test', 5, 'mx.test')] };
      }
      return { answers: [cname('loop.test', 'pool.test'), cname('pool.test', 'loop.test')] };
    });
    const found = await askMx(resolver, 'one.test');
    assert.equal(found.kind === 'found' && found.records[0]?.exchange, 'mx.test');
    assert.ok(found.expiresAt <= clock.now() + 20_000, 'the alias holds for 20 s only');
    assert.equal(failureOf(await askMx(resolver, 'loop.test')), 'FAULT_DNS_SERVFAIL');
    const endless = await against((name) => ({
      answers: [cname(name, `${Number.parseInt(name, 10) + 1}.test`)],
    }));
    assert.equal(failureOf(await askMx(endless.resolver, '0.test')), 'FAULT_DNS_SERVFAIL');
    assert.ok(endless.server.seen.length <= 10);
  });
});

describe('answers that do not fit', () => {
  const good = { answers: [mx('example.com', 10, 'good.example')] };
  const evil = [mx('example.com', 10, 'evil.example')];

  it('are passed over until the real one comes', async () => {
    const { resolver } = await against({
      ...good,
      delayMs: 50,
      before: (query) => [
        respond(query, { answers: evil }, { id: ((query.id ?? 0) + 1) & 0xffff }),
        respond(query, { answers: evil }, { questions: [{ name: 'other.test', type: 'MX' }] }),
        respond(query, { answers: evil }, { questions: [{ name: 'example.com', type: 'A' }] }),
        respond(query, { answers: evil }, { type: 'query' }),
        Buffer.alloc(3),
        respond(query, { answers: evil }).subarray(0, 20),
      ],
    });
    const answer = await askMx(resolver, 'example.com');
    assert.equal(answer.kind === 'found' && answer.records[0]?.exchange, 'good.example');
  });

  it('are no answer when nothing else comes', async () => {
    const { resolver } = await against({
      isSilent: true,
      before: (query) => [respond(query, { answers: evil }, { id: (query.id ?? 0) ^ 1 })],
    });
    assert.equal(failureOf(await askMx(resolver, 'example.com')), 'FAULT_DNS_MALFORMED');
  });

  it('with a compression loop or a wild record count do no harm', async () => {
    const looping = (query: { id?: number | undefined }): Buffer => {
      const bytes = Buffer.from(
        '000081800001000100000000076578616d706c6503636f6d00000f0001',
        'hex',
      );
      const record = Buffer.from('c01d000f00010000012c0004000ac01d', 'hex');
      bytes.writeUInt16BE(query.id ?? 0);
      return Buffer.concat([bytes, record]);
    };
    const { resolver } = await against({
      ...good,
      delayMs: 30,
      before: (query) => {
        const many = respond(query, { answers: evil });
        many.writeUInt16BE(0xffff, 6);
        return [looping(query), many];
      },
    });
    const answer = await askMx(resolver, 'example.com');
    assert.equal(answer.kind === 'found' && answer.records[0]?.exchange, 'good.example');
  });

  it('for other owners count as no records', async () => {
    const { resolver } = await against({ answers: [mx('other.test', 1, 'evil.example')] });
    assert.equal((await askMx(resolver, 'example.com')).kind, 'absent');
  });

  it('naming things that are no hosts are not used', async () => {
    const { resolver } = await against({ answers: [mx('example.com', 1, 'a b.example')] });
    assert.equal(failureOf(await askMx(resolver, 'example.com')), 'FAULT_DNS_SERVFAIL');
  });

  it('longer than we said we take are passed over', async () => {
    const answers = Array.from({ length: 60 }, (_, at) => mx('example.com', at, `mx${at}.example`));
    const { resolver } = await against({ answers });
    assert.equal(failureOf(await askMx(resolver, 'example.com')), 'FAULT_DNS_MALFORMED');
  });
});

describe('several servers', () => {
  it('are asked in turn when one fails, and then the one that answered comes first', async () => {
    const bad = await serve(() => ({ rcode: 2 }));
    const good = await serve((name) => ({ answers: [mx(name, 1, 'mx.test')] }));
    const resolver = open({ servers: [bad.place, good.place] });
    assert.equal((await askMx(resolver, 'one.test')).kind, 'found');
    assert.equal((await askMx(resolver, 'two.test')).kind, 'found');
    assert.equal(bad.seen.length, 1);
    assert.equal(good.seen.length, 2);
  });

  it('are asked in turn when one is silent or its port is closed', async () => {
    const closed = await serve(() => ({}));
    closed.stop();
    running.splice(0);
    const silent = await serve(() => ({ isSilent: true }));
    const good = await serve((name) => ({ answers: [mx(name, 1, 'mx.test')] }));
    const servers = [closed.place, silent.place, good.place];
    const resolver = open({ servers, timeoutMs: 4_000 });
    assert.equal((await askMx(resolver, 'one.test')).kind, 'found');
  });

  it('that are all silent end in a time-out', async () => {
    const { resolver } = await against({ isSilent: true });
    const answer = await askMx(resolver, 'example.com');
    assert.equal(failureOf(answer), 'FAULT_DNS_TIMEOUT');
    assert.ok(answer.kind === 'failed' && (answer.tookMs ?? 0) >= 390);
  });

  it('are refused at once when they cannot be read', () => {
    assert.throws(() => open({ servers: ['dns.example'] }), /is no DNS server/);
  });
});

describe('addresses', () => {
  const zone: Zone = (name, type) => {
    if (name === 'v6.test' && type === 'A') return { authorities: [soa('test', 60, 60)] };
    if (name === 'half.test' && type === 'AAAA') return { rcode: 2 };
    if (name === 'none.test') return { authorities: [soa('test', 60, 60)] };
    return { answers: [a(name, type === 'A' ? '192.0.2.1' : '2001:db8::1')] };
  };

  it('follow the strategy', async () => {
    const { resolver } = await against(zone);
    const found = async (host: string, strategy: IpLookupStrategy) => {
      const answer = await askAddresses(resolver, host, strategy);
      return answer.kind === 'found' ? answer.addresses : answer.kind;
    };
    assert.deepEqual(await found('a.test', 'Ipv4AndIpv6'), ['192.0.2.1', '2001:db8::1']);
    assert.deepEqual(await found('a.test', 'Ipv4Only'), ['192.0.2.1']);
    assert.deepEqual(await found('a.test', 'Ipv6Only'), ['2001:db8::1']);
    assert.deepEqual(await found('a.test', 'Ipv6ThenIpv4'), ['2001:db8::1']);
    assert.deepEqual(await found('v6.test', 'Ipv4ThenIpv6'), ['2001:db8::1']);
    assert.deepEqual(await found('v6.test', 'Ipv4Only'), 'failed');
    assert.deepEqual(await found('half.test', 'Ipv4AndIpv6'), ['192.0.2.1']);
    assert.deepEqual(await found('half.test', 'Ipv6Only'), 'failed');
    assert.deepEqual(await found('none.test', 'Ipv4AndIpv6'), 'failed');
  });

  it('of localhost and of literals need no server', async () => {
    const { resolver, server } = await against({ rcode: 2 });
    const local = await askAddresses(resolver, 'localhost');
    assert.deepEqual(local.kind === 'found' && local.addresses, ['127.0.0.1', '::1']);
    const literal = await askAddresses(resolver, '192.0.2.9');
    assert.deepEqual(literal.kind === 'found' && literal.addresses, ['192.0.2.9']);
    assert.equal((await askMx(resolver, 'deep.localhost')).kind, 'absent');
    assert.equal(server.seen.length, 0);
  });

  it('that DNS cannot hold are refused without asking', async () => {
    const { resolver, server } = await against({ rcode: 2 });
    const long = `${'x'.repeat(64)}.test`;
    assert.equal(failureOf(await askMx(resolver, long)), 'FAULT_DNS_MALFORMED');
    assert.equal(failureOf(await askMx(resolver, 'a..b')), 'FAULT_DNS_MALFORMED');
    assert.equal(server.seen.length, 0);
  });
});
