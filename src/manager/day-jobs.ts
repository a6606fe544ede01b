/**
 * What a thread that simulates a day is asked, and what it says. Plain data only.
 * Knows nobody's work.
 */
import type { DayReceivers, DayReport, TrafficSurvey } from '../testing/testing.ts';
import type { LawFile } from './law-jobs.ts';

/** The day; `traffic` is the file that was surveyed. */
export interface DayJob {
  readonly policy: LawFile;
  readonly traffic: string;
  readonly survey: TrafficSurvey;
  readonly receivers?: DayReceivers | undefined;
  readonly seed: number;
  readonly forMs: number;
}

/** Said to the thread: the day ends early. */
export const STOP = 'stop';

/** thread → who asked. */
export type DayWord =
  /** It is loaded; with a refusal nothing is simulated. */
  | {
      readonly kind: 'loaded';
      readonly warnings: readonly string[];
      readonly refusals: readonly string[];
    }
  | { readonly kind: 'progress'; readonly doneMs: number; readonly submitted: number }
  | { readonly kind: 'reported'; readonly report: DayReport }
  /** Nothing could be loaded. */
  | { readonly kind: 'refused'; readonly sentence: string }
  /** The file of traffic is another by now. */
  | { readonly kind: 'wanting'; readonly problems: readonly string[] }
  /** Our own mistake. */
  | { readonly kind: 'broke'; readonly stack: string };
