/**
 * Helper `shaping`, by example: which blocks hold for a path, what a provider implies, how files
 * are joined. Deliberately unknown here: where sites come from; that is `helpers-sites.test.ts`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { originsOf } from '../../src/policy/helpers/origins.ts';
import type { ShapingSettings } from '../../src/policy/helpers/shaping.ts';
import { shaping } from '../../src/policy/helpers/shaping.ts';
import type { OptionValue } from '../../src/policy/hooks.ts';
import { refusalOf, withFiles } from './helpers-kit.ts';

const SITES = { 'shaping.sites': { 'example.com': 'mx.example.com', 'other.com': 'mx.other.com' } };

const make = (files: Readonly<Record<string, string>>, settings: Partial<ShapingSettings> = {}) =>
  withFiles(
    files,
    () => shaping({ files: Object.keys(files), no_default_files: true, ...settings }),
    SITES,
  );
const asker =
  (part: ReturnType<typeof make>) =>
  (domain: string, source = 's', site = 'nowhere', hosts: readonly string[] = []) =>
    part.get_egress_path_config?.(domain, source, site, hosts) as Record<string, OptionValue>;
const askIn = (...texts: readonly string[]) =>
  asker(make(Object.fromEntries(texts.map((text, at) => [`${at}.toml`, text]))));

const ORDER = `
[default]
max_ready = 1
smtp_port = 1001
ehlo_timeout = 11
[default.sources.s]
max_ready = 99
[provider.p]
match = [{ MXSuffix = ".example.com" }]
smtp_port = 1002
ehlo_timeout = 12
connect_timeout = 12
[provider.p.sources.s]
connect_timeout = 13
banner_timeout = 13
["example.com"]
banner_timeout = 14
data_timeout = 14
["example.com".sources.s]
rset_timeout = 16
idle_timeout = 16
["alone.net"]
mx_rollup = false
data_timeout = 15
rset_timeout = 15
["alone.net".sources.s]
idle_timeout = 17
`;

describe('shaping', () => {
  it('lays default, provider, its source, site, domain and their sources over each other', () => {
    const ask = askIn(ORDER);
    const hosts = ['mx1.example.com.', 'MX2.example.com'];
    assert.deepEqual(ask('alone.net', 's', 'mx.example.com', hosts), {
      refresh_strategy: 'Epoch',
      max_ready: 1,
      smtp_port: 1002,
      ehlo_timeout: 12,
      connect_timeout: 13,
      banner_timeout: 14,
      data_timeout: 15,
      rset_timeout: 16,
      idle_timeout: 17,
      provider_name: 'p',
    });
    const other = ask('alone.net', 'other', 'mx.example.com', hosts);
    assert.equal(other['connect_timeout'], 12);
    assert.equal(other['rset_timeout'], 15);
    assert.equal(other['idle_timeout'], undefined);
    assert.deepEqual(ask('stranger.org'), {
      refresh_strategy: 'Epoch',
      max_ready: 1,
      smtp_port: 1001,
      ehlo_timeout: 11,
    });
  });

  it('gives one frozen object for equal paths, and tells where options come from', () => {
    const ask = askIn(ORDER);
    assert.equal(ask('a.org', 's1', 'x'), ask('b.org', 's2', 'y'));
    assert.equal(
      ask('a.org', 's', 'mx.example.com', ['mx.example.com']),
      ask('b.org', 's', 'mx.example.com', ['mx.example.com']),
    );
    const answer = ask('a.org', 's', 'mx.example.com', ['mx.example.com']);
    assert.ok(Object.isFrozen(answer));
    const origins = originsOf(answer);
    assert.equal(origins?.['idle_timeout'], "0.toml: 'example.com'.sources.'s'.idle_timeout");
    assert.equal(origins?.['max_ready'], '0.toml: default.max_ready');
    assert.equal(origins?.['refresh_strategy'], 'shaping(): built in');
  });

  it('lets a provider match by every exchanger, or by the domain alone', () => {
    const ask = askIn(`
[provider.mx]
match = [{ MXSuffix = ".big.example" }, { HostName = "one.small.example" }]
[provider.domain]
match = [{ DomainSuffix = ".gov" }]
`);
    const nameOf = (domain: string, ...hosts: string[]) =>
      ask(domain, 's', 'x', hosts)['provider_name'];
    assert.equal(nameOf('a.com', 'mx.big.example', 'One.small.example.'), 'mx');
    assert.equal(nameOf('a.com', 'mx.big.example', 'two.small.example'), undefined);
    assert.equal(nameOf('a.com'), undefined);
    assert.equal(nameOf('tax.gov', 'mx.elsewhere.net'), 'domain');
    assert.equal(nameOf('tax.gov', 'mx.big.example'), 'domain');
    // An address literal is no name, so no provider has it.
    assert.equal(nameOf('[192.0.2.1]', 'mx.big.example'), undefined);
    assert.equal(nameOf('a.com:2525', 'mx.big.example'), 'mx');
  });

  it('makes limits of a provider named limits that its sites share, by source', () => {
    const ask = askIn(`
[provider.p]
match = [{ DomainSuffix = ".com" }]
provider_connection_limit = 7
provider_max_message_rate = "70/s"
connection_limit = 3
additional_connection_limits = { mine = 5 }
[provider.p.sources.warm]
provider_source_selection_rate = "9/d"
provider_connection_limit = 1
`);
    assert.deepEqual(ask('a.com', 's'), {
      refresh_strategy: 'Epoch',
      connection_limit: 3,
      additional_connection_limits: { mine: 5, 'shaping-provider-p-s-limit': 7 },
      additional_message_rate_throttles: { 'shaping-provider-p-s-rate': '70/s' },
      provider_name: 'p',
    });
    const warm = ask('b.com', 'warm');
    const limits = { mine: 5, 'shaping-provider-p-warm-limit': 1 };
    assert.deepEqual(warm['additional_connection_limits'], limits);
    const rates = { 'shaping-provider-p-warm-selection-rate': '9/d' };
    assert.deepEqual(warm['additional_source_selection_rates'], rates);
    assert.equal(parsePathConfig(warm, '').connection_limit.limit, 3);
  });

  it('joins files: values whole, named limits by name, matches and rules one after another', () => {
    const files = {
      'a.toml': `[provider.p]
match = [{ DomainSuffix = ".com" }]
provider_max_message_rate = "1/s"
additional_connection_limits = { a = 1, b = 1 }
[[provider.p.automation]]
regex = "one"
action = "Suspend"
duration = "1h"
`,
      'b.json': JSON.stringify({
        provider: {
          p: {
            match: [{ DomainSuffix: '.net' }],
            provider_max_message_rate: '2/s',
            additional_connection_limits: { b: 2 },
            automation: [{ regex: 'two', action: 'Bounce', duration: '2h' }],
          },
        },
      }),
    };
    const part = make(files);
    const answer = asker(part)('a.net');
    assert.deepEqual(answer['additional_connection_limits'], { a: 1, b: 2 });
    // The rate of the later file counts, as for every other option.
    const rates = { 'shaping-provider-p-s-rate': '2/s' };
    assert.deepEqual(answer['additional_message_rate_throttles'], rates);
    assert.equal(asker(part)('a.com'), answer);
    const sources = part.automation.map(({ rule }) => rule.regex[0]?.source);
    assert.deepEqual(sources, ['one', 'two']);
  });

  it('forgets what was said before where a block replaces it, in whichever file', () => {
    const first = `[default]\nmax_ready = 5\n["alone.net"]\nmx_rollup = false\nsmtp_port = 26\n`;
    const replacing = '["alone.net"]\nmx_rollup = false\nreplace_base = true\nehlo_timeout = 3\n';
    const last = '["alone.net"]\nmx_rollup = false\nrset_timeout = 4\n';
    const ask = askIn(first, replacing, last);
    const wanted = { refresh_strategy: 'Epoch', ehlo_timeout: 3, rset_timeout: 4 };
    assert.deepEqual(ask('alone.net'), wanted);
    assert.equal(ask('b.net')['max_ready'], 5);
    const provider =
      '[provider.p]\nmatch = [{ DomainSuffix = ".net" }]\nsmtp_port = 27\n' +
      'provider_connection_limit = 1\n';
    const over = '[provider.p]\nreplace_base = true\nmatch = [{ DomainSuffix = ".org" }]\n';
    assert.equal(askIn(provider, over)('a.net')['provider_name'], undefined);
    assert.deepEqual(askIn(provider, over)('a.org'), {
      refresh_strategy: 'Epoch',
      provider_name: 'p',
    });
  });
});

describe('shaping refuses', () => {
  const refusal = (text: string) =>
    refusalOf({ 's.toml': text }, () => shaping({ files: ['s.toml'] }));

  it('unknown keys and wrong values, with file and key', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['[default]\nmax_redy = 1', /^s\.toml: default\.max_redy: .*did you mean 'max_ready'\?$/],
      ['["a.com".sources.s]\nsmtp_port = 0', /^s\.toml: 'a\.com'\.sources\.'s'\.smtp_port: 0 is/],
      [
        '[example.com]\nmax_ready = 1',
        /'example'\.com: .*'example\.com' .*write \["example\.com"\]$/,
      ],
      ['["*.a.com"]', /^s\.toml: '\*\.a\.com': this is no domain; .*DomainSuffix$/],
      ['max_ready = 1', /^s\.toml: max_ready: 1 is not a table, and 'max_ready' is not/],
      ['[provider.p]\nmatch = [{ MxSuffix = "x" }]', /match\.entry 1: .* matches nothing; write/],
      ['[provider.p]\nprovider_conection_limit = 1', /did you mean 'provider_connection_limit'\?$/],
    ];
    for (const [text, sentence] of cases) assert.match(refusal(text), sentence);
  });

  it('rules that could not be obeyed', () => {
    const rule = (rest: string) => `[["a.com".automation]]\nregex = "x"\nduration = "1h"\n${rest}`;
    const cases: readonly (readonly [string, RegExp])[] = [
      ['action = "Suspendd"', /'a\.com'\.automation\.entry 1\.action: .*did you mean 'Suspend'\?$/],
      ['action = []', /action: the list is empty; give at least one$/],
      [
        'action = { SetConfig = { name = "max_redy", value = 1 } }',
        /SetConfig\.name: .*'max_ready'/,
      ],
      [
        'action = { SetConfig = { name = "max_ready", value = "x" } }',
        /SetConfig\.value: 'x' is not/,
      ],
      ['action = "Bounce"\ntrigger = { Threshold = "3" }', /trigger: rate '3' has no '\/'/],
    ];
    for (const [rest, sentence] of cases) assert.match(refusal(rule(rest)), sentence);
    assert.match(refusal('[[default.automation]]\nregex = "("\n'), /regex: Invalid regular expr/);
  });
});
