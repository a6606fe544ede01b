/**
 * The JSON Schemas of data files: fresh, well-formed, and of one mind with the loader about files
 * that are in order and about misspelt ones. Deliberately unknown here: editors.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { DATA_FILES, drawSchemas } from '../../scripts/schemas/files.ts';
import type { OptionTable } from '../../src/domain/options.ts';
import { SOURCE_OPTIONS } from '../../src/domain/options-egress.ts';
import { HOOK_OPTIONS } from '../../src/domain/options-hook.ts';
import { LISTENER_DOMAIN_OPTIONS } from '../../src/domain/options-listener.ts';
import { PATH_OPTIONS } from '../../src/domain/options-path.ts';
import { QUEUE_OPTIONS } from '../../src/domain/options-queue.ts';
import { parseDataText } from '../../src/policy/helpers/files.ts';
import { DEFAULT_SHAPING } from '../../src/policy/helpers/shaping-default.ts';
import { IANA_RULES } from '../../src/policy/iana-rules.ts';

interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly unknown[] | null;
}
interface SchemaLibrary {
  new (options: object): { compile(schema: object): Validator };
}

// The library comes along with fastify and is found from there, as it is no dependency of ours.
const findLibrary = (): SchemaLibrary => {
  const fastify = createRequire(createRequire(import.meta.url).resolve('fastify'));
  const compiler = createRequire(fastify.resolve('@fastify/ajv-compiler'));
  return (compiler('ajv') as { readonly default: SchemaLibrary }).default;
};
const Library = findLibrary();
const drawn = drawSchemas();
const validatorOf = (name: string): Validator => {
  const schema = JSON.parse(drawn.get(`${name}.schema.json`) ?? '') as object;
  return new Library({ strict: true, allowUnionTypes: true }).compile(schema);
};
const tableOf = (toml: string): Record<string, unknown> => parseDataText(toml, 'x.toml').table;

const IN_ORDER: Readonly<Record<string, readonly string[]>> = {
  sources: [
    '',
    `[source."ip-1"]
source_address = "2001:db8::1"
socks5_proxy_server = "10.0.0.1:1080"
ttl = "1h 30m"
suspend_when_unplumbed = { trigger = { Threshold = "3/5m" }, duration = 300 }
[pool.main."ip-1"]
weight = 0`,
  ],
  queues: [
    `tenant_header = "X-Tenant"
[queue.default]
max_age = "2 days"
[queue."*.example.com"]
protocol.smtp.mx_list = ["a:25", { name = "b", addr = "10.0.0.1" }]
overall_max_message_rate = "1_000/hr"
[queue."*.example.com".acme.spring]
max_message_rate = "local:10/s,max_burst=1"
shrink_policy = [{ interval = 60, policy = "ShrinkData" }]
[tenant.acme]
require_authz = ["a"]
campaigns.spring = { overall_max_message_rate = "1/m", retry_interval = 1.5 }`,
  ],
  shaping: [
    DEFAULT_SHAPING,
    `[default]
connection_limit = "local:10"
additional_connection_limits = { x = { limit = 3, force_local = true } }
skip_hosts = ["10.0.0.0/8", "::1"]
[provider.p]
match = [{ MXSuffix = ".x.com" }, { HostName = "a" }, { DomainSuffix = ".gov" }]
provider_connection_limit = 3
[provider.p.sources.s]
provider_source_selection_rate = "50/day,max_burst=1"
smtp_auth_plain_password = { key_data = "x" }
[["a.com".automation]]
regex = ["a", "b"]
action = ["Suspend", { SetConfig = { name = "max_ready", value = 1 } }]
duration = "1h"
["a.com"]
mx_rollup = false
replace_base = true`,
  ],
  'listener-domains': [
    `["*"]
log_oob = true
relay_from = ["192.0.2.0/24"]
[listener."[::1]:25"."a.com"]
log_arf = "LogThenDrop"
relay_from_authz = ["x"]`,
  ],
  'bounce-classifier': [IANA_RULES, '[rules]\n"a label" = []'],
  dkim: [
    `[base]
selector = "s"
additional_signatures = ["x"]
[domain."a.com"]
algo = "ed25519"
expiration = "1d"
[signature.x]
domain = "b.com"
policy = "OnlyIfMissingDomainBlock"`,
  ],
  'log-hooks': [
    `[log_hook."webhook"]
url = "https://example.com/log"
batch_size = 100
start = "2026-11-22T15:00:00Z"
types = ["Delivery", "Bounce"]
retention = { max_age = "1 day" }
log_parameters = { meta = ["tenant", "x-*"], per_record = { Any = { template = "{{ id }}" } } }
queue_config = { retry_interval = "30s", max_age = "1 day" }
[log_hook.k.kafka]
"bootstrap.servers" = "10.0.0.3:9092"
topic = "mail-{{type}}"
[log_hook.a.amqp]
uri = "amqp://u:p@10.0.0.2/mail"
routing_key = "event.{{type}}"
[log_hook.h]
url = "https://example.com/log"
http = { gzip = true, timeout = "10s", headers = { x = "y" } }`,
  ],
};

const OUT_OF_ORDER: Readonly<Record<string, readonly string[]>> = {
  sources: [
    '[source.a]\nsource_adress = "10.0.0.1"',
    '[source.a]\nremote_port = 0',
    '[source.a]\nsuspend_when_unplumbed = { trigger = "Immediate" }',
    '[pool.a.b]\nweight = -1',
  ],
  'bounce-classifier': ['[rules]\na = "x"', '[rules]\na = [""]', '[rule]\na = []'],
  queues: [
    '[queue."a.com"]\nmax_agee = 1',
    '[queue."a.com".t.c]\nmax_age = "soon"',
    '[tenant.t]\nmax_message_rate = 10',
    'tenant_header = ""',
  ],
  shaping: [
    'max_ready = 1',
    '[default]\nmax_ready = "1"',
    '["a.com"]\nenable_dane = true',
    '[[default.automation]]\nregex = "x"\naction = "Suspend"',
    '[provider.p]\nmatch = [{ Suffix = "x" }]',
  ],
  'listener-domains': ['relay_to = true', '["a.com"]\nlog_oob = "Log"', '[listener.x]\ny = 1'],
  dkim: ['[base]\nalgo = "sha256"', '[domain.a]\nover_sign = "no"', '[domains.a]'],
  'log-hooks': [
    '[hooks.a]\nurl = "http://a.test"',
    '[log_hook.a]\nbatchsize = 2',
    '[log_hook.a]\nbatch_size = 0',
    '[log_hook.a]\ntypes = ["Delivered"]',
    '[log_hook.a.per_record.Delivry]\nenable = false',
    '[log_hook.a.queue_config]\nretry = "1m"',
    '[log_hook.a.log_parameters]\nfilter = "x"',
    '[log_hook.a]\nname = "b"',
  ],
};

describe('schemas of data files', () => {
  it('are those in the repository', () => {
    for (const [name, text] of drawn) {
      const file = new URL(`../../schemas/${name}`, import.meta.url);
      assert.equal(readFileSync(file, 'utf8'), text, `${name}: run scripts/schemas.ts`);
    }
  });

  for (const [name, kind] of Object.entries(DATA_FILES)) {
    it(`take the ${name} files that the loader takes`, () => {
      const validate = validatorOf(name);
      for (const toml of IN_ORDER[name] ?? []) {
        const table = tableOf(toml);
        assert.doesNotThrow(() => kind.read(table));
        assert.ok(validate(table), JSON.stringify(validate.errors));
      }
      const example = new URL(`../../examples/helpers/${name}.toml`, import.meta.url);
      const text = readFileSync(example, 'utf8');
      assert.ok(text.startsWith(`#:schema ../../schemas/${name}.schema.json\n`));
      assert.ok(validate(tableOf(text)), JSON.stringify(validate.errors));
      assert.ok(validate({ $schema: 'x' }));
    });

    it(`refuse the ${name} files that it refuses`, () => {
      const validate = validatorOf(name);
      for (const toml of OUT_OF_ORDER[name] ?? []) {
        const table = tableOf(toml);
        assert.throws(() => kind.read(table), toml);
        assert.equal(validate(table), false, toml);
      }
    });
  }

  it('know every option, and what each is without being given', () => {
    const tables: readonly OptionTable[] = [
      SOURCE_OPTIONS,
      LISTENER_DOMAIN_OPTIONS,
      PATH_OPTIONS,
      QUEUE_OPTIONS,
      HOOK_OPTIONS,
    ];
    for (const [key, row] of tables.flatMap((table) => Object.entries(table))) {
      const { schema } = row.kind;
      // Code cannot stand in a file.
      if (key === 'custom') continue;
      assert.ok(schema !== undefined && Object.keys(schema).length > 0, key);
      if (row.presence !== 'kept') continue;
      const validate = new Library({ allowUnionTypes: true }).compile(schema);
      assert.ok(validate(row.standard), `${key}: its default is not what its schema takes`);
    }
  });
});
