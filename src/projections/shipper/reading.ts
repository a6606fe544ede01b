/**
 * Reading ahead of the sink: slices of the log through the hook's filter into the hand, never more
 * than bounds allow; and what fell off the log before it was read.
 * Deliberately unknown here: what becomes of the records at hand.
 */
import type { Ms } from '../../ports/ports.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import { enoughOf } from './batch.ts';
import type { Held } from './held.ts';
import { awaitMs, positionOf, untilOf } from './held.ts';
import type { SourceRecord, SourceSpan } from './surroundings.ts';

/** Records asked of the log in one look. */
export const READ_RECORDS_MAX = 1_000;
/** Looks at the log in a row, before others on the thread have their turn. */
const LOOKS_MAX = 4;
/** Bytes of text read ahead, whatever `max_ready` says. */
export const READY_BYTES_MAX = 32 * 1024 * 1024;
/** A cursor may lag so far behind what the hook did not want, positions and ms. */
export const CURSOR_LAG_POSITIONS = 10_000;
/** The same in time. */
export const CURSOR_LAG_MS: Ms = 1_000;
/** How often a halted hook looks whether records fall off, ms. */
export const HALTED_LOOK_MS: Ms = 60_000;

/** Reads where that is of use; what is due to be saved for it alone is marked. */
export function lookAhead(held: Held): void {
  held.stalling = undefined;
  held.hasMore = false;
  if (held.isStopping) return;
  try {
    noteFallen(held);
    if (wantsRecords(held)) readSlices(held);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    held.stalling = { what: 'log', cause };
  }
  markLag(held);
  endSkip(held);
}

/** Positions that are gone before they were read: counted and told, and the hook goes on. */
function noteFallen(held: Held): void {
  const lastGone = Math.min(held.parts.source.first() - 1, untilOf(held));
  if (held.readUpto >= lastGone) return;
  held.parts.tell({ kind: 'fell off', after: held.readUpto, upto: lastGone });
  held.counts.fallenOff += lastGone - held.readUpto;
  held.readUpto = lastGone;
  held.isSaveDue = true;
}

function wantsRecords(held: Held): boolean {
  if (held.cut > 0) return false;
  if (held.skip !== undefined) return held.hand.count === 0;
  return held.standing === 'running' && held.hand.count < held.parts.batching.batchSize;
}

function readSlices(held: Held): void {
  const { source, batching } = held.parts;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const room = readyMaxOf(held) - held.hand.count;
    const upto = Math.min(source.upto(), untilOf(held));
    if (held.readUpto >= upto) return;
    if (room <= 0 || held.hand.bytes >= READY_BYTES_MAX) return;
    const isWanted = held.skip !== undefined;
    const span = source.read(held.readUpto, Math.min(room, READ_RECORDS_MAX), isWanted);
    // Nothing can be had just now: whoever waits is called when there is.
    if (span.upto <= held.readUpto) return;
    take(held, span);
    held.hasMore = held.readUpto < Math.min(source.upto(), untilOf(held));
    if (!held.hasMore || held.hand.count >= batching.batchSize) return;
  }
}

// A batch that is asked for is read, however little is to be read ahead.
const readyMaxOf = ({ shape, parts }: Held): number =>
  Math.max(shape.maxReady, parts.batching.batchSize);

function take(held: Held, span: SourceSpan): void {
  const steadyMs = held.parts.timers.steadyMs();
  const until = untilOf(held);
  for (const one of span.records) {
    if (one.position > until) break;
    if (held.passes(one.record)) put(held, one, steadyMs);
    else held.counts.filtered += 1;
  }
  held.readUpto = Math.min(span.upto, until);
}

function put(held: Held, { position, record }: SourceRecord, steadyMs: Ms): void {
  const text = held.parts.source.textOf(record);
  const isReplay = held.parts.cursor.until !== undefined;
  const outgoing: OutgoingRecord = { eventId: record.event_id, position, record, text, isReplay };
  held.hand.put(outgoing, Buffer.byteLength(text), steadyMs);
}

/** What the hook did not want moves its cursor too, though not at once. */
function markLag(held: Held): void {
  if (held.hand.count > 0) return;
  const lag = held.readUpto - held.saved.position;
  if (lag <= 0) return;
  const agoMs = held.parts.timers.steadyMs() - held.savedAtMs;
  if (lag >= CURSOR_LAG_POSITIONS || agoMs >= CURSOR_LAG_MS) held.isSaveDue = true;
}

/** A wish to skip more than there is ends with what there was. */
function endSkip(held: Held): void {
  const { skip } = held;
  if (skip === undefined || held.isSaveDue) return;
  const isThrough = held.hand.count === 0 && !held.hasMore && held.stalling === undefined;
  if (skip.left > 0 && !isThrough) return;
  held.skip = undefined;
  if (skip.done > 0) held.parts.tell({ kind: 'skipped', records: skip.done });
  skip.answered(skip.done);
}

/** Up to date: the log calls; until then the connection may grow idle, the cursor may lag. */
export function awaitRecords(held: Held): void {
  held.cancelWatch = held.parts.source.whenMore(held.readUpto, () =>
    held.signal('records.committed'),
  );
  const steadyMs = held.parts.timers.steadyMs();
  const waits: Ms[] = [];
  if (held.isConnected) waits.push(held.usedAtMs + held.shape.idleTimeoutMs - steadyMs);
  if (positionOf(held) > held.saved.position) {
    waits.push(held.savedAtMs + CURSOR_LAG_MS - steadyMs);
  }
  if (waits.length > 0) awaitMs(held, Math.max(1, Math.min(...waits)), 'deadline.passed');
}

/** Too few for a batch: more of them, or time. */
export function awaitCompany(held: Held): void {
  const { batching, source, timers } = held.parts;
  held.cancelWatch = source.whenMore(held.readUpto, () => held.signal('records.committed'));
  const leftMs = batching.maxBatchLatencyMs - held.hand.ageMs(timers.steadyMs());
  awaitMs(held, Math.max(1, Math.ceil(leftMs)), 'deadline.passed');
}

/** Whether the log has to be looked at further before a step can be chosen. */
export function isSearching(held: Held): boolean {
  if (!held.hasMore) return false;
  if (held.skip !== undefined) return held.hand.count === 0;
  return held.standing === 'running' && held.hand.count < enoughOf(held.parts.batching);
}

/** Halted: what is at hand stays there; now and then it looks whether records fall off. */
export function awaitWish(held: Held): void {
  awaitMs(held, HALTED_LOOK_MS, 'deadline.passed');
}
