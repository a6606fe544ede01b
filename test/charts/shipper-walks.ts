/**
 * A shipper with its own guards and hands on a random way: its log, disk, receiver, operators and
 * policy do whatever they may do at the moment. The one idea: as in connection-walks.ts, knobs and
 * numbers make a way, so that fast-check can shrink it.
 * Deliberately unknown here: which state follows which; what must be reached.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SinkMood } from '../../src/testing/sinks/receiver.ts';
import { KIND } from '../../src/testing/sinks/receiver.ts';
import { HookJudge } from '../world/hook-judge.ts';
import { makeRecord } from '../world/hook-log.ts';
import { FREE_SHAPE, HookWorld } from '../world/hook-world.ts';
import type { Walks } from './guided.ts';

const S = 1_000;

/** What a hook is, and its world. */
export interface ShipperKnobs {
  readonly seed: number;
  readonly batchSize: number;
  readonly minBatchSize: number;
  readonly isChoosy: boolean;
  readonly failingMs: number;
  readonly refusedMax: number;
  readonly sendMsMax: number;
  readonly slowMs: number;
  readonly perConnection: number;
}

const shipperKnobs: fc.Arbitrary<ShipperKnobs> = fc.record({
  seed: fc.nat(),
  batchSize: fc.constantFrom(1, 3, 20),
  minBatchSize: fc.constantFrom(1, 2, 5),
  isChoosy: fc.boolean(),
  failingMs: fc.constantFrom(5 * S, 60 * S),
  refusedMax: fc.constantFrom(2, 1_000),
  sendMsMax: fc.constantFrom(2 * S, 20 * S),
  slowMs: fc.constantFrom(0, 10, 500),
  perConnection: fc.constantFrom(0, 0, 2),
});

const MOODS: readonly Partial<SinkMood>[] = [
  {},
  { fails: 1 },
  { refusesSome: 0.5 },
  { refusesAll: 1 },
  { dies: 1 },
  { hangs: 1 },
  { throws: 1 },
  { slowMs: 5 * S },
  { slowMs: 5 * S, deaf: 1 },
];

/** What a walk shrinks towards. */
const PLAIN: Omit<ShipperKnobs, 'seed'> = {
  batchSize: 1,
  minBatchSize: 1,
  isChoosy: false,
  failingMs: 60 * S,
  refusedMax: 1_000,
  sendMsMax: 20 * S,
  slowMs: 0,
  perConnection: 0,
};

type Happening = (world: HookWorld) => void | Promise<void>;

const commit =
  (count: number, type: 'Bounce' | 'Delivery'): Happening =>
  ({ log }) => {
    for (let left = count; left > 0; left -= 1) {
      log.commit(makeRecord({ event_id: `e${log.upto() + 1}`, type }));
    }
  };
const wait =
  (ms: number): Happening =>
  (world) =>
    world.runFor(ms);

const ONWARD: readonly Happening[] = [
  commit(1, 'Bounce'),
  commit(3, 'Bounce'),
  commit(30, 'Bounce'),
  commit(5, 'Delivery'),
  wait(1),
  wait(50),
  wait(S),
  wait(6 * S),
  wait(20 * S),
  async (world) => void (await world.step()),
  async (world) => void (await world.step()),
  async (world) => void (await world.step()),
  async (world) => void (await world.step()),
];

const SLOW_RATE = {
  ...FREE_SHAPE,
  maxMessageRate: { limit: 1, periodMs: 5 * S, maxBurst: 1, local: true },
  systemShutdownTimeoutMs: 30 * S,
};

const SIDEWAYS: readonly Happening[] = [
  ...MOODS.map(
    (mood): Happening =>
      ({ receiver }) => {
        receiver.mood = { ...KIND, ...mood };
      },
  ),
  // More than is looked at in one go, and a moment in the middle of looking.
  async (world) => {
    await commit(900, 'Delivery')(world);
    for (let left = 20; left > 0 && world.shipper.status().state !== 'searching'; left -= 1) {
      await world.step();
    }
  },
  ({ shipper }) => shipper.pause(() => {}),
  ({ shipper }) => shipper.resume(() => {}),
  ({ shipper }) => shipper.skip(2, () => {}),
  ({ shipper }) => shipper.skip('batch', () => {}),
  ({ shipper }) => shipper.stop(() => {}),
  ({ shipper }) => shipper.reshape(SLOW_RATE),
  // A batch that waits for company when the stop comes, and for which there is no token.
  async (world) => {
    world.shipper.reshape(SLOW_RATE);
    for (const ms of [2 * S, 1]) {
      await commit(1, 'Bounce')(world);
      await world.runFor(ms);
    }
    world.shipper.stop(() => {});
  },
  ({ shipper }) => shipper.reshape({ ...FREE_SHAPE, maxRetryIntervalMs: 2 * S }),
  ({ log }) => {
    log.isBroken = !log.isBroken;
  },
  ({ log }) => log.fallOff(log.upto() - 1),
  ({ shelf: { disk } }) => {
    disk.mood.refuses = 1 - disk.mood.refuses;
  },
  // A disk slower than a stop has patience.
  ({ shelf: { disk } }) => {
    disk.mood.slowMs = disk.mood.slowMs > S ? 0 : 60 * S;
  },
];

/** Ways of a shipper. One throws where it breaks an invariant of its own or of its world. */
export const shipperWalks: Walks<ShipperKnobs> = {
  knobs: shipperKnobs,
  plain: PLAIN,
  async walk(knobs, picks, inspect) {
    const { seed, batchSize, minBatchSize, isChoosy, failingMs, refusedMax, sendMsMax } = knobs;
    const world = new HookWorld({
      seed,
      batching: { batchSize, minBatchSize, maxBatchLatencyMs: S },
      ...(isChoosy ? { filter: { types: new Set(['Bounce'] as const) } } : {}),
      shape: { ...FREE_SHAPE, maxDeliveriesPerConnection: knobs.perConnection },
      disable: { failingMs, refusedMax },
      sendMsMax,
      inspect,
    });
    world.shelf.disk.mood.slowMs = knobs.slowMs;
    const judge = new HookJudge(world, ({ record }) => !isChoosy || record.type === 'Bounce');
    world.start();
    for (const pick of picks) {
      if (world.ended !== undefined) break;
      const from = pick % 32 < 12 ? SIDEWAYS : ONWARD;
      await (from[(pick >> 5) % from.length] as Happening)(world);
      judge.judgeCursor();
    }
    world.shipper.stop(() => {});
    // A stop has an end, whatever sink and disk do.
    assert.ok(await world.runUntil(() => world.ended !== undefined, 120 * S), 'it ends');
    assert.equal(world.shipper.status().state, 'ended');
    judge.judgeCursor();
  },
};
