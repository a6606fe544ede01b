/**
 * Every metric there is, in the order in which a scrape shows them: what is small first, so that
 * the first bytes come at once, what is as long as there are queues last. Documents, dashboards and
 * alert rules are held against this list, and so is the list of the reference's that are not here.
 */
import { DAEMON } from './daemon.ts';
import { EGRESS } from './egress.ts';
import type { Family } from './families.ts';
import { CONNECTIONS, DELIVERIES, RECEPTION } from './mail.ts';
import type { Scrape } from './meters.ts';
import { QUEUE_TOTALS, QUEUES } from './queues.ts';

/** All metrics. */
export const CATALOGUE: readonly Family<Scrape>[] = [
  ...DAEMON,
  ...RECEPTION,
  ...QUEUE_TOTALS,
  ...EGRESS,
  ...CONNECTIONS,
  ...DELIVERIES,
  ...QUEUES,
];

/** Metrics of the reference for which there is nothing to count here, and why. */
export const ABSENT: readonly { readonly names: readonly string[]; readonly why: string }[] = [
  {
    names: [
      'rocks_spool_actual_delayed_write_rate',
      'rocks_spool_background_errors',
      'rocks_spool_cache_total',
      'rocks_spool_compaction_pending',
      'rocks_spool_estimate_pending_compaction_bytes',
      'rocks_spool_load_shed_active',
      'rocks_spool_mem_table_readers_total',
      'rocks_spool_mem_table_total',
      'rocks_spool_mem_table_unflushed',
      'rocks_spool_num_running_compactions',
      'rocks_spool_write_stopped',
    ],
    why: 'there is no RocksDB; see `waybill_commit_seconds` and `waybill_log_position`',
  },
  {
    names: ['message_save_latency', 'message_data_load_latency', 'message_meta_load_latency'],
    why: 'messages are not saved one by one: see `waybill_commit_seconds`',
  },
  {
    names: ['lua_count', 'lua_spare_count', 'lua_load_count', 'user_lua_latency'],
    why: 'the policy is not Lua and has one context',
  },
  {
    names: ['lua_event_latency', 'lua_event_started'],
    why: 'handlers are watched, not counted: see `policy_handler_faults_total`',
  },
  {
    names: ['memory_limit', 'memory_low_thresh', 'memory_low_count', 'memory_over_limit_count'],
    why: 'what is in memory is bounded by counts, not by a soft limit; see `waybill_heap_*`',
  },
  { names: ['memory_usage_rust'], why: 'see `waybill_heap_used_bytes`' },
  {
    names: ['thread_pool_size', 'thread_pool_parked'],
    why: 'there are no pools to size: one thread decides, one writes the log',
  },
  {
    names: [
      'lruttl_cache_size',
      'lruttl_error_count',
      'lruttl_evict_count',
      'lruttl_expire_count',
      'lruttl_hit_count',
      'lruttl_insert_count',
      'lruttl_lookup_count',
      'lruttl_miss_count',
      'lruttl_populated_count',
      'lruttl_stale_count',
      'lruttl_waiting_populate',
      'memoize_cache_hit_count',
      'memoize_cache_lookup_count',
      'memoize_cache_miss_count',
      'memoize_cache_populated_count',
    ],
    why: 'caches are not counted, but for that of MX records',
  },
  {
    names: [
      'scheduled_queue_maintainer_count',
      'total_qmaint_runs',
      'total_readyq_runs',
      'timeq_pop_interval',
      'timeq_pop_latency',
      'timeq_reinsert_tardiness',
      'queue_insert_latency',
      'queue_resolve_latency',
      'ready_queue_insert_latency',
    ],
    why: 'queues have no loops of their own: all of it is a turn, see `waybill_turns_total`',
  },
  {
    names: ['log_submit_full', 'log_submit_latency'],
    why: 'readers follow the log and hold up nobody: see `log_hook_lag_records`',
  },
  {
    names: [
      'dkim_signer_cache_hit',
      'dkim_signer_cache_lookup_count',
      'dkim_signer_cache_miss',
      'dkim_signer_creation',
      'dkim_signer_key_cache_hit',
      'dkim_signer_key_cache_lookup_count',
      'dkim_signer_key_cache_miss',
      'dkim_signer_key_fetch',
      'dkim_signer_message_parse',
    ],
    why: 'keys are read on the threads that sign: see `dkim_signer_sign`',
  },
  {
    names: ['bounce_classify_latency'],
    why: 'failures are named on the thread that makes the records: see `log_hook_lag_seconds`',
  },
  { names: ['dane_result_count'], why: 'there is no DANE' },
  { names: ['redis_operation_latency'], why: 'see `redis_quotas_errors_total`' },
];
