/**
 * Keeping the body store small: living bodies of mostly dead segments are copied to a new place and
 * the move is an event, so that one long-deferred message does not pin a whole segment. Bounded per
 * round; a row in the hands of a connection is left alone. Knows no files.
 */
import type { BodyRef } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import type { Core } from './core.ts';
import type { Input } from './input.ts';
import { isOffered, messageIdOf } from './rows-in-hand.ts';

/** Bodies moved in one round. */
const MOVES_MAX = 256;

/** Starts one round, unless the last is still under way. */
export function compactBodies(core: Core): void {
  if (core.house.moving > 0) return;
  const sparse = new Set(core.ports.bodies.sparse().map(({ segment }) => segment));
  if (sparse.size === 0) return;
  const c = core.books.rows.columns;
  core.books.rows.each((slot) => {
    if (core.house.moving >= MOVES_MAX || isOffered(core, slot)) return;
    if (!sparse.has(c.bodySegment[slot] as number)) return;
    core.house.moving += 1;
    const number = c.number[slot] as number;
    const from = bodyRefOf(core, slot);
    core.ports.bodies.move(from, (outcome) => {
      core.turns.push({ kind: 'moved', slot, number, from, outcome });
    });
  });
}

/** Where a row's body lies. */
export function bodyRefOf(core: Core, slot: number): BodyRef {
  const c = core.books.rows.columns;
  return {
    segment: c.bodySegment[slot] as number,
    offset: c.bodyOffset[slot] as number,
    length: c.bodyBytes[slot] as number,
    sum: c.bodySum[slot] as number,
  };
}

/** A body was copied: the row points to the new place, the old reference is given back. */
export function bodyMoved(core: Core, input: Extract<Input, { kind: 'moved' }>): void {
  const { slot, number, from, outcome } = input;
  const { bodies } = core.ports;
  core.house.moving -= 1;
  if (isFault(outcome)) return;
  // Ended meanwhile, or just being read from the old place: the copy is not needed.
  if (core.books.rows.find(number) !== slot || isOffered(core, slot)) {
    bodies.refer(outcome.segment, -1, outcome.length);
    return;
  }
  const { segment, offset, length, sum } = outcome;
  const body = { body: [segment, offset, length, sum] as const };
  core.turns.emit({ type: 'message.moved', stream: messageIdOf(core, slot), body });
  core.turns.promise(() => bodies.refer(from.segment, -1, from.length));
}
