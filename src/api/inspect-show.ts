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
  ReadyLook,
  ReadyStates,
  SessionLook,
} from '../domain/inspection.ts';
import type { Site } from '../domain/mx-site.ts';
import { printOptions } from '../domain/option-print.ts';
import type { PathConfig } from '../domain/options-path.ts';
import { PATH_OPTIONS } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import type { NamedRate } from '../domain/throttle.ts';
import { intervalMs } from '../domain/throttle.ts';
import { formatLimit, formatThrottle } from '../domain/throttle-spec.ts';

/** A point in time as text. */
export const timeOf = (at: number): string => new Date(at).toISOString();

/** A queue's options as they would be written. */
export const showQueueConfig = (config: QueueConfig) => printOptions(QUEUE_OPTIONS, config);
/** A path's. */
export const showPathConfig = (config: PathConfig) => printOptions(PATH_OPTIONS, config);

/** A message, without what only a queue says of it. */
export const showMessage = ({ sender, recipients, meta, body }: MessageLook) => ({
  sender,
  recipient: recipients.length === 1 ? (recipients[0] as string) : recipients,
  meta,
  data: body === undefined ? null : body.toString('utf8'),
});

/** A message in its queue. */
export const showQueued = (look: MessageLook) => ({
  id: look.id,
  message: { ...showMessage(look), due: timeOf(look.dueAt), num_attempts: look.attempts },
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

const ceiling = (value: string, kind: string, name?: string) => ({
  value,
  source: { kind, ...(name === undefined ? {} : { name }) },
  display: name === undefined ? value : `${value} (${name})`,
});

const OWN = /^kumomta\.|^schedq-|-connection-rate$/;

/** The slowest of these rates. */
function slowest(rates: readonly NamedRate[]) {
  const [first] = [...rates].sort((a, b) => intervalMs(b.spec) - intervalMs(a.spec));
  if (first === undefined) return undefined;
  const { name, spec } = first;
  const text = formatThrottle(spec);
  const shown = OWN.test(name) ? ceiling(text, 'primary') : ceiling(text, 'additional', name);
  return { interval: intervalMs(spec), shown };
}

/** What bounds a path; rates of its scheduled queue count as well. */
export function showConstraints(bounds: PathBounds, queueRates: readonly NamedRate[] = []) {
  const { path, limits, sending, dialing, choosing } = bounds;
  const [limit] = [...limits].sort((a, b) => a.spec.limit - b.spec.limit);
  const own = limit === undefined || limit.name === 'connection_limit';
  const most = formatLimit(limit?.spec ?? path.connection_limit);
  const declared = slowest([...sending, ...queueRates]);
  const dial = slowest(dialing);
  const choice = slowest(choosing);
  const reached = slower(declared, cycling(path));
  return {
    max_concurrent_dispatchers: own
      ? ceiling(most, 'primary')
      : ceiling(most, 'additional', limit.name),
    ...(reached === undefined ? {} : { max_message_rate: reached.shown }),
    ...(declared === undefined ? {} : { max_message_rate_declared: declared.shown }),
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
  const limit = rate.limit * each;
  const text = formatThrottle({ ...rate, limit, maxBurst: limit });
  return { interval: intervalMs(rate) / each, shown: ceiling(text, 'reconnect_cycling') };
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

/** A ready queue. */
export function showReady(look: ReadyLook, now: number) {
  const { path } = look.bounds;
  const watchdogMs = path.dispatcher_progress_watchdog_timeout ?? WATCHDOG_MS;
  return {
    queue_name: look.name,
    mx: showSite(look.site),
    egress_source: look.source,
    egress_pool: look.pool,
    protocol: 'smtp_client',
    state: {
      ready_count: look.size,
      connection_count: look.sessions.length,
      ...showStates(look.states),
      ...(look.suspended === undefined ? {} : { suspended: { context: look.suspended } }),
      watchdog_threshold: formatDuration(watchdogMs),
    },
    path_config: showPathConfig(path),
    constraints: showConstraints(look.bounds),
    ...(look.queues === undefined ? {} : { scheduled_queue_names: look.queues }),
    dispatchers: look.sessions.map((session) => showSession(session, now)),
    now: timeOf(now),
  };
}

/** A queue in a list. */
export const showLine = (line: QueueLine, now: number) => ({
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
