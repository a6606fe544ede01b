/**
 * Helper `queues`, by example: which block counts above which, files joined, rates of tenants.
 * Deliberately unknown here: reception, and other helpers.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseQueueConfig } from '../../src/domain/options-queue.ts';
import type { MessageView } from '../../src/domain/policy-asker.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { originsOf } from '../../src/policy/helpers/origins.ts';
import { queues } from '../../src/policy/helpers/queues.ts';
import { heardFrom, refusalOf, withFiles } from './helpers-kit.ts';

const FILE = `
[queue.default]
egress_pool = "base"
max_age = "1 day"
retry_interval = "10m"
[queue."example.com"]
egress_pool = "domain"
retry_interval = "20m"
max_retry_interval = "1h"
[queue."example.com"."acme"]
max_retry_interval = "2h"
[queue."example.com"."acme"."spring"]
max_retry_interval = "3h"
[queue."*.example.org"]
egress_pool = "wild"
[tenant."acme"]
egress_pool = "tenant"
max_retry_interval = "4h"
overall_max_message_rate = "100/s"
[tenant."acme".campaigns."spring"]
overall_max_message_rate = "10/s"
max_message_rate = "1/s"
[tenant."small".campaigns."spring"]
overall_max_message_rate = "5/s"
[tenant."small"]
`;
const make = (files: Readonly<Record<string, string>>) =>
  withFiles(files, () => queues({ files: Object.keys(files) }));
const part = make({ 'q.toml': FILE });
const ask = (domain: string, tenant?: string, campaign?: string) =>
  part.get_queue_config?.(domain, tenant, campaign, undefined);
const refusal = (text: string) =>
  refusalOf({ 'q.toml': text }, () => queues({ files: ['q.toml'] }));

describe('queues', () => {
  it('lays domain over default, tenant over domain, and the domain of a tenant over both', () => {
    const base = { refresh_strategy: 'Epoch', egress_pool: 'base', max_age: '1 day' };
    assert.deepEqual(ask('other.net'), { ...base, retry_interval: '10m' });
    const domain = { ...base, egress_pool: 'domain', retry_interval: '20m' };
    assert.deepEqual(ask('Example.com'), { ...domain, max_retry_interval: '1h' });
    const tenant = { ...domain, egress_pool: 'tenant', max_retry_interval: '2h' };
    assert.deepEqual(ask('example.com', 'acme'), tenant);
    assert.deepEqual(ask('example.com', 'acme', 'autumn'), tenant);
    assert.deepEqual(ask('example.com', 'acme', 'spring'), {
      ...tenant,
      max_message_rate: '1/s',
      max_retry_interval: '3h',
    });
    assert.deepEqual(ask('other.net', 'acme'), {
      ...base,
      retry_interval: '10m',
      egress_pool: 'tenant',
      max_retry_interval: '4h',
    });
  });

  it('knows wildcards, and does not take the parent for its child', () => {
    assert.equal(ask('a.example.org')?.egress_pool, 'wild');
    assert.equal(ask('b.a.example.org')?.egress_pool, 'wild');
    assert.equal(ask('example.org')?.egress_pool, 'base');
  });

  it('gives one frozen object for equal questions, and tells where options come from', () => {
    const answer = ask('example.com', 'acme', 'spring');
    assert.equal(answer, ask('EXAMPLE.com.', 'acme', 'spring'));
    assert.equal(ask('one.net', 'nobody', 'x'), ask('two.net', 'somebody'));
    assert.ok(Object.isFrozen(answer));
    assert.equal(
      originsOf(answer)?.['max_retry_interval'],
      "q.toml: queue.'example.com'.'acme'.'spring'.max_retry_interval",
    );
    assert.equal(originsOf(answer)?.['egress_pool'], "q.toml: tenant.'acme'.egress_pool");
    assert.equal(parseQueueConfig(answer, '').refresh_strategy, 'Epoch');
  });

  it('keeps what is not for a queue out of the answer, and lets a file say Ttl', () => {
    const made = make({
      'q.toml': `[queue."a.com"]\nrouting_domain = "b.com"\noverall_max_message_rate = "1/s"
refresh_strategy = "Ttl"\n[tenant.t]\nrequire_authz = ["x"]\n`,
    });
    assert.deepEqual(made.get_queue_config?.('a.com', 't', undefined, undefined), {
      refresh_strategy: 'Ttl',
    });
    assert.match(heardFrom(made)[0] ?? '', /overall_max_message_rate: is not enforced here/);
  });

  it('joins files table by table and lists entry by entry', () => {
    const made = make({
      'a.toml': `[queue."a.com".protocol.smtp]\nmx_list = ["one", "two"]
treat_mx_list_as_secure = true\n[tenant.t]\nmax_age = "1h"`,
      'b.json': '{"queue": {"A.com": {"protocol": {"smtp": {"mx_list": ["three"]}}}}}',
      'c.toml': 'default_tenant = "t"',
    });
    const answer = made.get_queue_config?.('a.com', undefined, undefined, undefined);
    assert.deepEqual(answer?.protocol, {
      smtp: { mx_list: ['three', 'two'], treat_mx_list_as_secure: true },
    });
    assert.match(originsOf(answer)?.['protocol'] ?? '', /^a\.toml: .* and b\.json: .*protocol$/);
  });

  it('names the rates of a tenant and of its campaign', () => {
    const rates = (tenant?: string, campaign?: string) =>
      part.throttle_insert_ready_queue?.({ tenant, campaign } as MessageView);
    const whole = { name: 'queue-helper-tenant-overall_max_message_rate-acme', rate: '100/s' };
    const named = 'queue-helper-tenant-campaign-overall_max_message_rate';
    assert.deepEqual(rates('acme'), [whole]);
    assert.deepEqual(rates('acme', 'spring'), [
      whole,
      { name: `${named}-acme-spring`, rate: '10/s' },
    ]);
    assert.deepEqual(rates('small', 'spring'), [{ name: `${named}-small-spring`, rate: '5/s' }]);
    assert.equal(rates('small'), undefined);
    assert.equal(rates(undefined, 'spring'), undefined);
  });

  it('says which pools it names, and what will never count', () => {
    const made = make({
      'q.toml': '[queue.default.t]\nmax_age = 1\n[queue."a.b".u]\n[tenant.t]\negress_pool = "p"',
    });
    assert.deepEqual(heardFrom(made), [
      "pool p of q.toml: tenant.'t'.egress_pool",
      "warn queue.default.'t': is never used; write tenant.'t' instead",
      "warn tenant.'u': has no table, though a queue has a block for it",
    ]);
  });

  it('refuses with file, key and way out', () => {
    assert.equal(
      refusal('[queue."a.com"]\nretry_intervall = "5m"'),
      "q.toml: queue.'a.com'.retry_intervall: '5m' is not a table, and 'retry_intervall' is not " +
        "an option here; did you mean 'retry_interval'?",
    );
    assert.match(
      refusal('[queue."a.com".t.c]\nmax_age = "5 parsecs"'),
      /^q\.toml: queue\.'a\.com'\.'t'\.'c'\.max_age: '5 parsecs' has an unknown unit/,
    );
    assert.match(refusal('[tenant.t]\nmax_agee = 1'), /tenant\.'t'\.max_agee: .*'max_age'\?$/);
    assert.match(refusal('[tenant.t.campaigns.c]\nx = 1'), /campaigns\.'c'\.x: is not an option/);
    assert.match(refusal('[queue."a.*.com"]'), /^q\.toml: queue\.'a\.\*\.com': has a '\*' that is/);
    assert.match(
      refusal('default_tenant = "t"'),
      /default_tenant: the tenant 't' is not defined; add/,
    );
  });

  it('must stand behind every other part that answers for queues', () => {
    const other = { get_queue_config: () => undefined };
    assert.throws(
      () => definePolicy(part, other),
      /get_queue_config of part 2 is never asked: part 1 answers all; put part 1 .* behind/,
    );
    assert.equal(definePolicy(other, part).parts.length, 2);
  });
});
