/**
 * The durable history folded anew and held against the living books: from its start, and from each
 * snapshot with the records after it. The one idea: charts walk along, so where they stand is
 * compared too. Deliberately unknown here: how the world came to its history.
 */
import assert from 'node:assert/strict';
import type { Registry } from '../../src/actors/registry.ts';
import type { Books } from '../../src/domain/books.ts';
import { decodeBooks, encodeBooks } from '../../src/domain/snapshot.ts';
import type { World } from '../../src/testing/world/world.ts';
import { canonOf, foldRecords } from './canon.ts';

function checkCharts(charts: Registry, books: Books): void {
  for (const queue of books.queues) {
    if (queue === undefined) continue;
    assert.equal(charts.stateOf('queue', queue.name) ?? 'ready', queue.state, queue.name);
  }
  for (const { name, state } of books.sources.values()) {
    assert.equal(charts.stateOf('source', name) ?? 'open', state, name);
  }
}

/** An actor that is awake in the running engine is where its book is. */
function checkAwake(charts: Registry, books: Books): void {
  for (const queue of books.queues) {
    const state = queue && charts.stateOf('queue', queue.name);
    if (state !== undefined) assert.equal(state, queue?.state);
  }
  for (const { name, state } of books.sources.values()) {
    assert.equal(charts.stateOf('source', name) ?? state, state, name);
  }
}

/** The log gives the living books; nothing is compared while a turn is on its way to the disk. */
export function checkReplay(world: World): void {
  const { books, registry, turns } = world.engine.core;
  if (turns.inFlight > 0) return;
  const live = canonOf(books);
  checkAwake(registry, books);
  const { records } = world.witness;
  const whole = foldRecords(records);
  assert.deepEqual(canonOf(whole.books), live, 'the whole log');
  checkCharts(whole.charts, whole.books);
  for (const { position, bytes } of world.store.snapshots) {
    const from = decodeBooks(bytes);
    assert.ok(from !== undefined, 'the snapshot can be read');
    const tail = foldRecords(records.slice(position), from);
    assert.deepEqual(canonOf(tail.books), live, `the snapshot at ${position} and its tail`);
  }
  const now = decodeBooks(encodeBooks(books));
  assert.deepEqual(now && canonOf(now), live, 'a snapshot of this moment');
}
