/**
 * What must be durable before a hook goes on: dead letters first, then the cursor; and the records
 * an operator gives up, which go the same way.
 * Deliberately unknown here: how they are stored, sinks.
 */
import type { Ms } from '../../ports/ports.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import { SKIPPED } from './dead-letters.ts';
import type { Held } from './held.ts';
import { awaitMs, positionOf } from './held.ts';
import type { Stalling } from './news.ts';
import { letterOf } from './sending.ts';
import type { SavedCursor } from './surroundings.ts';

/** Records skipped at a time: they go through the dead letters in slices. */
export const SKIP_SLICE_MAX = 500;
/** What could not be written or read is tried again after this. */
export const STALLED_MS: Ms = 1_000;

/** The next of the records to be skipped become dead letters. */
export function skipRecords(held: Held): void {
  const { skip, hand } = held;
  if (skip === undefined) return;
  const count = Math.min(skip.left, hand.count, SKIP_SLICE_MAX);
  const now = held.parts.timers.now();
  held.letters = hand.peek(count).map((one: OutgoingRecord) => letterOf(one, SKIPPED, now));
  hand.drop(count);
  skip.left -= count;
  skip.done += count;
  held.cut = 0;
  held.counts.skipped += count;
  held.backOff.reset();
  held.isSaveDue = true;
}

/** Writes the dead letters. */
export function buryLetters(held: Held): void {
  held.parts.letters.bury(held.letters, (cause) => {
    if (cause !== undefined) stall(held, 'dead letters', cause);
    held.signal(cause === undefined ? 'letters.buried' : 'letters.refused');
  });
}

/** They are durable. */
export function noteBuried(held: Held): void {
  held.letters = [];
}

/** Writes the cursor, with whether the hook runs. */
export function saveCursor(held: Held): void {
  const { counts, parts } = held;
  const cursor: SavedCursor = {
    ...parts.cursor,
    position: positionOf(held),
    state: held.standing,
    error: held.cause,
    shipped: parts.cursor.shipped + counts.settled,
    deadLettered: parts.cursor.deadLettered + counts.refused + counts.skipped,
    fallenOff: parts.cursor.fallenOff + counts.fallenOff,
  };
  held.parts.keeper.save(cursor, (cause) => {
    if (cause === undefined) held.saved = cursor;
    else stall(held, 'cursor', cause);
    held.signal(cause === undefined ? 'cursor.saved' : 'cursor.refused');
  });
}

/** It is durable; a wish may have come meanwhile. */
export function noteSaved(held: Held): void {
  held.savedAtMs = held.parts.timers.steadyMs();
  held.isSaveDue = held.saved.state !== held.standing;
  if (held.isSaveDue) return;
  for (const answered of held.standingAnswers.splice(0)) answered();
}

function stall(held: Held, what: Stalling, cause: string): void {
  held.stalling = { what, cause };
}

/** Tells what it waits for, and waits a little. */
export function awaitMending(held: Held): void {
  const { stalling } = held;
  if (stalling !== undefined) {
    held.lastError = stalling.cause;
    held.lastErrorAt = held.parts.timers.now();
    held.parts.tell({ kind: 'stalled', ...stalling });
  }
  awaitMs(held, STALLED_MS, 'deadline.passed');
}
