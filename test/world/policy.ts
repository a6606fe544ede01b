/**
 * The world's policy: options as an operator would write them, behind the asker of production.
 * The one idea: a plan is a plain value that a test may change while the world runs, so that a
 * refreshed answer differs. Deliberately unknown here: what the engine does with answers.
 */
import type { PolicyAsker } from '../../src/actors/answers.ts';
import type { PolicyFault } from '../../src/policy/ask.ts';
import { createPolicyAsker } from '../../src/policy/ask.ts';
import { definePolicy } from '../../src/policy/define.ts';

type Options = Record<string, unknown>;

/** What the policy of a world answers. */
export interface PolicyPlan {
  /** By domain; '' is for all others. */
  queues: Record<string, Options>;
  /** By source; '' is for all others. */
  paths: Record<string, Options>;
  pools: Record<string, readonly { readonly name: string; readonly weight: number }[]>;
  sources: Record<string, Options>;
}

const QUEUE = {
  retry_interval: '1m',
  max_retry_interval: '5m',
  max_age: '1h',
  egress_pool: 'three',
};

const PATH = {
  enable_tls: 'Disabled',
  prohibited_hosts: [],
  connection_limit: 3,
  max_ready: 8,
  max_deliveries_per_connection: 5,
  max_recipients_per_batch: 4,
  connect_timeout: '10s',
  banner_timeout: '10s',
  ehlo_timeout: '10s',
  mail_from_timeout: '10s',
  rcpt_to_timeout: '10s',
  data_timeout: '10s',
  data_dot_timeout: '20s',
  idle_timeout: '5s',
  refresh_interval: '30s',
};

const POOLS = {
  three: [
    { name: 'ip-1', weight: 3 },
    { name: 'ip-2', weight: 2 },
    { name: 'ip-3', weight: 1 },
  ],
  one: [{ name: 'ip-1', weight: 1 }],
};

const SOURCES = {
  'ip-1': { source_address: '192.0.2.1' },
  'ip-2': { source_address: '192.0.2.2' },
  'ip-3': { source_address: '192.0.2.3' },
};

/** A plan like the usual one, but for what is given. */
export const makePlan = (
  parts: { queue?: Options; path?: Options; queues?: Record<string, Options> } = {},
): PolicyPlan => ({
  queues: { '': { ...QUEUE, ...parts.queue }, ...parts.queues },
  paths: {
    '': { ...PATH, ...parts.path },
    // One that is always at its limit, and one that opens several connections for a few messages.
    'ip-1': { connection_limit: 1 },
    'ip-2': { connection_limit: 12 },
    // Its watchdog is quicker than the deadline of the final dot.
    'ip-3': { dispatcher_progress_watchdog_timeout: '12s' },
  },
  pools: { ...POOLS },
  sources: { ...SOURCES },
});

/** The plan as the engine asks it. */
export function makeAsker(plan: PolicyPlan, onFault: (fault: PolicyFault) => void): PolicyAsker {
  const policy = definePolicy({
    get_queue_config: (domain: string) => ({ ...plan.queues[''], ...plan.queues[domain] }),
    get_egress_path_config: (_domain: string, source: string) => ({
      ...plan.paths[''],
      ...plan.paths[source],
    }),
    get_egress_pool: (name: string) => {
      const entries = plan.pools[name];
      return entries === undefined ? undefined : { entries };
    },
    get_egress_source: (name: string) => plan.sources[name],
  } as never);
  return createPolicyAsker(policy, onFault);
}
