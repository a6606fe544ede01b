/**
 * What `get_queue_config` and the shaping section `['<name>.log_hook']` mean for a log hook. The
 * idea: the same options as for mail, so that files load, with defaults of its own: what protects
 * mailbox providers does not slow a hook down unless somebody says so for this very hook.
 * Deliberately unknown here: who asks, the options of the hook itself, what shipping does with it.
 */
import type { HookShape } from '../projections/hook.ts';
import { duration, natural, positive } from './option-kinds.ts';
import type { OptionTable, Parsed } from './options.ts';
import { option, optional, readOptions } from './options.ts';
import { PATH_OPTIONS } from './options-path.ts';
import { QUEUE_OPTIONS } from './options-queue.ts';
import { intervalMs } from './throttle.ts';
import type { ThrottleSpec } from './throttle-spec.ts';

/** What counts of `get_queue_config('<name>.log_hook')`; the other options change nothing. */
export const HOOK_QUEUE_OPTIONS = {
  retry_interval: option(duration, '1m', 'first wait after a failed batch; doubles each time'),
  max_retry_interval: optional(duration, 'the longest wait; 20m without it'),
  max_message_rate: optional(QUEUE_OPTIONS.max_message_rate.kind, 'records sent'),
} satisfies OptionTable;

/** What counts of the section `['<name>.log_hook']`; the other options change nothing. */
export const HOOK_PATH_OPTIONS = {
  max_ready: option(positive, 10_000, 'records read ahead of the sink'),
  connection_limit: option(PATH_OPTIONS.connection_limit.kind, 1, 'connections at once'),
  max_connection_rate: optional(PATH_OPTIONS.max_connection_rate.kind, 'new connections'),
  max_message_rate: optional(PATH_OPTIONS.max_message_rate.kind, 'records sent'),
  max_deliveries_per_connection: option(
    natural,
    0,
    'records, then the connection is made anew; 0: never',
  ),
  idle_timeout: option(duration, '60s', 'how long an idle connection is kept'),
  system_shutdown_timeout: option(duration, '5s', 'grace for the batch under way at a stop'),
} satisfies OptionTable;

const QUEUE = { ...QUEUE_OPTIONS, ...HOOK_QUEUE_OPTIONS } satisfies OptionTable;
const PATH = { ...PATH_OPTIONS, ...HOOK_PATH_OPTIONS } satisfies OptionTable;

/** A hook's queue as it was told. */
export type HookQueue = Parsed<typeof QUEUE>;
/** A hook's path as it was told. */
export type HookPath = Parsed<typeof PATH>;

/** Reads what the policy says of a hook's queue; `where` names it in a refusal. */
export const parseHookQueue = (raw: unknown, where: string): HookQueue =>
  readOptions(QUEUE, raw, where);

/** Reads what the policy says of a hook's path; `where` names it in a refusal. */
export const parseHookPath = (raw: unknown, where: string): HookPath =>
  readOptions(PATH, raw, where);

const MAX_RETRY_MS = 1_200_000;

/** The first and the longest wait: who raises the first above the usual longest means both. */
function retryOf({ retry_interval: first, max_retry_interval: longest }: HookQueue) {
  const maxRetryIntervalMs = longest ?? Math.max(MAX_RETRY_MS, first);
  return { retryIntervalMs: Math.min(first, maxRetryIntervalMs), maxRetryIntervalMs };
}

/** Of two rates the one that lets less through. */
const slower = (
  one: ThrottleSpec | undefined,
  other: ThrottleSpec | undefined,
): ThrottleSpec | undefined => {
  if (one === undefined || other === undefined) return one ?? other;
  return intervalMs(one) >= intervalMs(other) ? one : other;
};

/** Queue and path as the shipper needs them. */
export function makeHookShape(queue: HookQueue, path: HookPath): HookShape {
  const { max_connection_rate: maxConnectionRate } = path;
  const maxMessageRate = slower(path.max_message_rate, queue.max_message_rate);
  return Object.freeze({
    ...retryOf(queue),
    maxReady: path.max_ready,
    connectionLimit: path.connection_limit.limit,
    ...(maxConnectionRate && { maxConnectionRate }),
    ...(maxMessageRate && { maxMessageRate }),
    maxDeliveriesPerConnection: path.max_deliveries_per_connection,
    idleTimeoutMs: path.idle_timeout,
    systemShutdownTimeoutMs: path.system_shutdown_timeout,
  });
}
