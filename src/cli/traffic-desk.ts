/**
 * The contract within the load source: what a run is asked to do, and what its lanes may ask of the
 * desk that hands out messages and counts. Types only.
 */
import type { Place } from './arguments.ts';
import type { TrafficLane } from './traffic-lane.ts';
import type { MailOptions, MailPlan, PlannedMessage } from './traffic-mail.ts';
import type { TrafficReport } from './traffic-report.ts';

/** What to send, where to, and for how long. */
export interface TrafficOptions extends Omit<MailOptions, 'run'> {
  readonly to: Place;
  /** Ends after this many messages; with neither this nor `durationMs`, after 1000. */
  readonly messages?: number;
  readonly durationMs?: number;
  /** Open loop at this rate; without it, closed loop. */
  readonly ratePerSecond?: number;
  readonly concurrency?: number;
  readonly perConnection?: number;
  /** Prefix of the message ids; default: new for each run. */
  readonly run?: string;
  readonly recordFile?: string;
  /** False: a lane goes on before its 2xx is safe on the disk. */
  readonly isRecordSynced?: boolean;
  readonly replyMsMax?: number;
  /** Ends the run when no connection could be had for so long. */
  readonly giveUpMs?: number;
  readonly onProgress?: (report: TrafficReport) => void;
}

/** How a connection went wrong. */
export type Mishap = 'refused' | 'reset' | 'timedOut';

/** Where a lane gets its messages and reports what became of them. */
export interface TrafficDesk {
  readonly place: Place;
  readonly plan: MailPlan;
  readonly perConnection: number;
  /** The next message; undefined when there is none now (the lane is then woken) or any more. */
  take(lane: TrafficLane): PlannedMessage | undefined;
  /** True when no message will ever come. */
  isOver(): boolean;
  opened(): void;
  greeted(): void;
  mishap(kind: Mishap, lane: TrafficLane): void;
  /** A reply that is not part of a message's fate. */
  heard(code: number, text: string): void;
  /** Recipients were refused before the body was sent. */
  refused(message: PlannedMessage, to: readonly string[], code: number, text: string): void;
  /** The final answer; `next` is called when the lane may go on. */
  settled(
    message: PlannedMessage,
    to: readonly string[],
    code: number,
    text: string,
    next: () => void,
  ): void;
  /** Nobody of the message's recipients was taken; it is over. */
  turnedAway(message: PlannedMessage): void;
  /** The message left completely but nobody answered. */
  lostTrack(message: PlannedMessage, to: readonly string[]): void;
  /** The message did not leave; another lane may send it. */
  putBack(message: PlannedMessage): void;
  closed(lane: TrafficLane): void;
}
