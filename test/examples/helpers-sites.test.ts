/**
 * How `shaping` learns which site a domain of its files belongs to, and what it does without.
 * Deliberately unknown here: DNS.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import type { ShapingSettings } from '../../src/policy/helpers/shaping.ts';
import { shaping } from '../../src/policy/helpers/shaping.ts';
import type { MxAnswer } from '../../src/policy/hooks.ts';
import { heardFrom, prepareWith, refusalOf, withFiles } from './helpers-kit.ts';

const FILE = `
["one.com"]
max_ready = 1
smtp_port = 26
["two.com"]
max_ready = 2
["one.com".sources.s]
ehlo_timeout = 5
["gone.com"]
max_ready = 3
["mute.com"]
max_ready = 4
[provider.p]
match = [{ MXSuffix = ".big.net" }]
[provider.q]
match = [{ DomainSuffix = "one.com" }]
`;
const MX: Readonly<Record<string, MxAnswer>> = {
  'one.com': { site_name: '(a|b).big.net', hosts: ['a.big.net', 'b.big.net'] },
  'two.com': { site_name: '(a|b).big.net', hosts: ['a.big.net', 'b.big.net'] },
  'mute.com': { site_name: '', hosts: [] },
};
const make = (settings: Partial<ShapingSettings> = {}, facts = {}) =>
  withFiles(
    { 's.toml': FILE },
    () => shaping({ files: ['s.toml'], no_default_files: true, ...settings }),
    facts,
  );
const ask = (part: ReturnType<typeof make>, domain: string, site: string, source = 'x') =>
  part.get_egress_path_config?.(domain, source, site, []);

describe('shaping and sites', () => {
  it('joins domains of one site in the order of the file, and keeps what it learnt', async () => {
    const part = make();
    const { facts } = await prepareWith(part, MX);
    assert.deepEqual(facts, {
      'shaping.sites': { 'one.com': '(a|b).big.net', 'two.com': '(a|b).big.net' },
    });
    // The same version, loaded again elsewhere, answers from those facts.
    for (const one of [part, make({}, facts)]) {
      const answer = ask(one, 'stranger.org', '(a|b).big.net');
      assert.equal(answer?.max_ready, 2);
      assert.equal(answer?.smtp_port, 26);
      assert.equal(ask(one, 'stranger.org', '(a|b).big.net', 's')?.ehlo_timeout, 5);
      assert.equal(ask(one, 'stranger.org', 'other'), ask(one, 'else.org', 'another'));
    }
  });

  it('lets a block hold for its own domain when its site is not known or has changed', async () => {
    const part = make();
    await prepareWith(part, MX);
    assert.equal(ask(part, 'gone.com', 'mx.gone.com')?.max_ready, 3);
    assert.equal(ask(part, 'one.com', 'mx.moved.net')?.max_ready, 2);
    assert.equal(ask(part, 'stranger.org', 'mx.gone.com')?.max_ready, undefined);
    assert.equal(ask(make(), 'one.com', 'anything')?.smtp_port, 26);
  });

  it('warns of what is odd, or refuses it, or says nothing', async () => {
    const oddities = [
      "s.toml: 'one.com': it matches the providers p, q; the last one names it",
      "s.toml: 'two.com': it is the same site as one.com; what is written later counts for both",
      "s.toml: 'gone.com': its exchangers are not known (NXDOMAIN), so it holds for no site",
      "s.toml: 'mute.com': this domain takes no mail (null MX)",
    ];
    const told = async (how: 'Ignore' | 'Warn' | 'Error') => {
      const each = { aliased_site: how, dns_fail: how, null_mx: how, provider_overlap: how };
      const { lines } = await prepareWith(make(each), MX);
      return lines;
    };
    assert.deepEqual(await told('Ignore'), []);
    assert.deepEqual(
      await told('Warn'),
      oddities.map((line) => `warn ${line}`),
    );
    const refused = await told('Error');
    assert.equal(refused.length, oddities.length);
    for (const [at, line] of refused.entries()) {
      assert.ok(line.startsWith(`refuse ${oddities[at]}; `), line);
    }
  });

  it('needs its files unless it is told that they may be lost', () => {
    const files = ['none.toml'];
    assert.match(
      refusalOf({}, () => shaping({ files })),
      /^none\.toml: this data file does not/,
    );
    const warned = withFiles({}, () => shaping({ files, local_load: 'Warn' }));
    assert.deepEqual(heardFrom(warned), ['warn none.toml: this data file does not exist']);
    const silent = withFiles({}, () => shaping({ files, local_load: 'Ignore' }));
    assert.deepEqual(heardFrom(silent), []);
  });

  it('warns of blocks that never count', () => {
    const text = '[default.sources.s]\nmax_ready = 1\n[provider.p]\nmax_ready = 1\n["example"]\n';
    const part = withFiles({ 's.toml': text }, () => shaping({ files: ['s.toml'] }));
    assert.deepEqual(heardFrom(part), [
      "warn default: sources.'s' of default is never applied; write it for a provider",
      "warn s.toml: 'example': one label alone: were the quotes forgotten?",
      "warn provider.'p': has no match, so it never applies",
    ]);
  });
});

describe('the shaping file that comes along', () => {
  const part = withFiles({ 'own.toml': '[default]\nconnection_limit = 1\n' }, () =>
    shaping({ files: ['own.toml'] }),
  );
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['google', ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com']],
    ['google', ['aspmx.l.google.com', 'aspmx2.googlemail.com']],
    ['outlook', ['outlook-com.olc.protection.outlook.com']],
    ['office365', ['example-com.mail.protection.outlook.com']],
    ['yahoo', ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net']],
    ['icloud', ['mx01.mail.icloud.com', 'mx02.mail.icloud.com']],
  ];
  for (const [provider, hosts] of cases) {
    it(`knows ${hosts[0]}`, () => {
      const answer = part.get_egress_path_config?.('some.domain', 's', 'site', hosts);
      assert.equal(answer?.provider_name, provider);
      assert.equal(parsePathConfig(answer, '').enable_tls, 'OpportunisticInsecure');
    });
  }

  it('stands beneath the files of the operator', () => {
    const answer = part.get_egress_path_config?.('some.domain', 's', 'site', ['mx.some.domain']);
    assert.equal(answer?.connection_limit, 1);
    assert.equal(answer?.provider_name, undefined);
    assert.ok(part.automation.length >= 3);
    assert.ok(part.automation.every(({ scope }) => scope === 'provider'));
    const pattern = part.automation.find(({ name }) => name === 'yahoo')?.rule.regex[0];
    assert.match(
      '421 4.7.0 [TSS04] Messages temporarily deferred',
      new RegExp(pattern?.source ?? ''),
    );
  });
});
