/**
 * What came of a simulated day, as plain data: the same seed gives the same report, byte for byte,
 * so nothing of the machine is in it. The one idea: in total and in each hour what was received is
 * what ended and what is queued. Knows no table and no page.
 */
import type { Fit } from '../models/fit-report.ts';
import type { HourFigures } from './ledger.ts';
import type { Replies, ReplyCount } from './replies.ts';
import type { Figures, RouteFigures } from './tally.ts';

/** The number of this shape: raised when a field changes its meaning or goes. */
export const DAY_REPORT_VERSION = 1;

/** What clients submitted, in messages. */
export interface ReceptionFigures {
  readonly submitted: number;
  readonly bytes: number;
  readonly accepted: number;
  readonly refused: number;
  /** Taken with a 250 and thrown away, as the policy said. */
  readonly discarded: number;
  /** Still under way when time was up. */
  readonly unanswered: number;
}

/** A figure with its name. */
export type Named<T> = { readonly name: string } & T;

/** A source: what went over it, and for how long it was out of rotation. */
export type SourceFigures = Named<
  RouteFigures & {
    /** Of all that was delivered, 0 to 1. */
    readonly share: number;
    readonly suspensions: number;
    readonly suspendedMs: number;
  }
>;

/** A queue that still holds mail, and why. */
export interface WaitingQueue {
  readonly queue: string;
  readonly messages: number;
  readonly why: string;
}

/** The whole of it. */
export interface DayReport {
  readonly waybill_simulation: typeof DAY_REPORT_VERSION;
  readonly policy: string;
  readonly traffic: string;
  /** 'well behaved', or the name of the models. */
  readonly receivers: string;
  readonly fit?: Fit | undefined;
  readonly seed: number;
  /** Virtual span, ms. */
  readonly forMs: number;
  /** What the beginning is by the calendar of the traffic; null where no line speaks of it. */
  readonly beginsAt: string | null;
  readonly reception: ReceptionFigures;
  /** Recipients. */
  readonly total: Figures;
  readonly hours: readonly HourFigures[];
  readonly domains: readonly Named<Figures>[];
  readonly sites: readonly Named<RouteFigures>[];
  readonly sources: readonly SourceFigures[];
  readonly replies: readonly ReplyCount[];
  readonly waiting: readonly WaitingQueue[];
  /** What the engine told its operator, and how often. */
  readonly said: readonly { readonly text: string; readonly count: number }[];
  /** Turns of the engine, and those among them that had something to put on record. */
  readonly turns: number;
  readonly commits: number;
  readonly records: number;
  /** Steps of virtual time: everything that happened at a moment of its own. */
  readonly steps: number;
}

/** The part of a report that replies make up. */
export type { Replies };
