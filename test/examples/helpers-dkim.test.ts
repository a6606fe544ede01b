/**
 * Helper `dkim`, by example: which signatures mail of a domain gets.
 * Deliberately unknown here: keys as octets.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rejectionOf } from '../../src/domain/reject.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { dkim } from '../../src/policy/helpers/dkim.ts';
import { lendSigning } from '../../src/policy/world.ts';
import { heardFrom, refusalOf, withFiles } from './helpers-kit.ts';

const BASE = `
[base]
selector = "s1"
headers = ["From", "To", "Subject"]
over_sign = true
additional_signatures = ["esp", "stand-in"]
`;
const DOMAINS = `
[domain."example.com"]
selector = "s2"
expiration = "1 day"
over_sign = false
[domain."*.example.org"]
algo = "ed25519"
body_canonicalization = "Simple"
[domain."filed.net"]
filename = "keys/filed.pem"
`;
const MORE = `
[signature."esp"]
domain = "esp.example"
vault_mount = "secret"
[signature."stand-in"]
policy = "OnlyIfMissingDomainBlock"
[signature."idle"]
domain = "idle.example"
`;
const FILES = { 'base.toml': BASE, 'domains.toml': DOMAINS, 'more.toml': MORE };
const LAST = '[signature."stand-in"]\ndomain = "stand-in.example"\n';
const make = (files: Readonly<Record<string, string>>) =>
  withFiles(files, () => dkim({ files: Object.keys(files) }));

describe('dkim', () => {
  const part = make({ ...FILES, 'last.toml': LAST });

  it('joins files, none of which has every section', () => {
    const [own, esp, ...others] = part.lookup('Example.COM');
    assert.deepEqual(others, []);
    assert.deepEqual(own, {
      domain: 'example.com',
      selector: 's2',
      algo: 'sha256',
      headers: ['From', 'To', 'Subject'],
      expiration: 86_400_000,
      header_canonicalization: 'Relaxed',
      body_canonicalization: 'Relaxed',
      // A false of the domain undoes the true of base.
      over_sign: false,
      reporting: false,
      body_length: false,
      ttl: 300_000,
      key: { path: 'dkim/example.com/s2.key' },
    });
    assert.equal(esp?.over_sign, true);
    const vault_path = 'dkim/esp.example/s1';
    assert.deepEqual(esp?.key, { vault_mount: 'secret', vault_path, vault_key: 'key' });
    assert.equal(part.lookup('example.com'), part.lookup('example.com'));
  });

  it('signs as the very domain that a wildcard stands for', () => {
    const [own] = part.lookup('news.example.org');
    assert.equal(own?.domain, 'news.example.org');
    assert.equal(own?.algo, 'ed25519');
    assert.equal(own?.body_canonicalization, 'Simple');
    assert.deepEqual(own?.key, { path: 'dkim/news.example.org/s1.key' });
  });

  it('lets a further signature stand in where the domain has no block', () => {
    const domains = part.lookup('unknown.net').map(({ domain }) => domain);
    assert.deepEqual(domains, ['esp.example', 'stand-in.example']);
    assert.deepEqual(part.lookup('filed.net')[0]?.key, { path: 'keys/filed.pem' });
    const alone = make({ 'x.toml': '[base]\nselector = "b"\n' });
    assert.deepEqual(alone.lookup('unknown.net'), []);
  });

  it('signs the fields of RFC 6376 when no file names any', () => {
    const plain = make({ 'x.toml': '[domain."a.com"]\nselector = "s"\n' });
    assert.equal(plain.lookup('a.com')[0]?.headers[0], 'From');
    assert.ok(plain.lookup('a.com')[0]?.headers.includes('List-Unsubscribe'));
  });

  it('joins files of which each lacks base or domains, or both', () => {
    const alone = make({
      'domains.toml': '[domain."a.com"]\n',
      'nothing.toml': '# not yet\n',
      'base.toml': '[base]\nselector = "s"\n',
      'more.toml': '[domain."b.com"]\nselector = "t"\n',
    });
    assert.equal(alone.lookup('a.com')[0]?.selector, 's');
    assert.equal(alone.lookup('b.com')[0]?.selector, 't');
  });

  it('warns of a signature that nothing names, and names the keys it needs', () => {
    assert.deepEqual(heardFrom(part), [
      "warn more.toml: signature.'idle'.domain: the signature idle is not in " +
        'additional_signatures, so it is not used',
      "key s1._domainkey.esp.example of more.toml: signature.'esp'.domain",
      "key s1._domainkey.stand-in.example of more.toml: signature.'stand-in'.policy",
      // Whose keys the wildcard will ask for is not known yet.
      "key s2._domainkey.example.com of domains.toml: domain.'example.com'.selector",
      "key s1._domainkey.filed.net of domains.toml: domain.'filed.net'.filename",
    ]);
    assert.equal(definePolicy(part).parts.length, 1);
  });

  it('has a message signed once, by all that its author gets', async () => {
    const orders: (readonly string[])[] = [];
    lendSigning(async (_chunks, signings) => {
      orders.push(signings);
      return '';
    });
    const signed = async (domain: string | undefined): Promise<string[]> => {
      orders.length = 0;
      await part.sign({
        from_header: () => (domain === undefined ? undefined : { domain }),
        dkim_sign: (signer) => signer.sign([]),
      });
      assert.ok(orders.length <= 1);
      return (orders[0] ?? []).map((text) => (JSON.parse(text) as { domain: string }).domain);
    };
    try {
      assert.deepEqual(await signed('Example.COM'), ['example.com', 'esp.example']);
      assert.deepEqual(await signed('a.example.org'), ['a.example.org', 'esp.example']);
      assert.deepEqual(await signed('unknown.net'), ['esp.example', 'stand-in.example']);
      const refused = { code: 552, text: /^5\.6\.0 DKIM signing requires a From header/ };
      for (const none of [undefined, '', 'a b', '../etc/passwd', 'x/../y.example.org']) {
        await assert.rejects(signed(none), (thrown) => {
          const { code, text } = rejectionOf(thrown) ?? {};
          assert.equal(code, refused.code, String(none));
          assert.match(text ?? '', refused.text);
          return true;
        });
      }
      const idle = make({ 'x.toml': '[base]\nselector = "b"\n' });
      await idle.sign({
        from_header: () => ({ domain: 'unknown.net' }),
        dkim_sign: () => assert.fail('there is nothing to sign with'),
      });
    } finally {
      lendSigning(undefined);
    }
  });

  it('refuses what can never sign', () => {
    const refusal = (text: string) =>
      refusalOf({ 'k.toml': text }, () => dkim({ files: ['k.toml'] }));
    assert.equal(
      refusal('[domain."a.com"]\nover_sign = true'),
      "k.toml: domain.'a.com': has no selector; give it one, here or in [base]",
    );
    assert.match(
      refusal('[base]\nadditional_signatures = ["x"]'),
      /^k\.toml: base\.additional_signatures: the signature 'x' is not defined; add \[sig/,
    );
    assert.match(
      refusal('[base]\nselector = "s"\nadditional_signatures = ["x"]\n[signature.x]\n'),
      /signature\.'x': has no domain; name the domain that signs$/,
    );
    assert.match(refusal('[domain.a]\nselector = "s"\nheaders = ["To"]'), /its headers lack From/);
    assert.match(
      refusal('[base]\nheaders = ["From", "a:b"]\n[domain.a]\nselector = "s"'),
      /^k\.toml: base\.headers: .*'a:b' is not the name of a header field; write it without/,
    );
    assert.match(
      refusal('[domain.a]\nselector = "s; d=evil"'),
      /^k\.toml: domain\.'a'\.selector: 's; d=evil' is no selector; write it/,
    );
    assert.match(
      refusal('[domain.a]\nselector = "s"\nexpiration = 0'),
      /expiration: .*shorter than a second; give at least '1s'/,
    );
    assert.match(refusal('[base]\nselektor = "s"'), /^k\.toml: base\.selektor: .*'selector'\?$/);
    assert.match(
      refusal('[domain.a]\nalgo = "sha1"'),
      /algo: 'sha1' is not one of sha256, ed25519/,
    );
  });
});
