/**
 * What one shipper holds: records at hand, the batch under way, what is saved and what is wished.
 * All but the saved cursor dies with the process. The chart carries it as its context, hands change
 * it, guards look at it. Deliberately unknown here: which state follows which; that is the chart's.
 */
import type { Ms, Random } from '../../ports/ports.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import type { HookBatching, HookFilter, HookShape } from '../hook.ts';
import type { LogRecord } from '../log-record/record.ts';
import { BackOff } from './back-off.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import type { AskPolicy } from './filter.ts';
import { makeFilter } from './filter.ts';
import { Hand } from './hand.ts';
import type { ShipperCounts, ShipperNews, Stalling } from './news.ts';
import { Pace } from './pace.ts';
import type { CursorKeeper, RecordSource, SavedCursor } from './surroundings.ts';
import type { ShipperSignal } from './vocabulary.ts';

/** A signal's name. */
export type SignalType = ShipperSignal['type'];

/** When a hook stops by itself; what is absent never stops it. */
export interface DisableRule {
  /** Every batch failed, or was refused as a whole, for so long, ms. */
  readonly failingMs?: Ms;
  /** So many records in a row were refused for good. */
  readonly refusedMax?: number;
}

/** Everything a shipper is made of. */
export interface ShipperParts {
  readonly name: string;
  readonly filter: HookFilter;
  readonly batching: HookBatching;
  readonly shape: HookShape;
  readonly disable: DisableRule;
  /** Where it begins, see beginning.ts. */
  readonly cursor: SavedCursor;
  /** True when the cursor was read back and needs no writing. */
  readonly isSaved: boolean;
  readonly source: RecordSource;
  readonly keeper: CursorKeeper;
  readonly letters: DeadLetters;
  /** Makes a sink; again when one had to be given up. */
  readonly makeSink: () => Sink;
  readonly timers: Timers;
  readonly random: Random;
  readonly tell: (news: ShipperNews) => void;
  /** The policy's `should_enqueue_log_record`. */
  readonly ask?: AskPolicy;
  /** The last word of a sink that never answers, ms; by default SEND_MS_MAX. */
  readonly sendMsMax?: Ms;
}

/** An operator's wish to skip, being fulfilled. */
export interface SkipWish {
  left: number;
  done: number;
  readonly answered: (records: number) => void;
}

/** The batch with the sink. */
export interface Sending {
  readonly batch: readonly OutgoingRecord[];
  readonly bytes: number;
  readonly sentAtMs: Ms;
  readonly abort: AbortController;
  answer: SinkAnswer | undefined;
}

/** The held state of one shipper. */
export interface Held {
  readonly parts: ShipperParts;
  readonly passes: (record: LogRecord) => boolean;
  readonly hand: Hand;
  readonly backOff: BackOff;
  readonly connectionPace: Pace;
  readonly recordPace: Pace;
  readonly counts: ShipperCounts;
  /** Tells the chart; set when the chart has started. */
  signal: (type: SignalType) => void;
  shape: HookShape;

  // Reading.
  readUpto: number;
  /** The last look found the log readable, and there is more of it now. */
  hasMore: boolean;
  stalling: { readonly what: Stalling; readonly cause: string } | undefined;
  /** What handlers failed for, not yet told. */
  handlerFailures: number;
  handlerToldAtMs: Ms;
  /** Refused records that were not told yet, and when some were last. */
  refusedUntold: number;
  refusedToldAtMs: Ms;

  // Sending.
  sink: Sink | undefined;
  isConnected: boolean;
  /** Records sent since the connection was opened. */
  deliveries: number;
  usedAtMs: Ms;
  /** Length of the batch that was cut and is not settled; 0 where none is. */
  cut: number;
  sending: Sending | undefined;
  failingSinceMs: Ms | undefined;
  /** The wait that the last failure brought, and until when the receiver asked for it. */
  retryWaitMs: Ms;
  retryAskedUntilMs: Ms;
  refusedInRow: number;
  lastError: string;
  lastErrorAt: number | undefined;

  // Keeping.
  saved: SavedCursor;
  savedAtMs: Ms;
  /** The cursor has to be written before anything else. */
  isSaveDue: boolean;
  standing: SavedCursor['state'];
  cause: string;
  letters: readonly DeadLetter[];
  /** Called when the standing of now is durable. */
  standingAnswers: ((refusal?: string) => void)[];

  // Wishes.
  skip: SkipWish | undefined;
  isStopping: boolean;
  /** A batch that was being filled when the stop came goes as it is. */
  isFlushing: boolean;
  isOver: boolean;

  cancelWait: () => void;
  waitEndsAtMs: Ms;
  cancelWatch: () => void;
  cancelPatience: () => void;
}

const nothing = (): void => {};

/** A shipper's state before it did anything. */
export function makeHeld(parts: ShipperParts): Held {
  const { name, filter, ask, cursor, timers } = parts;
  const steadyMs = timers.steadyMs();
  const held: Held = {
    parts,
    passes: makeFilter(name, filter, ask, (cause) => noteHandlerFailure(held, cause)),
    hand: new Hand(),
    backOff: new BackOff(),
    connectionPace: new Pace(),
    recordPace: new Pace(),
    counts: {
      settled: 0,
      refused: 0,
      skipped: 0,
      fallenOff: 0,
      filtered: 0,
      failedBatches: 0,
      handlerFailures: 0,
    },
    signal: nothing,
    shape: parts.shape,
    readUpto: cursor.position,
    hasMore: false,
    stalling: undefined,
    handlerFailures: 0,
    handlerToldAtMs: Number.NEGATIVE_INFINITY,
    refusedUntold: 0,
    refusedToldAtMs: Number.NEGATIVE_INFINITY,
    sink: undefined,
    isConnected: false,
    deliveries: 0,
    usedAtMs: steadyMs,
    cut: 0,
    sending: undefined,
    failingSinceMs: undefined,
    retryWaitMs: 0,
    retryAskedUntilMs: Number.NEGATIVE_INFINITY,
    refusedInRow: 0,
    lastError: cursor.error,
    lastErrorAt: undefined,
    saved: cursor,
    savedAtMs: steadyMs,
    isSaveDue: !parts.isSaved,
    standing: cursor.state,
    cause: cursor.error,
    letters: [],
    standingAnswers: [],
    skip: undefined,
    isStopping: false,
    isFlushing: false,
    isOver: false,
    cancelWait: nothing,
    waitEndsAtMs: Number.POSITIVE_INFINITY,
    cancelWatch: nothing,
    cancelPatience: nothing,
  };
  return held;
}

/** Failures of handlers are told at most so often, ms. */
export const HANDLER_TOLD_MS = 60_000;

/** A handler failed for a record, which is kept; told now or together with those to come. */
export function noteHandlerFailure(held: Held, cause: string): void {
  held.counts.handlerFailures += 1;
  held.handlerFailures += 1;
  const steadyMs = held.parts.timers.steadyMs();
  if (steadyMs - held.handlerToldAtMs < HANDLER_TOLD_MS) return;
  held.parts.tell({ kind: 'handler failed', records: held.handlerFailures, cause });
  held.handlerFailures = 0;
  held.handlerToldAtMs = steadyMs;
}

/** Up to here everything is done with: what is at hand is not. */
export function positionOf(held: Held): number {
  const first = held.hand.position();
  return first === undefined ? held.readUpto : first - 1;
}

/** The end of a replay; there is none for a live hook. */
export const untilOf = (held: Held): number => held.parts.cursor.until ?? Number.POSITIVE_INFINITY;

/** The one wait of a state: `type` comes after `waitMs`, unless the state is left before. */
export function awaitMs(held: Held, waitMs: Ms, type: SignalType): void {
  held.cancelWait();
  const { timers } = held.parts;
  held.waitEndsAtMs = timers.steadyMs() + waitMs;
  held.cancelWait = timers.after(waitMs, () => {
    held.cancelWait = nothing;
    held.signal(type);
  });
}

/** Takes back what a state waited for. */
export function dropWaits(held: Held): void {
  held.cancelWait();
  held.cancelWait = nothing;
  held.cancelWatch();
  held.cancelWatch = nothing;
}
