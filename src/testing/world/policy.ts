/**
 * The world's policy: options as an operator would write them, behind the asker of production.
 * The one idea: a plan is a plain value that a test may change while the world runs, so that a
 * refreshed answer differs; a version is a copy of it, and marks every answer as its own.
 * Deliberately unknown here: what the engine does with answers.
 */
import type { NdrDuties } from '../../domain/ndrs.ts';
import type { PolicyAsker } from '../../domain/policy-asker.ts';
import type { PolicyFault } from '../../policy/ask.ts';
import { createPolicyAsker } from '../../policy/ask.ts';
import type { Policy } from '../../policy/define.ts';
import { definePolicy } from '../../policy/define.ts';
import type { PolicyPart } from '../../policy/hooks.ts';
import type { PlaceFinder } from '../../policy/setup.ts';

type Options = Record<string, unknown>;

/** What the policy of a world answers. */
export interface PolicyPlan {
  /** By domain; '' is for all others. */
  queues: Record<string, Options>;
  /** By source; '' is for all others. */
  paths: Record<string, Options>;
  pools: Record<string, readonly { readonly name: string; readonly weight: number }[]>;
  sources: Record<string, Options>;
  /** Which failures are reported to senders; absent: none. */
  ndr?: NdrDuties | undefined;
  /** Which handler throws, if any. */
  failing?: Failing | undefined;
  /** In place of all this: an operator's own policy, as it was loaded. */
  readonly own?: OwnPolicy | undefined;
}

/** An operator's policy, and where in its files something was thrown. */
export interface OwnPolicy {
  readonly policy: Policy;
  readonly findPlace: PlaceFinder;
}

/** A handler that may throw. */
export type Failing = 'queue' | 'path' | 'pool' | 'source';

/** A copy of a plan under a number; number 0 is the plan itself, and marks nothing. */
export interface PlanVersion {
  readonly version: number;
  readonly epoch: number;
  readonly plan: PolicyPlan;
  /** Handlers beside those of the plan. */
  readonly handlers?: PolicyPart | undefined;
  /** In place of the plan: an operator's own, as it was loaded. */
  readonly policy?: Policy | undefined;
  readonly findPlace?: PlaceFinder | undefined;
}

/** How a version marks its answers: part of the text of each. */
export const MARKS: Readonly<Record<Failing, (version: number) => string>> = {
  queue: (version) => `"provider_name":"v${version}"`,
  path: (version) => `"provider_name":"v${version}"`,
  pool: (version) => `"ttl":${60_000 + version}`,
  source: (version) => `"ehlo_domain":"v${version}.`,
};

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
  two: [
    { name: 'ip-3', weight: 0 },
    { name: 'ip-2', weight: 1 },
    { name: 'ip-1', weight: 2 },
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

/** The version as the engine asks it. */
export const makeAsker = (
  given: Omit<PlanVersion, 'epoch'>,
  onFault: (fault: PolicyFault) => void,
): PolicyAsker => createPolicyAsker(makePolicy(given), onFault, given.findPlace);

/** The plan as a policy. */
export function makePolicy({
  plan,
  version,
  handlers = {},
  policy: given,
}: Omit<PlanVersion, 'epoch'>): Policy {
  if (given !== undefined) return given;
  const isMarked = version > 0;
  const provider = isMarked ? { provider_name: `v${version}` } : {};
  const ttl = isMarked ? { ttl: `${60_000 + version}ms` } : {};
  const mayFail = (handler: Failing): void => {
    if (plan.failing === handler) throw new Error(`${handler} was told to fail`);
  };
  return definePolicy(
    {
      get_queue_config: (domain: string) => {
        mayFail('queue');
        return { ...plan.queues[''], ...plan.queues[domain], ...provider };
      },
      get_egress_path_config: (_domain: string, source: string) => {
        mayFail('path');
        return { ...plan.paths[''], ...plan.paths[source], ...provider };
      },
      get_egress_pool: (name: string) => {
        mayFail('pool');
        const entries = plan.pools[name];
        return entries === undefined ? undefined : { entries, ...ttl };
      },
      get_egress_source: (name: string) => {
        mayFail('source');
        const source = plan.sources[name];
        const ehlo = isMarked ? { ehlo_domain: `v${version}.${name}.test` } : {};
        return source === undefined ? undefined : { ...source, ...ehlo };
      },
    } as never,
    handlers,
  );
}
