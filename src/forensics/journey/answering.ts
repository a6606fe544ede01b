/**
 * A question about messages, answered: one journey where one message was found, else the messages
 * there are to choose from. The same answer offline and live, as plain data with times as text.
 * Deliberately unknown here: who asks, and what a running engine knows beside the log.
 */
import type { FoundMessage, JourneyQuestion, Rest } from './finding.ts';
import { findMessages } from './finding.ts';
import { eventsToEnd, journeyOf } from './journey.ts';
import type { FoundBy } from './leads.ts';
import { findAcceptance } from './leads.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import { standingOf } from './standing.ts';
import type { Journey } from './steps.ts';

/** One of several messages that were found. */
export interface Match {
  readonly id: string;
  /** When it was taken over, or the first that is known of it. */
  readonly at: number;
  readonly by: readonly FoundBy[];
  readonly from: string;
  readonly to: readonly string[];
  readonly queue: string;
  readonly state: string;
  readonly text: string;
}

/** A page of messages. `more`: there are others, or may be; `rest` says how many. */
export interface Matches {
  readonly kind: 'matches';
  readonly matches: readonly Match[];
  readonly more: boolean;
  readonly rest?: Rest;
}

/** The answer. */
export type JourneyAnswer =
  | { readonly kind: 'journey'; readonly journey: Journey }
  | Matches
  | { readonly kind: 'nothing'; readonly text: string };

/** Recipients shown of a match. */
const RECIPIENTS_SHOWN = 5;

/** Answers from a log as far as it is indexed; for `now` see `journeyOf`. */
export function answerJourney(
  look: LogLook,
  question: JourneyQuestion,
  now?: number,
): JourneyAnswer {
  const { messages, rest, wasListed } = findMessages(look, question);
  const [only, ...others] = messages.keys();
  if (only === undefined && rest === undefined) {
    return { kind: 'nothing', text: sayNothing(look, question) };
  }
  const isAlone = others.length === 0 && rest === undefined && question.before === undefined;
  if (only !== undefined && isAlone) {
    const journey = journeyOf(look, only, now);
    if (journey !== undefined) return { kind: 'journey', journey };
  }
  const events = eventsToEnd(
    look,
    [...messages].map(([id, { from }]) => ({ id, from })),
  );
  const matches = [...messages].flatMap(([id, found], index) => {
    const own = events[index] ?? [];
    return wasListed(own) ? [] : [matchOf(id, found, own)];
  });
  matches.sort((one, other) => other.at - one.at);
  return { kind: 'matches', matches, more: rest !== undefined, ...(rest && { rest }) };
}

/** Says what was asked, and how far the log reaches: a time may be one that it does not have. */
function sayNothing(look: LogLook, { key, tenant, from, upto, before }: JourneyQuestion): string {
  const what = [
    ...(key === undefined ? [] : [`for ${key}`]),
    ...(tenant === undefined ? [] : [`of tenant ${tenant}`]),
    ...(from === undefined ? [] : [`from ${timeText(from)}`]),
    ...(upto === undefined ? [] : [`up to ${timeText(upto)}`]),
    ...(before === undefined ? [] : [`before position ${before}`]),
  ];
  const reach = [look.log.first(), look.upto].map((position) => {
    const at = look.at(position)?.at;
    return `position ${position}${at === undefined ? '' : ` (${timeText(at)})`}`;
  });
  if (look.upto < look.log.first()) return `the log has no message ${what.join(' ')}: it is empty`;
  return `the log has no message ${what.join(' ')}; it reaches from ${reach.join(' to ')}`;
}

const timeText = (at: number): string => new Date(at).toISOString();

function matchOf(id: string, { by }: FoundMessage, events: readonly LogEvent[]): Match {
  const acceptance = findAcceptance(events);
  const { state, text } = standingOf(events);
  return {
    id,
    at: acceptance?.at ?? events[0]?.at ?? 0,
    by,
    from: acceptance?.body.from ?? '',
    to: (acceptance?.body.to ?? []).slice(0, RECIPIENTS_SHOWN),
    queue: acceptance?.body.queue ?? '',
    state,
    text,
  };
}

/** What is told: a time is text. */
export type AsTold<T> = T extends readonly (infer One)[]
  ? readonly AsTold<One>[]
  : T extends object
    ? { readonly [K in keyof T]: K extends TimeName ? TimeText<T[K]> : AsTold<T[K]> }
    : T;

/** Only a number is a time: whom mail is from is text already. */
type TimeText<V> = [NonNullable<V>] extends [number] ? string : AsTold<V>;

const TIMES = ['at', 'from', 'until', 'due'] as const;
type TimeName = (typeof TIMES)[number];

/** The answer as it is told outside: plain data, every time as RFC 3339 text in UTC. */
export const tellAnswer = (answer: JourneyAnswer): AsTold<JourneyAnswer> =>
  JSON.parse(
    JSON.stringify(answer, (key, value: unknown) =>
      typeof value === 'number' && TIMES.some((name) => name === key) ? timeText(value) : value,
    ),
  ) as AsTold<JourneyAnswer>;
