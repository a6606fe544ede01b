/**
 * Laws about when: retries keep to their schedule, what was put off is tried again, and nothing
 * ends before its age or long after it. The one idea: the schedule is reckoned here anew, from the
 * options alone, so an error in the engine's own arithmetic cannot hide itself. Deliberately
 * unknown here: sources, limits, tenants.
 */
import type { QueueConfig } from '../../domain/options-queue.ts';
import type { Standing } from '../history.ts';
import { recount } from '../history.ts';
import type { Happening, Observed } from '../result.ts';
import type { MessageStory } from '../world/witness.ts';
import { isEnded } from '../world/witness.ts';
import type { Breach, Law } from './law.ts';
import { showSpan } from './law.ts';

/** Commits, an attempt in flight, and the look for what is too old. */
const LATE_MS = 120_000;
/** The share of an interval that jitter may take to either side, at most, and whole seconds. */
const JITTER = 1 / 40;
const JITTER_MS_MAX = 30_000;
const CUT_MS = 1_000;

type Schedule = Pick<QueueConfig, 'retry_interval' | 'max_retry_interval'>;

/** The wait after so many attempts, doubled from the second on; no cap is below it. */
function waitAfter({ retry_interval: base, max_retry_interval: cap }: Schedule, attempts: number) {
  const doubled = base * 2 ** Math.max(0, attempts - 1);
  return cap === undefined ? doubled : Math.min(doubled, Math.max(cap, base));
}

const slackOf = ({ retry_interval: base }: Schedule): number =>
  Math.min(base * JITTER, JITTER_MS_MAX) + CUT_MS;

/** After an attempt: the queue, when, and no earlier than when the next may be. */
interface Waiting {
  readonly queue: string;
  readonly soonestAt: number;
  readonly at: number;
  readonly interval: number;
}

const OUTCOMES = new Set(['message.deferred', 'message.unsettled']);

/** Retries come when the schedule says. */
export const retriesFollowTheSchedule: Law = {
  name: 'retries-follow-the-schedule',
  says: 'A message is due again after retry_interval, doubled up to max_retry_interval.',
  find: ({ events, policy }) => {
    // It may give each message a delay of its own.
    if (policy.handlers.includes('requeue_message')) return undefined;
    const waiting = new Map<string, Waiting>();
    const own = new Set<string>();
    for (const [event, standing] of recount(events)) {
      const { type, stream, at, body } = event;
      if (body['schedule'] !== undefined) own.add(stream);
      if (type === 'queue.configured') {
        for (const [id, one] of waiting) if (one.queue === stream) waiting.delete(id);
      }
      if (type === 'message.rebound' || type === 'message.returned') waiting.delete(stream);
      if (type === 'message.offered') {
        const last = waiting.get(stream);
        waiting.delete(stream);
        if (last !== undefined && at < last.soonestAt) return tooSoon(event, last);
      }
      if (!OUTCOMES.has(type)) continue;
      const queue = standing.queueOf.get(stream) ?? '';
      const config = standing.queues.get(queue)?.config;
      if (config === undefined) continue;
      const breach = own.has(stream) ? undefined : checkDue(event, queue, config);
      if (breach !== undefined) return breach;
      if (type !== 'message.deferred') continue;
      const interval = config.retry_interval;
      const soonestAt = at + waitAfter(config, Number(body['attempt'])) - slackOf(config);
      waiting.set(stream, { queue, at, interval, soonestAt });
    }
    return undefined;
  },
};

/** When an attempt is said to be due is neither before nor after what the schedule says. */
function checkDue(
  { type, stream, at, body }: Happening,
  queue: string,
  config: Schedule,
): Breach | undefined {
  const waitMs = Number(body['due']) - at;
  // Due at once: it ends, or moves to another queue; or the process died over it.
  if (waitMs <= 0) return undefined;
  const attempts = Number(body['attempts']);
  const wanted = waitAfter(config, attempts);
  const slack = slackOf(config);
  // Below a second a message would be tried in a loop.
  const least = Math.min(wanted - slack, CUT_MS);
  if (waitMs >= Math.max(least, wanted - slack) && waitMs <= wanted + slack) return undefined;
  const what = type === 'message.deferred' ? 'put off' : 'not settled';
  const says = `mail of ${queue}, ${what}, is due again in ${showSpan(waitMs)}`;
  const about = `after attempt ${attempts} its schedule says ${showSpan(wanted)}`;
  return { says: `${says}; ${about}`, at, about: [stream, queue] };
}

function tooSoon({ stream, at }: Happening, last: Waiting): Breach {
  const after = showSpan(at - last.at);
  const least = showSpan(last.soonestAt - last.at);
  const wanted = `${least} at least (retry_interval ${showSpan(last.interval)})`;
  const says = `mail of ${last.queue} was tried again after ${after}; its schedule says ${wanted}`;
  return { says, at, about: [stream, last.queue] };
}

/** What is put off gets a second chance. */
export const deferredMailIsTriedAgain: Law = {
  name: 'deferred-mail-is-tried-again',
  says: 'A message that was put off early in its life is tried again before it expires.',
  find: ({ events, messages }) => {
    for (const [event, standing] of recount(events)) {
      const { type, stream, at, body } = event;
      if (type !== 'message.expired') continue;
      const story = messages.get(stream);
      const queue = standing.queueOf.get(stream) ?? '';
      const config = standing.queues.get(queue)?.config;
      if (story === undefined || config === undefined || story.offers.length !== 1) continue;
      const { max_age, retry_interval } = config;
      if (at - story.acceptedAt > max_age / 4) continue;
      const says =
        `mail of ${queue} expired after one attempt, ${showSpan(at - story.acceptedAt)} old: ` +
        `max_age ${showSpan(max_age)}, retry_interval ${showSpan(retry_interval)}`;
      return { says: `${says} (${String(body['text'])})`, at, about: [stream, queue] };
    }
    return undefined;
  },
};

/** How old a message may grow: the least and the most of all queues it was in. */
interface Ages {
  readonly least: number;
  readonly most: number;
}

/** Nothing outlives its age, nor ends long before it. */
export const mailExpiresByMaxAge: Law = {
  name: 'mail-expires-by-max-age',
  says: 'No message is queued two minutes after its max_age; none expires that could be tried.',
  find: (observed) => {
    const { events, messages, policy } = observed;
    const ages = new Map<string, Ages>();
    const own = new Set<string>();
    const attempts = new Map<string, number>();
    const mayBeEarly = !policy.handlers.includes('requeue_message');
    for (const [event, standing] of recount(events)) {
      const { type, stream, body } = event;
      if (body['schedule'] !== undefined) own.add(stream);
      if (!type.startsWith('message.')) continue;
      noteAge(ages, stream, standing);
      if (OUTCOMES.has(type)) attempts.set(stream, Number(body['attempts']));
      if (type !== 'message.expired' || own.has(stream) || !mayBeEarly) continue;
      const breach = checkEarly(observed, event, standing, [ages, attempts.get(stream) ?? 0]);
      if (breach !== undefined) return breach;
    }
    for (const story of messages.values()) {
      const age = ages.get(story.id)?.most;
      if (age === undefined || own.has(story.id)) continue;
      const breach = checkAge(observed, story, age);
      if (breach !== undefined) return breach;
    }
    return undefined;
  },
};

function noteAge(ages: Map<string, Ages>, id: string, standing: Standing): void {
  const age = standing.queues.get(standing.queueOf.get(id) ?? '')?.config.max_age;
  if (age === undefined) return;
  const { least = age, most = age } = ages.get(id) ?? {};
  ages.set(id, { least: Math.min(age, least), most: Math.max(age, most) });
}

/** A message expires where its next attempt would come too late, and not while one would not. */
function checkEarly(
  { messages }: Observed,
  { stream, at, body }: Happening,
  standing: Standing,
  [ages, attempts]: readonly [ReadonlyMap<string, Ages>, number],
): Breach | undefined {
  const story = messages.get(stream);
  const queue = standing.queueOf.get(stream) ?? '';
  const config = standing.queues.get(queue)?.config;
  const age = ages.get(stream)?.least;
  if (story === undefined || config === undefined || age === undefined) return undefined;
  const bornAt = Number.parseInt(stream.slice(0, 12), 16);
  const nextMs = attempts === 0 ? 0 : waitAfter(config, attempts) + slackOf(config);
  const old = at - (Number.isNaN(bornAt) ? story.acceptedAt : bornAt);
  if (old + nextMs >= age - CUT_MS) return undefined;
  const says = `mail of ${queue} expired ${showSpan(old)} old (${String(body['text'])})`;
  return { says: `${says}; its max_age is ${showSpan(age)}`, at, about: [stream, queue] };
}

function checkAge(
  { diskFull, endedAt }: Observed,
  story: MessageStory,
  age: number,
): Breach | undefined {
  const last = Math.max(story.acceptedAt, ...[...story.ends.values()].map(({ at }) => at));
  const at = isEnded(story) ? last : endedAt;
  const dueAt = story.acceptedAt + age;
  // While nothing can be written nothing ends either.
  const full = diskFull.filter(({ from, until }) => from <= at && until >= dueAt);
  const ableAt = Math.max(dueAt, ...full.map(({ until }) => until));
  if (at <= ableAt + LATE_MS) return undefined;
  const word = isEnded(story) ? 'ended' : 'is still queued';
  const says = `a message to ${story.to.join(', ')} ${word} ${showSpan(at - story.acceptedAt)} old`;
  return { says: `${says}; its max_age is ${showSpan(age)}`, at, about: [story.id] };
}
