/**
 * The list of metrics against everything that speaks of it: the names of the reference, each here
 * or told why not; the dashboard and the alert rules, whose expressions name only what is there and
 * use it as its type allows. Where `promtool` is installed it judges rules and pages, too.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ABSENT, CATALOGUE } from '../../src/api/metrics/catalogue.ts';
import { openMetricsWriter } from '../../src/api/metrics/text.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { parseMetrics, readPage } from './metrics-kit.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RULES = `${root}dashboards/alerts.yml`;
const REFERENCE = `
bind_failures bounce_classify_latency connection_count connection_count_by_provider
connection_count_by_provider_and_pool dane_result_count delayed_due_to_message_rate_throttle
delayed_due_to_ready_queue_full delayed_due_to_throttle_insert_ready deliver_message_latency_rollup
disk_free_bytes disk_free_inodes disk_free_inodes_percent disk_free_percent
dispatcher_watchdog_aborted_total dkim_signer_cache_hit dkim_signer_cache_lookup_count
dkim_signer_cache_miss dkim_signer_creation dkim_signer_key_cache_hit
dkim_signer_key_cache_lookup_count dkim_signer_key_cache_miss dkim_signer_key_fetch
dkim_signer_message_parse dkim_signer_sign dns_mx_resolve_cache_hit dns_mx_resolve_cache_miss
dns_mx_resolve_in_progress dns_mx_resolve_status_fail dns_mx_resolve_status_ok
egress_source_connection_failures_total egress_source_health_suspended
egress_source_health_suspensions_total log_hook_backlog_count log_submit_full log_submit_latency
lruttl_cache_size lruttl_error_count lruttl_evict_count lruttl_expire_count lruttl_hit_count
lruttl_insert_count lruttl_lookup_count lruttl_miss_count lruttl_populated_count lruttl_stale_count
lruttl_waiting_populate lua_count lua_event_latency lua_event_started lua_load_count lua_spare_count
memoize_cache_hit_count memoize_cache_lookup_count memoize_cache_miss_count
memoize_cache_populated_count memory_limit memory_low_count memory_low_thresh
memory_over_limit_count memory_usage memory_usage_rust message_count message_data_load_latency
message_data_resident_count message_meta_load_latency message_meta_resident_count
message_save_latency process_cpu_usage_normalized process_cpu_usage_sum proxy_connection_failures
queue_insert_latency queue_resolve_latency queued_count_by_provider
queued_count_by_provider_and_pool ready_count ready_full ready_queue_insert_latency
redis_operation_latency rocks_spool_actual_delayed_write_rate rocks_spool_background_errors
rocks_spool_cache_total rocks_spool_compaction_pending rocks_spool_estimate_pending_compaction_bytes
rocks_spool_load_shed_active rocks_spool_mem_table_readers_total rocks_spool_mem_table_total
rocks_spool_mem_table_unflushed rocks_spool_num_running_compactions rocks_spool_write_stopped
scheduled_by_domain scheduled_by_tenant scheduled_by_tenant_campaign scheduled_count
scheduled_count_total scheduled_queue_count scheduled_queue_maintainer_count smtp_server_rejections
smtpsrv_process_data_duration smtpsrv_read_data_duration smtpsrv_transaction_duration
system_cpu_usage_normalized system_cpu_usage_sum thread_pool_parked thread_pool_size
timeq_pop_interval timeq_pop_latency timeq_pop_tardiness timeq_reinsert_tardiness
total_connection_count total_connections_denied total_messages_delivered
total_messages_delivered_by_provider total_messages_delivered_by_provider_and_source
total_messages_fail total_messages_fail_by_provider total_messages_fail_by_provider_and_source
total_messages_received total_messages_transfail total_messages_transfail_by_provider
total_messages_transfail_by_provider_and_source total_qmaint_runs total_readyq_runs user_lua_latency
`;
const NAME = /^[a-z][a-z0-9_]*$/;
const byName = new Map(CATALOGUE.map((family) => [family.name, family]));

test('every metric of the reference is here, or it is said why not', () => {
  const names = REFERENCE.trim().split(/\s+/);
  assert.equal(names.length, 124);
  const absent = ABSENT.flatMap((group) => group.names);
  assert.equal(new Set(absent).size, absent.length);
  for (const name of names) {
    assert.notEqual(byName.has(name), absent.includes(name), name);
  }
  for (const name of absent) assert.ok(names.includes(name), name);
  assert.equal(byName.get('log_hook_backlog_count')?.type, 'gauge');
});

test('names and labels are good, and no two formats make one name of two', () => {
  assert.equal(byName.size, CATALOGUE.length);
  const seen = new Map<string, string>();
  for (const { name, labels, help, type } of CATALOGUE) {
    assert.match(name, NAME);
    for (const label of labels) assert.match(label, NAME);
    assert.equal(new Set(labels).size, labels.length, name);
    assert.match(help, /^[A-Z'V].*\.$|seconds\.$/, name);
    const forms = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    const open = type === 'counter' ? name.replace(/_total$/, '') : name;
    for (const form of new Set([...forms.map((form) => name + form), open])) {
      assert.ok(!seen.has(form) || seen.get(form) === name, `${form}: ${name}, ${seen.get(form)}`);
      seen.set(form, name);
    }
  }
});

/** Names in PromQL that are no metrics. */
const WORDS = new Set([
  ...'by and or unless offset m on sum min max rate increase deriv'.split(' '),
  ...['topk', 'histogram_quantile', 'label_values'],
]);

/** Metrics with their labels as an expression uses them; throws where that makes no sense. */
function checkExpression(expression: string): number {
  let depth = 0;
  for (const char of expression) {
    depth += Number('([{'.includes(char)) - Number(')]}'.includes(char));
    assert.ok(depth >= 0, expression);
  }
  assert.equal(depth, 0, expression);
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) =>
    (list ?? '').split(/,\s*/),
  );
  const bare = expression.replace(/\bby \([^)]*\)/g, '');
  let count = 0;
  const selector = /([a-z_][a-z0-9_]*)(\{[^}]*\})?(\[[0-9a-z]+\])?/g;
  const outside = bare.replace(/\{[^}]*\}/g, (braces) => braces.replace(/"[^"]*"/g, '""'));
  for (const [whole, name = '', braces = '', range] of outside.matchAll(selector)) {
    if (WORDS.has(name) || /^\d/.test(whole) || name === 'up' || name === 'instance') continue;
    const family = byName.get(name) ?? byName.get(name.replace(/_(bucket|sum|count)$/, ''));
    assert.ok(family !== undefined, `there is no metric ${name}: ${expression}`);
    if (family.name !== name) assert.equal(family.type, 'histogram', expression);
    const known = [
      ...family.labels,
      'instance',
      'job',
      ...(name.endsWith('_bucket') ? ['le'] : []),
    ];
    const used = [...braces.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(
      ([, label]) => label ?? '',
    );
    for (const label of [...used, ...grouped])
      assert.ok(known.includes(label), `${label}: ${whole}`);
    checkUse(bare, name, family.type, range);
    count += 1;
  }
  assert.ok(count > 0 || expression.includes('up{'), `nothing is asked: ${expression}`);
  return count;
}

/** Counters and buckets are read by their growth, gauges never are. */
function checkUse(expression: string, name: string, type: string, range: string | undefined): void {
  const at = expression.indexOf(name);
  const lead = expression.slice(0, at).match(/([a-z_]+)\($/)?.[1];
  if (type === 'gauge') {
    assert.ok(!['rate', 'increase'].includes(lead ?? ''), `${name} is a gauge: ${expression}`);
    return;
  }
  // A series that was not there before has grown, though from nothing that `increase` could see.
  if (expression.includes(`(${name} unless ${name} offset `)) return;
  assert.ok(['rate', 'increase'].includes(lead ?? ''), `${name} only grows: ${expression}`);
  assert.ok(range !== undefined, `${name} has no range: ${expression}`);
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly id: number;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

test('the dashboard asks only for what there is', () => {
  const text = readFileSync(`${root}dashboards/waybill.json`, 'utf8');
  const { panels, templating } = JSON.parse(text) as {
    panels: readonly Panel[];
    templating: { list: readonly { name: string; query: string }[] };
  };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  let expressions = 0;
  for (const { title, gridPos, targets = [], type } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    assert.equal(targets.length > 0, type !== 'row', title);
    for (const { expr, legendFormat } of targets) {
      checkExpression(expr.replaceAll('$instance', '.*'));
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/) ?? ['instance'];
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(grouped.includes(label), `${title}: ${label} is not there any more`);
      }
      expressions += 1;
    }
  }
  assert.ok(expressions > 30);
  const asked = templating.list.find(({ name }) => name === 'instance')?.query ?? '';
  assert.ok(byName.has(/label_values\((\w+),/.exec(asked)?.[1] ?? ''));
});

/** The rules of the file: the part of YAML that it is written in, and nothing else. */
function readRules(text: string): Record<string, string>[] {
  const rules: Record<string, string>[] = [];
  let block: string | undefined;
  for (const line of text.split('\n')) {
    const [, lead = '', key = '', value = ''] = /^( *(?:- )?)(\w+):(?: (.*))?$/.exec(line) ?? [];
    const rule = rules.at(-1);
    if (block !== undefined && /^ {10}/.test(line) && rule !== undefined) {
      rule[block] = `${rule[block]} ${line.trim()}`;
      continue;
    }
    block = undefined;
    if (line === '' || line.startsWith('#')) continue;
    assert.notEqual(key, '', `no line of the file: ${line}`);
    if (lead === '      - ') rules.push({ [key]: value });
    else if (rule !== undefined) rule[key] = value === '|' ? '' : value;
    if (value === '|') block = key;
  }
  return rules;
}

test('the alert rules ask only for what there is', () => {
  const rules = readRules(readFileSync(RULES, 'utf8'));
  assert.ok(rules.length > 15);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert = '', expr = '', summary = '', labels = '', for: span = '1m' } of rules) {
    assert.match(alert, /^Waybill[A-Z]\w+$/);
    const asked = checkExpression(expr);
    assert.match(expr, /[<>=]/, `${alert} compares nothing`);
    assert.match(labels, /^\{ severity: (?:warning|critical) \}$/, alert);
    assert.match(span, /^\d+[mh]$/, alert);
    assert.match(summary, /^'.*\.'$/, alert);
    for (const [, label = ''] of summary.matchAll(/\$labels\.(\w+)/g)) {
      const isThere = [...byName.values()].some(
        ({ name, labels: own }) => expr.includes(name) && own.includes(label),
      );
      assert.ok(isThere || label === 'instance', `${alert}: ${label}`);
    }
    assert.ok(asked > 0 || alert === 'WaybillDown', alert);
  }
});

test('a dashboard that is wrong would be noticed', () => {
  for (const wrong of [
    'rate(message_count[5m])',
    'sum(total_messages_delivered)',
    'rate(no_such_metric[5m])',
    'sum by (queue) (scheduled_by_domain)',
    'rate(total_messages_received{queue="x"}[5m])',
    'sum(rate(ready_full[5m])',
    'rate(message_count_bucket[5m])',
  ]) {
    assert.throws(() => checkExpression(wrong), wrong);
  }
});

test('a page without an engine is a page, too', async () => {
  const page = await readPage(createMetrics(new WorkerMeters()), {}, openMetricsWriter('w:'));
  const families = parseMetrics(page, 'open');
  assert.deepEqual(families.get('w:config_epoch')?.samples[0]?.value, 0);
  assert.ok(!families.has('w:message_count'));
});

const promtool = process.env['PROMTOOL'] ?? 'promtool';
const hasPromtool = spawnSync(promtool, ['--version']).status === 0;

test('promtool has nothing against the rules', { skip: !hasPromtool && 'no promtool' }, () => {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'rules', RULES]);
  assert.equal(status, 0, `${stdout} ${stderr}`);
});
