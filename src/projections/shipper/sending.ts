/**
 * One batch to the sink and back: cut, paced, sent, its answer read, what was refused picked out.
 * A sink is trusted with nothing: it may throw, answer nonsense, or never.
 * Deliberately unknown here: what follows; the cursor; transports.
 */
import type { Ms } from '../../ports/ports.ts';
import type { OutgoingRecord, RefusedRecord, SinkAnswer } from '../../ports/sink.ts';
import { RETRY_AFTER_MS_MAX } from './back-off.ts';
import { BATCH_BYTES_MAX, fillWaitMs } from './batch.ts';
import { abandonSink } from './closing.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { Held } from './held.ts';
import { awaitMs } from './held.ts';

/** A sink bounds its own waiting; when it has not answered after this, it is told to give up. */
export const SEND_MS_MAX: Ms = 5 * 60_000;
/** After that it has so long to say so, or it is made anew. */
export const ABORT_MS_MAX: Ms = 5_000;
/** Refusals are told at most so often, ms; counted they are at once. */
export const REFUSED_TOLD_MS: Ms = 60_000;
/** Whether the records at hand wait for company. */
export function isTooFew(held: Held): boolean {
  if (held.cut > 0 || held.isFlushing || held.hand.bytes >= BATCH_BYTES_MAX) return false;
  const ageMs = held.hand.ageMs(held.parts.timers.steadyMs());
  return fillWaitMs(held.parts.batching, held.hand.count, ageMs) > 0;
}

/** How long until rates let a batch go, ms; 0 when they do. */
export function tokenWaitMs(held: Held): Ms {
  const { maxMessageRate, maxConnectionRate } = held.shape;
  const steadyMs = held.parts.timers.steadyMs();
  const recordsMs = held.recordPace.waitMs(maxMessageRate, wantedOf(held), steadyMs);
  if (held.isConnected) return recordsMs;
  return Math.max(recordsMs, held.connectionPace.waitMs(maxConnectionRate, 1, steadyMs));
}

/** A batch that failed comes again as it was; another is as long as bounds allow. */
const wantedOf = (held: Held): number =>
  held.cut > 0 ? held.cut : held.hand.cut(held.parts.batching.batchSize);

/** Waits for the rates. */
export function awaitToken(held: Held): void {
  awaitMs(held, Math.max(1, tokenWaitMs(held)), 'deadline.passed');
}

/** Hands the batch to the sink; the answer comes as a signal. */
export function sendBatch(held: Held): void {
  const { timers, makeSink, sendMsMax = SEND_MS_MAX } = held.parts;
  const steadyMs = timers.steadyMs();
  const batch = held.hand.peek(cutNow(held, steadyMs));
  const bytes = batch.reduce((sum, { text }) => sum + text.length, 0);
  held.recordPace.use(held.shape.maxMessageRate, batch.length, steadyMs);
  if (!held.isConnected) held.connectionPace.use(held.shape.maxConnectionRate, 1, steadyMs);
  held.isConnected = true;
  held.deliveries += batch.length;
  held.isFlushing = false;
  const abort = new AbortController();
  const sending = { batch, bytes, sentAtMs: steadyMs, abort, answer: undefined };
  held.sending = sending;
  held.sink ??= makeSink();
  awaitMs(held, sendMsMax, 'deadline.passed');
  // What is flushed at a stop has no more time than what was under way.
  if (held.isStopping) hurry(held);
  ask(() => (held.sink as NonNullable<typeof held.sink>).send(batch, abort.signal)).then(
    (answer) => hear(held, sending, readAnswer(answer, batch.length)),
    (error: unknown) => hear(held, sending, failed(`the sink threw: ${oneLine(error)}`)),
  );
}

function cutNow(held: Held, steadyMs: Ms): number {
  if (held.cut === 0) {
    const wanted = wantedOf(held);
    const allowed = held.recordPace.allows(held.shape.maxMessageRate, wanted, steadyMs);
    held.cut = Math.max(1, allowed);
  }
  return held.cut;
}

// A sink that throws instead of answering is one that failed.
async function ask(send: () => Promise<SinkAnswer>): Promise<SinkAnswer> {
  return await send();
}

const failed = (reason: string): SinkAnswer => ({ kind: 'failed', reason });

const oneLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');

/** An answer that comes late, for a batch that was given up, says nothing any more. */
function hear(held: Held, sending: NonNullable<Held['sending']>, answer: SinkAnswer): void {
  if (held.sending !== sending) return;
  sending.answer = answer;
  held.signal(answer.kind === 'settled' ? 'batch.settled' : 'batch.failed');
}

/** A sink of the operator's may answer anything; what cannot be understood confirms nothing. */
export function readAnswer(answer: unknown, count: number): SinkAnswer {
  const { kind, refused, reason, retryAfterMs } = (answer ?? {}) as Record<string, unknown>;
  if (kind === 'failed') {
    const said = typeof reason === 'string' ? reason : 'no reason given';
    return typeof retryAfterMs === 'number'
      ? { kind, reason: said, retryAfterMs }
      : { kind, reason: said };
  }
  const isSettled = kind === 'settled' && Array.isArray(refused);
  if (!isSettled || !refused.every((one) => isRefusal(one, count))) {
    return failed(
      `the sink's answer cannot be understood: ${JSON.stringify(answer)}`.slice(0, 500),
    );
  }
  return { kind, refused };
}

function isRefusal(value: unknown, count: number): value is RefusedRecord {
  const { index, reason } = (value ?? {}) as Record<string, unknown>;
  return Number.isInteger(index) && Number(index) >= 0 && Number(index) < count && reason !== '';
}

/** The batch is off the hand; what was refused is to be buried. */
export function noteSettled(held: Held): void {
  const { tell, timers } = held.parts;
  const { batch, bytes, sentAtMs, answer } = held.sending as NonNullable<Held['sending']>;
  const refused = answer?.kind === 'settled' ? dedupe(answer.refused) : [];
  held.sending = undefined;
  held.hand.drop(batch.length);
  held.cut = 0;
  held.isSaveDue = true;
  held.usedAtMs = timers.steadyMs();
  held.letters = refused.map(({ index, reason }) =>
    letterOf(batch[index] as OutgoingRecord, reason, timers.now()),
  );
  const records = batch.length - refused.length;
  held.counts.settled += records;
  held.counts.refused += refused.length;
  if (held.skip !== undefined) held.skip.left = Math.max(0, held.skip.left - batch.length);
  noteRecovery(held, records);
  noteRefusals(held, refused, records);
  const tookMs = held.usedAtMs - sentAtMs;
  tell({ kind: 'settled', records, refused: refused.length, bytes, tookMs });
}

const dedupe = (refused: readonly RefusedRecord[]): RefusedRecord[] => [
  ...new Map(refused.map((one) => [one.index, one])).values(),
];

/** A record as a dead letter. */
export const letterOf = (outgoing: OutgoingRecord, reason: string, at: number): DeadLetter => ({
  at,
  eventId: outgoing.eventId,
  position: outgoing.position,
  reason,
  record: outgoing.record,
});

/** The receiver answers; but where it takes nothing, the spell of that goes on. */
function noteRecovery(held: Held, records: number): void {
  const { failures } = held.backOff;
  if (failures > 0) {
    const spellMs = held.usedAtMs - (held.failingSinceMs ?? held.usedAtMs);
    held.parts.tell({ kind: 'recovered', failures, spellMs });
  }
  held.backOff.reset();
  if (records > 0) held.failingSinceMs = undefined;
}

function noteRefusals(held: Held, refused: readonly RefusedRecord[], records: number): void {
  const { refusedMax = Number.POSITIVE_INFINITY } = held.parts.disable;
  held.refusedInRow = records > 0 ? 0 : held.refusedInRow + refused.length;
  const reason = refused.at(-1)?.reason;
  if (reason === undefined) return;
  noteError(held, reason);
  tellRefusals(held, refused.length, reason);
  if (held.refusedInRow === 0) return;
  const cause = `${held.refusedInRow} records in a row were refused: ${reason}`;
  if (held.refusedInRow >= refusedMax) disable(held, cause);
  else disableAfterSpell(held, cause);
}

/** A receiver may refuse a record of every batch: told at most so often, with how many. */
function tellRefusals(held: Held, records: number, reason: string): void {
  held.refusedUntold += records;
  const steadyMs = held.parts.timers.steadyMs();
  if (steadyMs - held.refusedToldAtMs < REFUSED_TOLD_MS) return;
  held.parts.tell({ kind: 'refused', records: held.refusedUntold, reason });
  held.refusedUntold = 0;
  held.refusedToldAtMs = steadyMs;
}

/** Nothing is known of the batch: it stays as it was cut. */
export function noteFailed(held: Held): void {
  const { sending } = held;
  held.sending = undefined;
  const answer = sending?.answer;
  const isFailed = answer?.kind === 'failed';
  const reason = isFailed ? answer.reason : 'the sink did not answer';
  noteFailure(held, reason, isFailed ? answer.retryAfterMs : undefined);
}

function noteFailure(held: Held, reason: string, retryAfterMs: Ms | undefined): void {
  const { timers, random, tell } = held.parts;
  const steadyMs = timers.steadyMs();
  held.usedAtMs = steadyMs;
  // Whether its connection stands is the sink's to know: to be safe, another one is counted.
  held.isConnected = false;
  held.deliveries = 0;
  held.retryWaitMs = held.backOff.next(held.shape, random, retryAfterMs);
  held.retryAskedUntilMs = steadyMs + Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX);
  held.counts.failedBatches += 1;
  noteError(held, reason);
  tell({ kind: 'failed', reason, failures: held.backOff.failures });
  disableAfterSpell(held, `${held.backOff.failures} batches failed in a row: ${reason}`);
}

/** Nothing was taken again: for how long by now? */
function disableAfterSpell(held: Held, cause: string): void {
  const { failingMs: mostMs = Number.POSITIVE_INFINITY } = held.parts.disable;
  held.failingSinceMs ??= held.usedAtMs;
  if (held.usedAtMs - held.failingSinceMs >= mostMs) disable(held, cause);
}

function noteError(held: Held, reason: string): void {
  held.lastError = reason;
  held.lastErrorAt = held.parts.timers.now();
}

function disable(held: Held, cause: string): void {
  if (held.standing !== 'running') return;
  held.standing = 'disabled';
  held.cause = cause;
  held.isSaveDue = true;
  held.parts.tell({ kind: 'disabled', cause });
}

/** A stop shortens what the batch under way may take. */
export function hurry(held: Held): void {
  const leftMs = held.waitEndsAtMs - held.parts.timers.steadyMs();
  const waitMs = Math.min(leftMs, held.shape.systemShutdownTimeoutMs);
  awaitMs(held, Math.max(0, waitMs), 'deadline.passed');
}

/** Tells the sink to give up. */
export function abortSend(held: Held): void {
  held.sending?.abort.abort();
  awaitMs(held, ABORT_MS_MAX, 'deadline.passed');
}

/** Not even that was answered: the sink is given up, the batch comes again through another. */
export function noteStuck(held: Held): void {
  const sentAtMs = held.sending?.sentAtMs ?? 0;
  held.parts.tell({ kind: 'stuck', waitedMs: held.parts.timers.steadyMs() - sentAtMs });
  held.sending = undefined;
  abandonSink(held);
  noteFailure(held, 'the sink did not answer', undefined);
}

/** Waits for the next try; `noteFailed` has drawn how long. */
export function awaitRetry(held: Held): void {
  awaitMs(held, held.retryWaitMs, 'deadline.passed');
}

/** A new shape may have a shorter way back, though not shorter than the receiver asked for. */
export function shortenRetry(held: Held): void {
  const steadyMs = held.parts.timers.steadyMs();
  const askedMs = held.retryAskedUntilMs - steadyMs;
  const plainMs = Math.max(held.shape.maxRetryIntervalMs, askedMs);
  const waitMs = Math.min(held.waitEndsAtMs - steadyMs, plainMs);
  awaitMs(held, Math.max(0, waitMs), 'deadline.passed');
}
