/**
 * How long transactions take at a listener, for metrics. Each that got as far as its final dot is
 * one observation of each span; whoever keeps the deadlines knows the times already, so counting
 * reads no clock. Knows no session.
 */
import { Histogram } from '../domain/histogram.ts';

/** Spans of transactions, seconds. */
export class TransactionTimes {
  /** From the step before MAIL until the answer to the message. */
  readonly transaction = new Histogram();
  /** From 354 until the final dot. */
  readonly readData = new Histogram();
  /** From the final dot until its answer: policy, storing, and the turn that takes it over. */
  readonly processData = new Histogram();
}
