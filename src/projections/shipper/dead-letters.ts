/**
 * Records that will not be sent: refused for good by the receiver, or skipped by an operator.
 * The one idea: a cursor never moves past such a record before it lies here, durably, with the
 * reason; so nothing leaves a hook without a trace.
 * Deliberately unknown here: files, their size, who reads them.
 */
import type { At } from '../../ports/ports.ts';
import type { LogRecord } from '../log-record/record.ts';

/** One record that was given up. */
export interface DeadLetter {
  readonly at: At;
  readonly eventId: string;
  readonly position: number;
  /** What the receiver said, or who skipped it, in one line. */
  readonly reason: string;
  readonly record: LogRecord;
}

/** Where one hook's dead letters go. */
export interface DeadLetters {
  /** Answers once, when all are durable, or with the cause: then they come again. */
  bury(letters: readonly DeadLetter[], answered: (cause?: string) => void): void;
}

/** The reason of what an operator skipped. */
export const SKIPPED = 'skipped by an operator';
