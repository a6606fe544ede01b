/**
 * Keeping the body store small: living bodies of mostly dead segments are copied to a new place and
 * the move is an event, so that one long-deferred message does not pin a whole segment. Bounded per
 * round; a row in the hands of a connection is left alone. Knows no files.
 */
import type { BodyRef } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import type { Core } from './core.ts';
import type { Input } from './input.ts';
import type { Way } from './rounds.ts';
import { looksAtOnce } from './rounds.ts';
import { isOffered, messageIdOf } from './rows-in-hand.ts';

/** Bodies moved in one round. */
const MOVES_MAX = 256;

/** One round, unless the last is still under way. */
export function* compactBodies(core: Core): Way {
  if (core.house.moving > 0) return;
  const sparse = new Set(core.ports.bodies.sparse().map(({ segment }) => segment));
  if (sparse.size === 0) return;
  const { rows } = core.books;
  const step = looksAtOnce(core);
  let moves = 0;
  for (let slot = 0; slot < rows.slotsUsed && moves < MOVES_MAX; slot += 1) {
    if (slot % step === step - 1) yield step;
    const isSparse = rows.isLive(slot) && sparse.has(rows.columns.bodySegment[slot] as number);
    if (!isSparse || isOffered(core, slot)) continue;
    moves += 1;
    moveBody(core, slot);
  }
}

function moveBody(core: Core, slot: number): void {
  const number = core.books.rows.columns.number[slot] as number;
  const from = bodyRefOf(core, slot);
  core.house.moving += 1;
  core.ports.bodies.move(from, (outcome) => {
    core.turns.push({ kind: 'moved', slot, number, from, outcome });
  });
}

/** Where a row's body lies. */
export function bodyRefOf(core: Pick<Core, 'books'>, slot: number): BodyRef {
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
