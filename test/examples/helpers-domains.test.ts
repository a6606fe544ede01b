/**
 * Helper `listenerDomains` and the map behind it, by example.
 * Deliberately unknown here: sessions.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseListenerDomain } from '../../src/domain/options-listener.ts';
import { createDomainMap } from '../../src/policy/helpers/domain-map.ts';
import { listenerDomains } from '../../src/policy/helpers/listener-domains.ts';
import { refusalOf, withFiles } from './helpers-kit.ts';

const FILE = `
["example.com"]
relay_to = true
["*.example.com"]
log_arf = "LogThenDrop"
["staff.example.com"]
relay_from = ["192.0.2.0/24"]
relay_from_authz = ["alice"]
["*"]
log_oob = true
[listener."127.0.0.1:25"."example.com"]
log_oob = true
[listener."127.0.0.1:26"."*"]
relay_to = true
`;
const LISTENER = '10.0.0.1:2025';
const part = withFiles({ 'd.toml': FILE, 'e.toml': '["example.com"]\nlog_arf = true\n' }, () =>
  listenerDomains({ files: ['d.toml', 'e.toml'] }),
);
const ask = (domain: string, listener = LISTENER, meta: Readonly<Record<string, string>> = {}) =>
  part.get_listener_domain?.(domain, listener, meta);

describe('the map of domains', () => {
  const map = createDomainMap([
    ['example.com', 'exact'],
    ['*.example.com', 'wild'],
    ['deep.b.example.com', 'deep'],
    ['*', 'any'],
  ]);
  const cases: readonly (readonly [string, string])[] = [
    ['example.com', 'exact'],
    ['EXAMPLE.com.', 'exact'],
    ['a.example.com', 'wild'],
    ['x.y.example.com', 'wild'],
    ['deep.b.example.com', 'deep'],
    // A name between has no value of its own, and hides the wildcard above it.
    ['b.example.com', 'any'],
    ['c.b.example.com', 'any'],
    // The lone star is for every name, whatever its last label.
    ['foo.com', 'any'],
    ['foo.net', 'any'],
    ['', 'any'],
    ['*.example.com', 'wild'],
  ];
  for (const [name, value] of cases) {
    it(`finds ${name || 'nothing'}`, () => assert.equal(map.find(name), value));
  }
  it('has nothing for what is not in it', () => {
    const bare = createDomainMap([['*.example.com', 1]]);
    assert.equal(bare.find('example.com'), undefined);
    assert.equal(bare.find('com'), undefined);
  });
});

describe('listenerDomains', () => {
  it('looks at the listener first, then at every listener, and uses the first entry whole', () => {
    assert.deepEqual(ask('example.com'), { relay_to: true, log_arf: true });
    assert.deepEqual(ask('example.com', '127.0.0.1:25'), { log_oob: true });
    assert.deepEqual(ask('a.example.com', '127.0.0.1:25'), { log_arf: 'LogThenDrop' });
    assert.deepEqual(ask('example.com', '127.0.0.1:26'), { relay_to: true });
    assert.deepEqual(ask('nowhere.com'), { log_oob: true });
    assert.equal(ask('nowhere.com'), ask('elsewhere.org'));
    assert.equal(parseListenerDomain(ask('nowhere.com'), '').log_oob, 'LogThenRelay');
  });

  it('lets in a peer that proved to be on the list, by its own address', () => {
    const networks = { relay_from: ['192.0.2.0/24'] };
    assert.deepEqual(ask('staff.example.com'), networks);
    const from = { received_from: '[2001:db8::1]:4321' };
    assert.deepEqual(ask('staff.example.com', LISTENER, from), networks);
    assert.deepEqual(ask('staff.example.com', LISTENER, { ...from, authz_id: 'eve' }), networks);
    for (const [place, address] of [
      ['[2001:db8::1]:4321', '2001:db8::1'],
      ['198.51.100.7:4321', '198.51.100.7'],
      ['198.51.100.7', '198.51.100.7'],
      ['2001:db8::1', '2001:db8::1'],
    ] as const) {
      const meta = { authz_id: 'alice', received_from: place };
      assert.deepEqual(ask('staff.example.com', LISTENER, meta), { relay_from: [address] });
    }
    const unreadable = { authz_id: 'alice', received_from: 'unix' };
    assert.deepEqual(ask('staff.example.com', LISTENER, unreadable), networks);
  });

  it('refuses with file, key and way out', () => {
    const refusal = (text: string) =>
      refusalOf({ 'd.toml': text }, () => listenerDomains({ files: ['d.toml'] }));
    assert.match(
      refusal('["a.com"]\nrelay_too = true'),
      /^d\.toml: 'a\.com'\.relay_too: .*'relay_to'\?$/,
    );
    assert.match(refusal('relay_to = true'), /^d\.toml: relay_to: true is not a table/);
    assert.match(
      refusal('[listener."localhost"."a.com"]\n'),
      /^d\.toml: listener\.'localhost': 'localhost' is not an address with a port; write/,
    );
    assert.match(refusal('["a*.com"]\n'), /^d\.toml: 'a\*\.com': has a '\*' that is not/);
  });

  it('answers nothing without files', () => {
    const empty = withFiles({ 'x.toml': '' }, () => listenerDomains({ files: ['x.toml'] }));
    assert.equal(empty.get_listener_domain?.('a.com', LISTENER, {}), undefined);
  });
});
