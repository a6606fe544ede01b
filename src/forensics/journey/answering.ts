/**
 * A question about messages, answered: one journey where one message was found, else the messages
 * there are to choose from. The same answer offline and live, as plain data with times as text.
 * Deliberately unknown here: who asks, and what a running engine knows beside the log.
 */
import type { FoundBy, FoundMessage, JourneyQuestion } from './finding.ts';
import { findAcceptance, findMessages } from './finding.ts';
import { eventsOf, journeyOf } from './journey.ts';
import type { LogLook } from './log-look.ts';
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

/** The answer. `more`: there are others than those listed, or may be. */
export type JourneyAnswer =
  | { readonly kind: 'journey'; readonly journey: Journey }
  | { readonly kind: 'matches'; readonly matches: readonly Match[]; readonly more: boolean }
  | { readonly kind: 'nothing'; readonly text: string };

/** Recipients shown of a match. */
const RECIPIENTS_SHOWN = 5;

/** Answers from a log as far as it is indexed; for `now` see `journeyOf`. */
export function answerJourney(
  look: LogLook,
  question: JourneyQuestion,
  now?: number,
): JourneyAnswer {
  const { messages, isCut } = findMessages(look, question);
  const [only, ...others] = messages.keys();
  if (only === undefined) return { kind: 'nothing', text: sayNothing(look, question) };
  if (others.length === 0 && !isCut) {
    const journey = journeyOf(look, only, now);
    if (journey !== undefined) return { kind: 'journey', journey };
  }
  const matches = [...messages].map(([id, found]) => matchOf(look, id, found));
  matches.sort((one, other) => other.at - one.at);
  return { kind: 'matches', matches, more: isCut };
}

function sayNothing({ log }: LogLook, { key, tenant }: JourneyQuestion): string {
  const what = key === undefined ? `of tenant ${tenant}` : `for ${key}`;
  return `the log has no message ${what} from position ${log.first()} to ${log.upto()}`;
}

function matchOf(look: LogLook, id: string, { by, from }: FoundMessage): Match {
  const events = eventsOf(look, id, from);
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
      typeof value === 'number' && TIMES.some((name) => name === key)
        ? new Date(value).toISOString()
        : value,
    ),
  ) as AsTold<JourneyAnswer>;
