/**
 * The journey of one message, put together: what happened to it, what it waited for, what was
 * decided about it, and where it stands. Reads the log through its index and changes nothing.
 * Deliberately unknown here: how the message was found, and how a journey is shown.
 */
import { readyQueueName } from '../../domain/site-name.ts';
import { sayType, stepsOf } from './attempts.ts';
import { waitStep } from './causes.ts';
import type { Met } from './decisions.ts';
import { decisionsOf, policyAt } from './decisions.ts';
import { KEY } from './keys.ts';
import { findAcceptance } from './leads.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import type { Standing } from './standing.ts';
import { StandingFold, standingOf } from './standing.ts';
import type { Journey, Step } from './steps.ts';
import { waitsOf } from './waits.ts';

/** Events of one message that are told; of more, the first and the newest. */
export const EVENTS_MAX = 2_000;

/** The events of a message, in order; `from` is a position that none of them lies before. */
export function eventsOf(look: LogLook, id: string, from = 1): readonly LogEvent[] {
  const all: LogEvent[] = [];
  for (const found of look.newest(KEY.stream, id, { from })) {
    // Of too many the newest are told, and the acceptance, which comes last here.
    if (all.length === EVENTS_MAX) all.pop();
    all.push(found);
  }
  return all.reverse();
}

/** A message, and a position that none of its events lies before. */
export interface MessageFrom {
  readonly id: string;
  readonly from: number;
}

/**
 * The events of each message up to its end: of one that ended soon most of the log is not asked.
 * Of one with too many, as `eventsOf` has them.
 */
export function eventsToEnd(
  look: LogLook,
  messages: readonly MessageFrom[],
): readonly (readonly LogEvent[])[] {
  const all = messages.map(() => [] as LogEvent[]);
  const followers = messages.map(({ id, from }, index) => {
    const fold = new StandingFold();
    const events = all[index] as LogEvent[];
    const hear = (found: LogEvent): boolean => {
      events.push(found);
      fold.take(found);
      return fold.isEnded || events.length === EVENTS_MAX;
    };
    return { stream: id, from, hear };
  });
  look.follow(followers);
  return messages.map(({ id, from }, index) => {
    const events = all[index] ?? [];
    return events.length < EVENTS_MAX ? events : eventsOf(look, id, from);
  });
}

/**
 * Everything about one message; undefined where the log has none of it. What lasts, lasts until
 * `now`, ms: of a log at rest that is its end.
 */
export function journeyOf(look: LogLook, id: string, now = 0): Journey | undefined {
  const events = eventsOf(look, id);
  const [first] = events;
  const last = events.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const upto = endOf(look, last);
  const standing = standingOf(events);
  const lastPosition = standing.state === 'ended' ? last.position : upto.position;
  const life = { firstPosition: first.position, lastPosition };
  const waits = waitsOf(events, Math.max(now, upto.at, last.at)).map((wait) =>
    waitStep(wait, { look, lastPosition }),
  );
  const own = stepsOf(events).map((step) => withPolicy(look, step));
  const decisions = decisionsOf(look, life, metIn(events, own));
  return {
    id,
    upto,
    steps: inOrder([...decisions, ...own, ...waits]),
    standing,
    events: events.map(({ event, at, position }) => {
      const { type } = event;
      return { position, at, type, says: sayType(type) };
    }),
    gaps: gapsOf(look, events, standing),
  };
}

/** The end of what is known. */
function endOf(look: LogLook, last: LogEvent): Journey['upto'] {
  const position = look.log.upto();
  return { position, at: look.at(position)?.at ?? last.at };
}

function withPolicy(look: LogLook, step: Step): Step {
  if (step.kind !== 'reception') return step;
  const policy = policyAt(look, step.positions[0] ?? 0);
  return policy === undefined ? step : { ...step, policy };
}

/** Queues, sources and paths that the message met. */
function metIn(events: readonly LogEvent[], steps: readonly Step[]): Met {
  const queues = new Set(
    events.flatMap(({ event }) =>
      event.type === 'message.rebound' || event.type === 'message.accepted'
        ? [event.body.queue]
        : [],
    ),
  );
  const sources = new Set<string>();
  const paths = new Set<string>();
  for (const step of steps) {
    if (step.kind !== 'attempt' || step.source === undefined) continue;
    sources.add(step.source);
    if (step.site !== undefined) paths.add(readyQueueName(step.source, step.site));
  }
  return { queues, sources, paths };
}

/** What came first; at one time: decisions, then what happened, then the wait that followed. */
const RANKS: Readonly<Record<Step['kind'], number>> = {
  decision: 0,
  reception: 1,
  attempt: 2,
  event: 2,
  wait: 3,
};

const inOrder = (steps: readonly Step[]): readonly Step[] =>
  [...steps].sort((one, other) => one.at - other.at || RANKS[one.kind] - RANKS[other.kind]);

function gapsOf(look: LogLook, events: readonly LogEvent[], standing: Standing): string[] {
  const gaps = look.unreadable.map(
    (position) =>
      `the record at position ${position} cannot be read: it is damaged, or of a newer Waybill`,
  );
  const first = look.log.first();
  if (findAcceptance(events) === undefined && standing.state === 'unknown') {
    gaps.push(`what happened before position ${first} is no longer in this log`);
  }
  if (events.length === EVENTS_MAX) {
    gaps.push(`it has more than ${EVENTS_MAX} events: of the oldest only its acceptance is told`);
  }
  return gaps;
}
