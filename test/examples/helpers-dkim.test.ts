/**
 * Helper `dkim`, by example: which signatures mail of a domain gets.
 * Deliberately unknown here: signing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { definePolicy } from '../../src/policy/define.ts';
import { dkim } from '../../src/policy/helpers/dkim.ts';
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
      expirationMs: 86_400_000,
      headerCanonicalization: 'Relaxed',
      bodyCanonicalization: 'Relaxed',
      // A false of the domain undoes the true of base.
      overSign: false,
      key: { path: 'dkim/example.com/s2.key' },
    });
    assert.equal(esp?.overSign, true);
    assert.deepEqual(esp?.key, { vault_mount: 'secret', vault_path: 'dkim/esp.example/s1' });
    assert.equal(part.lookup('example.com'), part.lookup('example.com'));
  });

  it('signs as the very domain that a wildcard stands for', () => {
    const [own] = part.lookup('news.example.org');
    assert.equal(own?.domain, 'news.example.org');
    assert.equal(own?.algo, 'ed25519');
    assert.equal(own?.bodyCanonicalization, 'Simple');
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

  it('warns of a signature that nothing names', () => {
    assert.deepEqual(heardFrom(part), [
      "warn more.toml: signature.'idle'.domain: the signature idle is not in " +
        'additional_signatures, so it is not used',
    ]);
    assert.equal(definePolicy(part).parts.length, 1);
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
    assert.match(refusal('[base]\nselektor = "s"'), /^k\.toml: base\.selektor: .*'selector'\?$/);
    assert.match(
      refusal('[domain.a]\nalgo = "sha1"'),
      /algo: 'sha1' is not one of sha256, ed25519/,
    );
  });
});
