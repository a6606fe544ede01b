/**
 * What the engine shows of its insides, put into the words of the reference's JSON. Knows neither
 * requests nor the engine.
 */
import { formatDuration } from '../domain/duration.ts';
import type {
  HeldState,
  MessageLook,
  PathBounds,
  QueueLine,
  QueueLook,
  QueueTop,
  RateLook,
  ReadyLook,
  ReadyStates,
  SessionLook,
  SourceLook,
} from '../domain/inspection.ts';
import type { Site } from '../domain/mx-site.ts';
import { printOptions } from '../domain/option-print.ts';
import { SOURCE_OPTIONS } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import { PATH_OPTIONS } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import type { NamedRate } from '../domain/throttle.ts';
import { intervalMs } from '../domain/throttle.ts';
import { formatLimit, formatThrottle } from '../domain/throttle-spec.ts';
import { showReadySuspension } from './rule-show.ts';

/** A point in time as text. */
export const timeOf = (at: number): string => new Date(at).toISOString();

/** A queue's options as they would be written. */
export const showQueueConfig = (config: QueueConfig) => printOptions(QUEUE_OPTIONS, config);
/** A path's. */
export const showPathConfig = (config: PathConfig) => printOptions(PATH_OPTIONS, config);

/** A message, without what only a queue says of it. */
const showMessage = ({ sender, recipients, meta, body }: MessageLook) => ({
  sender,
  recipient: recipients.length === 1 ? (recipients[0] as string) : recipients,
  meta,
  data: body === undefined ? null : body.toString('utf8'),
});

/** A message in its queue. */
const showQueued = (look: MessageLook) => ({
  id: look.id,
  message: { ...showMessage(look), due: timeOf(look.dueAt), num_attempts: look.attempts },
});

/** A message that was asked for by its id. */
export const showMessageLook = (look: MessageLook) => ({
  id: look.id,
  message: showMessage(look),
});

/** A scheduled queue. */
export const showQueueLook = (look: QueueLook, now: number) => ({
  queue_name: look.name,
  messages: look.messages.map(showQueued),
  num_scheduled: look.count,
  queue_config: showQueueConfig(look.config),
  delayed_metric: look.count,
  now: timeOf(now),
  last_changed: timeOf(look.changedAt),
});

const showState = ({ context, since }: HeldState) => ({ context, since: timeOf(since) });

/** The states of a ready queue. */
export const showStates = (states: ReadyStates) =>
  Object.fromEntries(Object.entries(states).map(([key, state]) => [key, showState(state)]));

/** Where mail goes. */
export function showSite(site: Site) {
  const byPreference: Record<string, string[]> = {};
  for (const { name, preference } of site.hosts) {
    byPreference[preference] = [...(byPreference[preference] ?? []), name];
  }
  const isLiteral = site.hosts.every(
    ({ name, address }) => address !== undefined && name === address,
  );
  return {
    site_name: site.site,
    by_preference: byPreference,
    is_mx: !site.isFixed && !isLiteral,
    is_domain_literal: isLiteral && !site.isFixed,
    is_secure: false,
  };
}

type CeilingSource =
  | { readonly kind: 'primary' | 'reconnect_cycling' }
  | { readonly kind: 'additional'; readonly name: string };

const PRIMARY: CeilingSource = { kind: 'primary' };
const additional = (name: string): CeilingSource => ({ kind: 'additional', name });

const ceiling = (value: number, display: string, source: CeilingSource) => ({
  value,
  source,
  display,
});

const A_SECOND = 1_000;

const OWN = /^kumomta\.|^schedq-|-connection-rate$/;

/** The slowest of these rates. */
function slowest(rates: readonly NamedRate[]) {
  const [first] = [...rates].sort((a, b) => intervalMs(b.spec) - intervalMs(a.spec));
  if (first === undefined) return undefined;
  const { name, spec } = first;
  const rate = A_SECOND / intervalMs(spec);
  const text = formatThrottle(spec);
  const source = OWN.test(name) ? PRIMARY : additional(name);
  return { interval: intervalMs(spec), shown: ceiling(rate, text, source) };
}

/** What bounds a path; rates of its scheduled queue count as well. */
export function showConstraints(bounds: PathBounds, queueRates: readonly NamedRate[] = []) {
  const { path, limits, sending, dialing, choosing } = bounds;
  const [limit] = [...limits].sort((a, b) => a.spec.limit - b.spec.limit);
  const isOwn = limit === undefined || limit.name === 'connection_limit';
  const source = isOwn ? PRIMARY : additional(limit.name);
  const most = limit?.spec ?? path.connection_limit;
  const declared = slowest([...sending, ...queueRates]);
  const dial = slowest(dialing);
  const choice = slowest(choosing);
  const reached = slower(declared, cycling(path));
  return {
    max_concurrent_dispatchers: ceiling(most.limit, formatLimit(most), source),
    ...(reached === undefined ? {} : { max_message_rate: reached.shown }),
    ...(declared === undefined || declared === reached
      ? {}
      : { max_message_rate_declared: declared.shown.display }),
    ...(dial === undefined ? {} : { max_connection_rate: dial.shown }),
    ...(choice === undefined ? {} : { max_source_selection_rate: choice.shown }),
  };
}

type Bound = ReturnType<typeof slowest>;

const slower = (a: Bound, b: Bound): Bound =>
  a === undefined || (b !== undefined && b.interval > a.interval) ? b : a;

/** Each connection is good for so many messages, and so many connections may begin. */
function cycling({ max_connection_rate: rate, max_deliveries_per_connection: each }: PathConfig) {
  if (rate === undefined) return undefined;
  const interval = intervalMs(rate) / each;
  const display = `${each} × ${formatThrottle(rate)}`;
  return { interval, shown: ceiling(A_SECOND / interval, display, { kind: 'reconnect_cycling' }) };
}

function showSession(look: SessionLook, now: number) {
  const ageMs = Math.max(0, now - look.startedAt);
  const total = look.delivered + look.deferred + look.bounced;
  return {
    session_id: look.id,
    started_at: timeOf(look.startedAt),
    age: formatDuration(ageMs),
    phase: look.phase,
    detail: look.detail,
    time_in_current_phase: formatDuration(Math.max(0, now - look.since)),
    messages_delivered: look.delivered,
    messages_transfailed: look.deferred,
    messages_failed: look.bounced,
    delivered_this_connection: look.delivered,
    overall_rate_per_sec: ageMs === 0 ? 0 : (total * 1_000) / ageMs,
  };
}

/** A connection without progress is cut after this, where the path does not say, ms. */
const WATCHDOG_MS = 0;

/** What the log knows of a ready queue. */
export type KeptReadyLook = Pick<ReadyLook, 'name' | 'source' | 'suspended' | 'bounds'>;

/** The part of a ready queue that the log knows. */
export function showKeptReady(look: KeptReadyLook, now: number) {
  const { path } = look.bounds;
  const watchdogMs = path.dispatcher_progress_watchdog_timeout ?? WATCHDOG_MS;
  return {
    queue_name: look.name,
    egress_source: look.source,
    protocol: 'smtp_client',
    state: {
      ...(look.suspended && { suspended: showReadySuspension(look.suspended, now) }),
      watchdog_threshold: formatDuration(watchdogMs),
    },
    path_config: showPathConfig(path),
    constraints: showConstraints(look.bounds),
    now: timeOf(now),
  };
}

/** A ready queue. */
export function showReady(look: ReadyLook, now: number) {
  const kept = showKeptReady(look, now);
  return {
    ...kept,
    mx: showSite(look.site),
    egress_pool: look.pool,
    state: {
      ready_count: look.size,
      connection_count: look.sessions.length,
      ...showStates(look.states),
      ...kept.state,
    },
    ...(look.queues === undefined ? {} : { scheduled_queue_names: look.queues }),
    dispatchers: look.sessions.map((session) => showSession(session, now)),
  };
}

/** The fields of a ready queue that die with the process: no log has them. */
export const READY_HELD = [
  'mx',
  'egress_pool',
  'state.ready_count',
  'state.connection_count',
  'state.connection_limited',
  'state.connection_rate_throttled',
  'scheduled_queue_names',
  'dispatchers',
] as const;

/** A queue in a list. */
const showLine = (line: QueueLine, now: number) => ({
  queue_name: line.name,
  messages: line.count,
  oldest: line.oldestAt === undefined ? null : timeOf(line.oldestAt),
  age: line.oldestAt === undefined ? null : formatDuration(Math.max(0, now - line.oldestAt)),
  state: line.state,
  until: line.until > 0 ? timeOf(line.until) : null,
  cause: line.cause === '' ? null : line.cause,
  last_error:
    line.error === undefined
      ? null
      : { at: timeOf(line.error.at), code: line.error.code, text: line.error.text },
});

/** The first queues by a ranking. */
export const showTop = (top: QueueTop, now: number) => ({
  queues: top.lines.map((line) => showLine(line, now)),
  looked_at: top.looks,
  messages: top.messages,
  now: timeOf(now),
});

/** An egress source. */
export const showSource = ({ name, state, reason, cause, until, config }: SourceLook) => ({
  source: name,
  state,
  reason: reason === '' ? null : reason,
  cause: cause === '' ? null : cause,
  until: until > 0 ? timeOf(until) : null,
  source_config: config === undefined ? null : printOptions(SOURCE_OPTIONS, config),
});

/** A rate that is counted in the process. */
export const showRate = ({ key, until }: RateLook) => ({ rate: key, used_until: timeOf(until) });
