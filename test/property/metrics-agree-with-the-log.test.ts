/**
 * Law: what is counted agrees with what is: deliveries with the log since the start, sums over
 * ready queues, providers and paths with the totals, rows that are placed with where they are,
 * connections with those that are open. The idea: looked at after every act of a rough play.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLACE_OFFERED, PLACE_READY } from '../../src/actors/held-rows.ts';
import type { OutcomeCounts, SharedCounts } from '../../src/actors/measures.ts';
import { READY_IDLE_MS } from '../../src/actors/ready-queue.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { runPlays } from '../world/law.ts';

const KINDS = ['delivered', 'transient', 'permanent'] as const;
let delivered = 0;

function checkPlaces(world: World): void {
  const { books, held, placed } = world.engine.core;
  const byQueue = new Map<number, number>();
  books.rows.each((slot) => {
    const place = held.placeOf(slot);
    if (place !== PLACE_READY && place !== PLACE_OFFERED) return;
    const queue = books.rows.columns.queue[slot] as number;
    byQueue.set(queue, (byQueue.get(queue) ?? 0) + 1);
  });
  let total = 0;
  for (const queue of books.queues) {
    if (queue === undefined) continue;
    assert.equal(placed.of(queue.slot), byQueue.get(queue.slot) ?? 0, queue.name);
    total += placed.of(queue.slot);
  }
  assert.equal(placed.total, total);
  const { readyRows, scheduled } = world.engine.figures.numbers();
  const ready = [...world.engine.core.readyQueues.values()];
  assert.equal(
    readyRows,
    ready.reduce((rows, { size }) => rows + size, 0),
  );
  assert.equal(scheduled, books.rows.count - total);
}

const sum = (all: Iterable<OutcomeCounts>, kind: keyof OutcomeCounts): number => {
  let total = 0;
  for (const counts of all) total += counts[kind];
  return total;
};

function startOf(world: World): StoredRecord | undefined {
  return world.witness.records.findLast(({ type }) => type === 'engine.started');
}

function checkCounts(world: World): void {
  const { measures, readyQueues, sessions, ports } = world.engine.core;
  // As long as no ready queue has been idle long enough to be let go, everything is still there.
  const isWhole = ports.clock.now() - (startOf(world) as StoredRecord).at < READY_IDLE_MS;
  const counts = [...readyQueues.values()].map((ready) => ready.counts);
  for (const kind of KINDS) {
    const ready = sum(counts, kind);
    const lanes = sum(measures.lanes.values(), kind);
    const providers = sum(measures.providers.values(), kind);
    const total = measures.totals[kind];
    const all = `${kind}: ${ready} ${lanes} ${providers} ${total}`;
    // A path that names another provider leaves its past behind.
    assert.ok(ready <= total && lanes <= providers && providers <= total, all);
    if (isWhole) assert.equal(ready, total, all);
  }
  const open = (all: Iterable<SharedCounts>): number =>
    [...all].reduce((total, { connections }) => total + connections, 0);
  assert.equal(open(measures.providers.values()), sessions.size);
  assert.equal(open(measures.homes.values()), sessions.size);
  for (const all of [measures.providers, measures.homes]) {
    const holders = [...all.values()].reduce((total, one) => total + one.holders, 0);
    assert.equal(holders, readyQueues.size);
  }
}

function checkLog(world: World): void {
  const { turns, measures } = world.engine.core;
  if (turns.inFlight > 0 || turns.counts.commits === 0) return;
  const { position: start } = startOf(world) as StoredRecord;
  let recipients = 0;
  for (const { type, body, position } of world.witness.records) {
    if (type !== 'message.delivered' || position < start) continue;
    recipients += (JSON.parse(body) as { index: unknown[] }).index.length;
  }
  assert.equal(measures.totals.delivered, recipients);
  delivered += recipients;
}

function check(world: World): void {
  checkPlaces(world);
  if (startOf(world) === undefined) return;
  checkCounts(world);
  checkLog(world);
}

test('metrics agree with the log', async () => {
  const shaped = () => ({ plan: makePlan({ path: { max_ready: 3, connection_limit: 2 } }) });
  await runPlays(
    { each: checkPlaces, after: check },
    { hasFaults: true, hasCrashes: true, knobs: (seed) => (seed % 2 === 0 ? {} : shaped()) },
    1,
    () => delivered > 0,
  );
});
