/**
 * Where records of the log go: one interface for HTTP, AMQP, Kafka and a policy's own.
 * The one idea: a sink answers for a whole batch, once: everything in it is settled, or nothing is
 * known and the same batch, with the same ids, comes again. So order and repetition are decided in
 * one place, by the shipper, and no sink retries on its own.
 * Deliberately unknown here: cursors, back-off, filters, where records come from.
 */
import type { LogRecord } from '../projections/log-record/record.ts';
import type { Ms } from './ports.ts';

/** One record on its way out. */
export interface OutgoingRecord {
  /** The same however often it is sent: what consumers deduplicate by. */
  readonly eventId: string;
  readonly position: number;
  /** As the hook captures it: `meta` and `headers` hold what this hook asked for. */
  readonly record: LogRecord;
  /** What is sent: JSON of `record`, or what the hook's template made of it; no line end. */
  readonly text: string;
  /** True where an operator asked for it again. */
  readonly isReplay: boolean;
}

/** A record refused for good: it goes to the dead letters, the others of the batch are taken. */
export interface RefusedRecord {
  /** Index in the batch. */
  readonly index: number;
  /** What the receiver said, in one line. */
  readonly reason: string;
}

/** What became of a batch. */
export type SinkAnswer =
  /** Confirmed by the receiver, but for those refused. */
  | { readonly kind: 'settled'; readonly refused: readonly RefusedRecord[] }
  /** Nothing is known: it is sent again, wholly, not before `retryAfterMs` where that is given. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: Ms };

/** A receiver of records. */
export interface Sink {
  /**
   * Sends one to many records, in order; one call at a time. Answers when the receiver confirmed;
   * never rejects for what the world does. After `signal` aborts it answers `failed` soon. It
   * bounds its own waiting (connecting, confirming) and answers `failed` when that is over.
   */
  send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer>;
  /**
   * Ends the connection, if there is one; the next `send` opens another. Called after
   * `max_deliveries_per_connection` records, when idle for long, and at the end.
   */
  close(): Promise<void>;
}
