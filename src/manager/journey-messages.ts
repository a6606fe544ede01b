/**
 * What the worker's main thread and the thread of journeys say to each other. Plain data only.
 * Knows nobody's work.
 */
import type { AsTold, JourneyAnswer } from '../forensics/journey/answering.ts';
import type { JourneyQuestion } from '../forensics/journey/finding.ts';

/** What the thread is started with. */
export interface JourneyStart {
  /** The data directory. */
  readonly dir: string;
  /** How far the log is durable: events/log-mark.ts. */
  readonly mark: SharedArrayBuffer;
  /** How busy mail is: mail-load.ts. */
  readonly load: SharedArrayBuffer;
}

/** main thread → journeys. */
export type ToJourneys =
  | { readonly kind: 'ask'; readonly id: number; readonly question: JourneyQuestion }
  | { readonly kind: 'stop' };

/** An answer; `behind` says how many of the newest records were not looked at yet. */
export type JourneyTold = AsTold<JourneyAnswer> & { readonly behind?: number };

/** journeys → main thread. */
export type FromJourneys =
  | { readonly kind: 'answered'; readonly id: number; readonly answer: JourneyTold | string }
  | { readonly kind: 'log'; readonly text: string };
