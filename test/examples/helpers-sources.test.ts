/**
 * Helper `sources`, by example: sources and pools from one file, from several, and what is refused.
 * Deliberately unknown here: other helpers.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originsOf } from '../../src/policy/helpers/origins.ts';
import type { SourcesSettings } from '../../src/policy/helpers/sources.ts';
import { sources } from '../../src/policy/helpers/sources.ts';
import { heardFrom, refusalOf, withFiles } from './helpers-kit.ts';

const ONE = `
[source."ip-1"]
source_address = "10.0.0.1"
ehlo_domain = "one.example.com"
[source."ip-2"]
source_address = "10.0.0.2"
suspend_when_unplumbed = { duration = "5m" }
[pool."main"."ip-1"]
[pool."main"."ip-2"]
weight = 3
`;
const TWO = JSON.stringify({
  source: { 'ip-1': { ehlo_domain: 'uno.example.com' } },
  pool: { main: { 'ip-1': { weight: 2 } }, spare: { 'ip-2': {} } },
});
const make = (files: Readonly<Record<string, string>>) =>
  withFiles(files, () => sources({ files: Object.keys(files) }));
const refusal = (text: string) =>
  refusalOf({ 's.toml': text }, () => sources({ files: ['s.toml'] }));

describe('sources', () => {
  it('answers sources and pools of a file', () => {
    const part = make({ 's.toml': ONE });
    assert.deepEqual(part.get_egress_source?.('ip-2'), {
      source_address: '10.0.0.2',
      suspend_when_unplumbed: { duration: '5m' },
    });
    assert.deepEqual(part.get_egress_pool?.('main'), {
      entries: [
        { name: 'ip-1', weight: 1 },
        { name: 'ip-2', weight: 3 },
      ],
    });
    assert.equal(part.get_egress_source?.('ip-3'), undefined);
    assert.equal(part.get_egress_pool?.('ip-1'), undefined);
    assert.equal(part.get_egress_pool?.('main'), part.get_egress_pool?.('main'));
    assert.ok(Object.isFrozen(part.get_egress_source?.('ip-2')?.suspend_when_unplumbed));
  });

  it('lays options of later files over earlier ones and appends entries of pools', () => {
    const part = make({ 's.toml': ONE, 't.json': TWO });
    const source = part.get_egress_source?.('ip-1');
    assert.deepEqual(source, { source_address: '10.0.0.1', ehlo_domain: 'uno.example.com' });
    assert.deepEqual(originsOf(source), {
      source_address: "s.toml: source.'ip-1'.source_address",
      ehlo_domain: "t.json: source.'ip-1'.ehlo_domain",
    });
    assert.deepEqual(part.get_egress_pool?.('main')?.entries, [
      { name: 'ip-1', weight: 1 },
      { name: 'ip-2', weight: 3 },
      { name: 'ip-1', weight: 2 },
    ]);
    assert.ok(
      heardFrom(part).includes(
        "warn t.json: pool.'main'.'ip-1': ip-1 is in the pool main more than once",
      ),
    );
  });

  it('takes tables in place of files, and files without one of the sections', () => {
    const settings: SourcesSettings = {
      files: [{ pool: { p: { a: {} } } }, 'empty.toml', { source: { a: { ttl: '5m' } } }],
    };
    const part = withFiles({ 'empty.toml': '# nothing yet\n' }, () => sources(settings));
    assert.deepEqual(part.get_egress_source?.('a'), { ttl: '5m' });
    assert.deepEqual(heardFrom(part), [
      "source a of inline table 2: source.'a'",
      "source a of inline table 1: pool.'p'.'a'",
      "pool p of inline table 1: pool.'p'",
    ]);
  });

  it('says which sources and pools its data names', () => {
    const heard = heardFrom(make({ 's.toml': '[pool.p.gone]\nweight = 0\n' }));
    assert.deepEqual(heard, [
      "source gone of s.toml: pool.'p'.'gone'",
      "warn s.toml: pool.'p': the pool p has no source that is used",
      "pool p of s.toml: pool.'p'",
    ]);
  });

  it('refuses with file, key and way out', () => {
    assert.equal(
      refusal('[source."ip-1"]\nsource_adress = "10.0.0.1"\n'),
      "s.toml: source.'ip-1'.source_adress: is not an option here; did you mean 'source_address'?",
    );
    assert.equal(
      refusal('[source.a]\nsource_address = "10.0.0"\n'),
      "s.toml: source.'a'.source_address: '10.0.0' is not an IP address; " +
        "write it without brackets or port, like '192.0.2.1' or '2001:db8::1'",
    );
    assert.equal(
      refusal('[sources.a]\n'),
      "s.toml: sources: is not an option here; did you mean 'source'?",
    );
    assert.match(refusal('[pool.p]\na = 3\n'), /^s\.toml: pool\.'p'\.'a': 3 is not a table; give/);
    assert.match(refusal('[pool.p.a]\nwieght = 3\n'), /'a'\.wieght: .* did you mean 'weight'\?$/);
    assert.match(refusal('[source.unspecified]\n'), /source\.'unspecified': this name is built in/);
  });

  it('refuses what only the joined files show', () => {
    const files = {
      'a.toml': '[source.s]\nsocks5_proxy_server = "10.0.0.9:1080"\n',
      'b.toml': '[source.s]\nsocks5_proxy_username = "me"\n',
    };
    assert.match(
      refusalOf(files, () => sources({ files: Object.keys(files) })),
      /^a\.toml and b\.toml: source\.'s': socks5_proxy_username: is given without socks5_proxy/,
    );
  });

  it('refuses settings of its own that are wrong', () => {
    assert.equal(
      refusalOf({}, () => sources({ file: ['s.toml'] } as unknown as SourcesSettings)),
      "sources(): file: is not an option here; did you mean 'files'?",
    );
    assert.match(
      refusalOf({}, () => sources({ files: 's.toml' } as unknown as SourcesSettings)),
      /^sources\(\): files: 's\.toml' is not a list; put it in \[ \]$/,
    );
  });
});
