/**
 * Law: folding the log gives the live books, and its charts stand where the books say; so does a
 * snapshot with the records after it. The idea: after every act of a play, when nothing is in
 * flight, the history is folded anew, from the start and from each snapshot there is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Registry } from '../../src/actors/registry.ts';
import type { Books } from '../../src/domain/books.ts';
import { decodeBooks, encodeBooks } from '../../src/domain/snapshot.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { canonOf, foldRecords } from '../world/canon.ts';
import { runPlays } from '../world/law.ts';

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

function checkReplay(world: World): void {
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

/** Rates that are on record as they are used. */
const RATED = () => ({
  plan: makePlan({
    queue: { max_message_rate: '5/s' },
    path: { max_message_rate: '3/m', source_selection_rate: '20/s,max_burst=1' },
  }),
});

test('replay equals live', async () => {
  await runPlays(
    {
      each: () => {},
      after: checkReplay,
      end: async (world) => {
        world.calm();
        await world.runFor(60_000);
        checkReplay(world);
      },
    },
    { hasFaults: true, hasCrashes: true, knobs: (seed) => (seed % 2 === 0 ? {} : RATED()) },
  );
});
