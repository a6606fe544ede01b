/**
 * The shipper's chart at work: every state in which it can be found is reached by real hands, every
 * word has a hand, and a signal out of place is our own fault.
 * Deliberately unknown here: the graph (test/property/charts-have-no-dead-ends).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StateNode } from 'xstate';
import { createActor } from 'xstate';
import { InvariantBroken } from '../../src/domain/invariant.ts';
import { shipperChart } from '../../src/projections/shipper/chart.ts';
import { actions, guards } from '../../src/projections/shipper/hands.ts';
import type { Held } from '../../src/projections/shipper/held.ts';
import { KIND } from '../../src/testing/sinks/receiver.ts';
import { FREE_SHAPE } from '../world/hook-world.ts';
import { begin, commit, S } from './shipper-kit.ts';

/** Left in the same breath as they are entered. */
const PASSING = ['made', 'choosing', 'judging', 'skipping'];

function leaves(node: StateNode): string[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node.path.join('.')] : children.flatMap(leaves);
}

test('every state in which it can be found is reached', async () => {
  const second = { limit: 1, periodMs: S, maxBurst: 1, local: true };
  const world = begin({
    batching: { batchSize: 4, minBatchSize: 2, maxBatchLatencyMs: S },
    filter: { types: new Set(['Bounce']) },
    disable: { failingMs: 30 * S },
    sendMsMax: 10 * S,
  });
  const bounces = (count: number): void => commit(world, count, { type: 'Bounce' });
  world.shelf.disk.mood.slowMs = 20;
  commit(world, 9_000);
  await world.runFor(S);
  world.shipper.reshape({ ...FREE_SHAPE, maxMessageRate: second });
  bounces(3);
  await world.runFor(9 * S);
  world.shipper.reshape(FREE_SHAPE);
  bounces(1);
  await world.runFor(9 * S);
  world.receiver.mood = { ...KIND, refusesAll: 1 };
  bounces(2);
  await world.runFor(5 * S);
  world.log.isBroken = true;
  bounces(2);
  await world.runFor(S);
  world.log.isBroken = false;
  world.receiver.mood = { ...KIND, dies: 1 };
  await world.runFor(90 * S);
  assert.equal(world.shipper.status().state, 'halted.disabled');
  world.receiver.mood = { ...KIND };
  world.shipper.resume(() => {});
  await world.runFor(S);
  world.receiver.mood = { ...KIND, dies: 1 };
  await world.runFor(20 * S);
  world.shipper.pause(() => {});
  await world.runFor(10 * S);
  world.receiver.mood = { ...KIND };
  world.shipper.resume(() => {});
  bounces(2);
  await world.runFor(S);
  world.receiver.mood = { ...KIND, dies: 1 };
  world.shipper.stop(() => {});
  await world.runFor(S);
  await world.runFor(10 * S);
  const found = leaves(shipperChart.root as unknown as StateNode).filter(
    (name) => !PASSING.includes(name),
  );
  assert.deepEqual([...world.states].sort(), found.sort());
});

test('every word has hands, and no hands are without a word', () => {
  const words = shipperChart.implementations;
  const named = Object.keys(words.actions).filter((name) => name !== 'refuseSignal');
  assert.deepEqual(Object.keys(actions).sort(), named.sort());
  assert.deepEqual(Object.keys(guards).sort(), Object.keys(words.guards).sort());
});

test('a signal out of place breaks an invariant', () => {
  const actor = createActor(shipperChart, { input: {} as Held });
  let error: unknown;
  actor.subscribe({
    error: (thrown) => {
      error = thrown;
    },
  });
  actor.start();
  actor.send({ type: 'cursor.saved' });
  assert.ok(error instanceof InvariantBroken);
});
