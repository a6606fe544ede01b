/**
 * A sink under test as the contract sees it, and how it is asked: sends that must be answered in
 * time, sends that must be taken, waiting until nothing is open.
 * Deliberately unknown here: what is expected of a sink, and protocols.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../src/ports/sink.ts';
import type { Line } from './sink-line.ts';

/** A record as the receiver holds it. */
export interface HeldRecord {
  readonly eventId: string;
  /** What was sent as `text`; where that is not kept as it was, JSON of the same value. */
  readonly text: string;
  /** Whether it came marked as sent again on an operator's wish. */
  readonly isReplay: boolean;
}

/** How a sink speaks of records that the receiver refuses for good. */
export interface Refusal {
  /** Makes of a record one that the receiver will refuse for good. */
  spoil(record: OutgoingRecord): OutgoingRecord;
  /** Whether the others of the batch are taken ('each') or refused with it ('whole'). */
  readonly takes: 'each' | 'whole';
}

/** A sink under test with its receiver; one for each test, what is slow to start may be shared. */
export interface SinkPlace {
  /** A new sink towards the line; unconnected until its first send. */
  open(): Sink;
  /** Between the sink and the receiver. */
  readonly line: Line;
  /** All that the receiver holds of this test, in the order in which it came. */
  held(): Promise<readonly HeldRecord[]>;
  /** Absent where the receiver takes everything. */
  readonly refusal?: Refusal;
  /** Within which the sink promises to answer whatever happens, ms; set it to a second or so. */
  readonly boundMs: number;
  /** Sends after the end of a trouble until one must be settled; 1 where nothing is said. */
  readonly sendsUntilWell?: number;
  /** Characters of the longest text that must pass; 1,000,000 where nothing is said. */
  readonly largeChars?: number;
  dispose(): Promise<void>;
}

/** Declares one test of the suite, with a place of its own. */
export type Says = (what: string, run: (place: SinkPlace) => Promise<void>) => void;

const SLACK_MS = 2_000;
const LEAK_MS = 3_000;

/** Waits for a promise, but not for ever. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = sleep(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what} took longer than ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}

/** One send with its answer, which must come within the sink's bound. */
export function send(
  { boundMs }: SinkPlace,
  sink: Sink,
  batch: readonly OutgoingRecord[],
  signal: AbortSignal = new AbortController().signal,
): Promise<SinkAnswer> {
  return within(boundMs + SLACK_MS, 'an answer', sink.send(batch, signal));
}

/** Sends what must be taken wholly, and looks whether the receiver holds it at once. */
export async function settle(
  place: SinkPlace,
  sink: Sink,
  batch: readonly OutgoingRecord[],
): Promise<void> {
  let answer: SinkAnswer = { kind: 'failed', reason: 'not sent' };
  for (let left = place.sendsUntilWell ?? 1; left > 0 && answer.kind === 'failed'; left -= 1) {
    answer = await send(place, sink, batch);
  }
  assert.deepEqual(answer, { kind: 'settled', refused: [] });
  const ids = new Set((await place.held()).map(({ eventId }) => eventId));
  const missing = batch.filter(({ eventId }) => !ids.has(eventId)).map(({ eventId }) => eventId);
  assert.deepEqual(missing, [], 'settled, but not held by the receiver');
}

/** The ids, in order. */
export const idsOf = (records: readonly { readonly eventId: string }[]): string[] =>
  records.map(({ eventId }) => eventId);

/** What a consumer has that takes each id once, the first time it comes. */
export const withoutRepeats = (held: readonly HeldRecord[]): string[] => [...new Set(idsOf(held))];

/** Waits until something is so. */
export async function until(isSo: () => boolean, complaint: () => string): Promise<void> {
  const upto = Date.now() + LEAK_MS;
  while (!isSo() && Date.now() < upto) await sleep(10);
  assert.ok(isSo(), complaint());
}

/** Waits until no client holds a link. */
export const untilNoLinks = (line: Line): Promise<void> =>
  until(
    () => line.links() === 0,
    () => `${line.links()} links are still open`,
  );
