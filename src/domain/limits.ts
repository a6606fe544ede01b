/**
 * Every bound of the engine in one place, with its unit and what happens at it; the relations
 * between them are asserted at start. Knows nothing of where they are enforced.
 */
import { invariant } from './invariant.ts';

/** Bounds that a caller may lower (tests, the simulated world) or raise (operators, later). */
export interface Limits {
  /** Inputs one turn takes; the rest wait for the next. */
  readonly turnInputsMax: number;
  /** Records after which a turn gathers no more. */
  readonly turnRecordsMax: number;
  /** Turns between append and durable; past it inputs wait. */
  readonly turnsInFlightMax: number;
  /** Longest wait for company before a turn, ms. */
  readonly turnWaitMsMax: number;
  /** Submissions waiting for a turn; past it intake answers 451. */
  readonly inboxSubmissionsMax: number;
  /** Due messages not yet delivered above which intake is paced to delivery. */
  readonly paceRowsMin: number;
  /** Longest time a submission is held back by pacing, ms. */
  readonly paceMsMax: number;
  /** Living messages; past it intake answers 452. */
  readonly rowsMax: number;
  /** Envelopes kept in memory; others are read back from the log. */
  readonly hotRowsMax: number;
  /** Bytes of bodies kept in memory after acceptance; others are read back. */
  readonly hotBodyBytesMax: number;
  /** Bytes of bodies in memory that are nowhere else (deferred_spool); past it they are stored. */
  readonly deferredBodyBytesMax: number;
  /** A body that waits longer than this for its first attempt is stored, ms. */
  readonly deferredBodyMsMax: number;
  /** Cold envelopes read back for one ready queue at a time. */
  readonly drawRowsMax: number;
  /** Connections of the whole engine. */
  readonly connectionsMax: number;
  /** Span between two looks at connection deadlines, ms. */
  readonly tickMs: number;
  /** Time given after expiry to an attempt in flight, ms. */
  readonly expiryGraceMs: number;
  /** Records after which a snapshot is taken; with many rows a quarter of their number. */
  readonly snapshotRecordsMax: number;
  /** Span after which a snapshot is taken if anything changed, ms. */
  readonly snapshotMsMax: number;
  /** Span between two looks for idle queues, ms. */
  readonly reapMs: number;
  /** Questions in one slice of a sweep through all that is configured; 0: no sweep, only use. */
  readonly sweepAsksMax: number;
  /** Queues, and ready queues, looked at in one slice. */
  readonly sweepLooksMax: number;
  /** Rows walked over in one slice: those of changed queues, and those whose age is set anew. */
  readonly sweepRowsMax: number;
}

/** The defaults; ARCHITECTURE.md holds the measurements behind them. */
export const LIMITS: Limits = {
  turnInputsMax: 1024,
  turnRecordsMax: 256,
  turnsInFlightMax: 2,
  turnWaitMsMax: 2,
  inboxSubmissionsMax: 4096,
  paceRowsMin: 512,
  paceMsMax: 1000,
  rowsMax: 10_000_000,
  hotRowsMax: 20_000,
  hotBodyBytesMax: 64 * 1024 * 1024,
  deferredBodyBytesMax: 64 * 1024 * 1024,
  deferredBodyMsMax: 10_000,
  drawRowsMax: 64,
  connectionsMax: 4096,
  tickMs: 250,
  expiryGraceMs: 30_000,
  snapshotRecordsMax: 100_000,
  snapshotMsMax: 300_000,
  reapMs: 10_000,
  sweepAsksMax: 256,
  sweepLooksMax: 4_096,
  sweepRowsMax: 4_096,
};

/** Refuses limits that contradict each other. */
export function checkLimits(limits: Limits): void {
  invariant(limits.turnRecordsMax >= 1 && limits.turnInputsMax >= 1, 'a turn must take something');
  invariant(limits.turnsInFlightMax >= 1, 'one turn must be able to fly');
  invariant(limits.hotRowsMax >= limits.drawRowsMax, 'drawn rows must fit among the hot ones');
  invariant(limits.expiryGraceMs < 60_000, 'expiry must come within max_age + 60 s');
}
