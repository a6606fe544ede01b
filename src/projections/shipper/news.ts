/**
 * What a shipper tells: for metrics as values, for the log as a sentence with its level. Everything
 * that is not the common way is told, so that nothing leaves a hook without a trace.
 * Deliberately unknown here: the logger, the names of metrics.
 */
import { formatDuration } from '../../domain/duration.ts';
import type { At, Ms } from '../../ports/ports.ts';

/** One piece of news. */
export type ShipperNews =
  /** A batch was confirmed; `refused` of its records lie in the dead letters. */
  | {
      readonly kind: 'settled';
      readonly records: number;
      readonly refused: number;
      readonly bytes: number;
      readonly tookMs: Ms;
    }
  | { readonly kind: 'failed'; readonly reason: string; readonly failures: number }
  | { readonly kind: 'recovered'; readonly failures: number; readonly spellMs: Ms }
  | { readonly kind: 'refused'; readonly records: number; readonly reason: string }
  | { readonly kind: 'disabled'; readonly cause: string }
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'skipped'; readonly records: number }
  /** These positions of the log are gone; how many records the hook wanted of them is unknown. */
  | { readonly kind: 'fell off'; readonly after: number; readonly upto: number }
  | { readonly kind: 'handler failed'; readonly records: number; readonly cause: string }
  | { readonly kind: 'stuck'; readonly waitedMs: Ms }
  /** A cursor or dead letters could not be written, or the log not be read; it is tried again. */
  | { readonly kind: 'stalled'; readonly what: Stalling; readonly cause: string }
  | { readonly kind: 'replayed'; readonly records: number }
  | { readonly kind: 'ended' };

/** What a shipper can be held up by at home. */
export type Stalling = 'cursor' | 'dead letters' | 'log';

/** How loud a piece of news is; the common way is silent. */
export type NewsLevel = 'none' | 'info' | 'warn';

const LEVELS: Readonly<Record<ShipperNews['kind'], NewsLevel>> = {
  settled: 'none',
  failed: 'warn',
  recovered: 'info',
  refused: 'warn',
  disabled: 'warn',
  paused: 'info',
  resumed: 'info',
  skipped: 'warn',
  'fell off': 'warn',
  'handler failed': 'warn',
  stuck: 'warn',
  stalled: 'warn',
  replayed: 'info',
  ended: 'none',
};

/** The level of a piece of news. */
export const levelOf = (news: ShipperNews): NewsLevel => LEVELS[news.kind];

/** The sentence for the log. */
export function sentenceOf(hook: string, news: ShipperNews): string {
  return `log hook ${hook}: ${textOf(news)}`;
}

function textOf(news: ShipperNews): string {
  switch (news.kind) {
    case 'settled':
      return `${news.records} records confirmed`;
    case 'failed':
      return `batch failed, ${news.failures} in a row: ${news.reason}`;
    case 'recovered':
      return `goes on after ${news.failures} failed batches in ${formatDuration(news.spellMs)}`;
    case 'refused':
      return `${news.records} records refused for good, now dead letters: ${news.reason}`;
    case 'disabled':
      return `disabled until resumed by hand, records wait in the log: ${news.cause}`;
    case 'skipped':
      return `${news.records} records skipped by an operator, now dead letters`;
    case 'fell off':
      return `positions ${news.after + 1} to ${news.upto} of the log are gone and were not sent`;
    case 'handler failed':
      return `a handler failed for ${news.records} records, which are sent: ${news.cause}`;
    case 'stuck':
      return `the sink did not answer for ${formatDuration(news.waitedMs)} and is made anew`;
    case 'stalled':
      return `waits because of the ${news.what}: ${news.cause}`;
    case 'replayed':
      return `replay done, ${news.records} records`;
    default:
      return news.kind;
  }
}

/** What can be asked of a shipper at any time. */
export interface ShipperStatus {
  readonly name: string;
  /** The state of the chart: `watching`, `backingOff`, `halted.paused` … */
  readonly state: string;
  /** Saved: everything up to here is done with. */
  readonly position: number;
  /** Everything up to here was looked at. */
  readonly readUpto: number;
  /** Records at hand, read and not yet settled. */
  readonly ready: number;
  /** Failed batches in a row. */
  readonly failures: number;
  /** Why the last failure was; stays after it is over. */
  readonly lastError: string;
  readonly lastErrorAt: At | undefined;
  readonly counts: Readonly<ShipperCounts>;
}

/** What was counted since this shipper began. */
export interface ShipperCounts {
  settled: number;
  refused: number;
  skipped: number;
  /** Positions of the log that fell off before they were sent. */
  fallenOff: number;
  filtered: number;
  failedBatches: number;
  handlerFailures: number;
}
