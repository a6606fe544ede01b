/**
 * Laws about the fate of mail: nothing is lost or made up, every reply has its class, retries keep
 * to their schedule, nothing outlives its age, and what can go goes. Deliberately unknown here:
 * sources, limits, tenants.
 */
import { plainDelayMs } from '../../domain/retry.ts';
import { recount } from '../history.ts';
import type { Happening, Observed, Sent } from '../result.ts';
import type { MessageStory } from '../world/witness.ts';
import { isEnded } from '../world/witness.ts';
import type { Breach, Law } from './law.ts';
import { showSpan } from './law.ts';

const MARK = /^X-Mark: (\S+)\r$/m;
/** Commits, an attempt in flight, and the look for what is too old. */
const LATE_MS = 120_000;

/** Nothing that was acknowledged is lost, doubled or made up. */
export const conservation: Law = {
  name: 'conservation',
  says: 'Each recipient of a message that was taken over ends once, or is still queued.',
  find: (observed) => {
    const [oddity] = observed.oddities;
    if (oddity !== undefined) return { says: oddity, at: observed.endedAt, about: [] };
    for (const sent of observed.sent) {
      const breach = sent.code === 250 ? checkSent(observed, sent) : undefined;
      if (breach !== undefined) return breach;
    }
    return undefined;
  },
};

function checkSent({ messages, copies, endedAt }: Observed, sent: Sent): Breach | undefined {
  const kept = copies.filter(({ body }) => MARK.exec(body)?.[1] === sent.mark);
  for (const id of sent.ids) {
    const story = messages.get(id);
    if (story === undefined) {
      const says = `a message to ${sent.to.join(', ')} was acknowledged and is not in the log`;
      return { says, at: sent.answeredAt ?? sent.at, about: [id] };
    }
    for (const [index, end] of story.ends) {
      const to = story.to[index] ?? '';
      const has = kept.some((copy) => copy.isConfirmed && copy.to.includes(to));
      if (end.kind === 'delivered' && !has && kept.length > 0) {
        const says = `a message to ${to} is called delivered, and its receiver does not have it`;
        return { says, at: endedAt, about: [id] };
      }
    }
  }
  return undefined;
}

const OUTCOMES: Readonly<Record<string, readonly [string, string]>> = {
  'message.delivered': ['2', 'delivered'],
  'message.deferred': ['4', 'put off'],
  'message.bounced': ['5', 'bounced'],
};

/** A reply and what became of it agree. */
export const everyReplyHasAClass: Law = {
  name: 'every-reply-has-a-class',
  says: 'A 2xx delivers, a 4xx puts off, a 5xx bounces, and the enhanced code says the same.',
  find: ({ events }) => {
    for (const { type, stream, at, body } of events) {
      const [digit, word] = OUTCOMES[type] ?? [];
      if (digit === undefined) continue;
      const code = String(body['code']);
      const enhanced = String(body['enhanced'] ?? '');
      // A connection limit of one's own has a reply that is no reply: it is ours.
      const isOwn = body['own'] === 1;
      const agrees = code[0] === digit && (enhanced === '' || enhanced[0] === digit);
      if (agrees || isOwn) continue;
      const says = `a reply ${code} ${enhanced} was ${word}`;
      return { says, at, about: [stream] };
    }
    return undefined;
  },
};

/** The share of an interval that jitter may take, and the whole seconds it is cut to. */
const JITTER = 1 / 40;

/** After an attempt: the queue, when, and no earlier than when the next may be. */
interface Waiting {
  readonly queue: string;
  readonly soonestAt: number;
  readonly at: number;
  readonly interval: number;
}

/** Retries come no sooner than the schedule says. */
export const retriesFollowTheSchedule: Law = {
  name: 'retries-follow-the-schedule',
  says: 'No message is tried again before retry_interval, doubled up to max_retry_interval.',
  find: ({ events, policy }) => {
    // It may give each message a delay of its own.
    if (policy.handlers.includes('requeue_message')) return undefined;
    const waiting = new Map<string, Waiting>();
    for (const [event, standing] of recount(events)) {
      const { type, stream, at } = event;
      if (type === 'queue.configured') {
        for (const [id, one] of waiting) if (one.queue === stream) waiting.delete(id);
      }
      if (type === 'message.rebound' || type === 'message.returned') waiting.delete(stream);
      if (type === 'message.offered') {
        const last = waiting.get(stream);
        waiting.delete(stream);
        if (last !== undefined && at < last.soonestAt) return tooSoon(event, last);
      }
      if (type !== 'message.deferred') continue;
      const queue = standing.queueOf.get(stream) ?? '';
      const config = standing.queues.get(queue)?.config;
      if (config === undefined) continue;
      const { retry_interval: interval, max_retry_interval: cap } = config;
      const made = Number(event.body['attempt']) - 1;
      const schedule = {
        retry_interval: interval,
        ...(cap === undefined ? {} : { max_retry_interval: Math.max(cap, interval) }),
      };
      const delay = plainDelayMs(schedule, Math.max(0, made));
      const slack = Math.min(interval * JITTER, 30_000) + 1_000;
      waiting.set(stream, { queue, at, interval, soonestAt: at + delay - slack });
    }
    return undefined;
  },
};

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

/** Nothing outlives its age. */
export const mailExpiresByMaxAge: Law = {
  name: 'mail-expires-by-max-age',
  says: 'No message is still queued two minutes after its max_age, and none expires early.',
  find: ({ events, messages, endedAt }) => {
    const ages = new Map<string, number>();
    const own = new Set<string>();
    for (const [{ type, stream, body }, standing] of recount(events)) {
      if (body['schedule'] !== undefined) own.add(stream);
      if (!type.startsWith('message.')) continue;
      const queue = standing.queueOf.get(stream) ?? '';
      const age = standing.queues.get(queue)?.config.max_age;
      if (age !== undefined) ages.set(stream, Math.max(age, ages.get(stream) ?? 0));
    }
    for (const story of messages.values()) {
      const age = ages.get(story.id);
      if (age === undefined || own.has(story.id)) continue;
      const breach = checkAge(story, age, endedAt);
      if (breach !== undefined) return breach;
    }
    return undefined;
  },
};

function checkAge(story: MessageStory, age: number, endedAt: number): Breach | undefined {
  const last = Math.max(story.acceptedAt, ...[...story.ends.values()].map(({ at }) => at));
  const at = isEnded(story) ? last : endedAt;
  if (at <= story.acceptedAt + age + LATE_MS) return undefined;
  const word = isEnded(story) ? 'ended' : 'is still queued';
  const says = `a message to ${story.to.join(', ')} ${word} ${showSpan(at - story.acceptedAt)} old`;
  return { says: `${says}; its max_age is ${showSpan(age)}`, at, about: [story.id] };
}
