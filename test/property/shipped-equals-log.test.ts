/**
 * Law: what a hook sent, without repeats, is the log through its filter, in order, less what was
 * told to be given up; cursors only advance; a repeat has its reason; and with calm everything
 * arrives in bounded time. The idea: plays of acts over a hook's world, whose judge looks at each
 * batch as it is given. Deliberately unknown here: how a shipper works.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HookShape } from '../../src/projections/hook.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { CLOSE_MS_MAX } from '../../src/projections/shipper/closing.ts';
import { ABORT_MS_MAX } from '../../src/projections/shipper/sending.ts';
import { KIND } from '../../src/testing/sinks/receiver.ts';
import { HookJudge } from '../world/hook-judge.ts';
import { makeRecord } from '../world/hook-log.ts';
import { EVERYTHING, FREE_SHAPE, HookWorld } from '../world/hook-world.ts';
import { assertLaw } from '../world/law.ts';

const SEND_MS_MAX = 20_000;
const RETRY_AFTER_MS = 60_000;
const ACTS_MAX = 40;
/** Positions without a record, among all. */
const EMPTY_SHARE = 0.15;

type Act =
  | { readonly kind: 'commit'; readonly count: number }
  | { readonly kind: 'run'; readonly ms: number }
  | { readonly kind: 'mood'; readonly mood: Partial<typeof KIND> }
  | { readonly kind: 'disk'; readonly slowMs: number; readonly refuses: number }
  | { readonly kind: 'skip'; readonly count: number | 'batch' }
  | { readonly kind: 'shape'; readonly shape: HookShape }
  | { readonly kind: 'fallOff'; readonly keep: number }
  | { readonly kind: 'pause' | 'resume' | 'crash' | 'stop' | 'breakLog' | 'mendLog' };

const share = fc.constantFrom(0, 0, 0.1, 0.5, 1);
const rate = fc.option(
  fc.record({
    limit: fc.integer({ min: 1, max: 50 }),
    periodMs: fc.constant(1_000),
    maxBurst: fc.integer({ min: 1, max: 20 }),
    local: fc.constant(true),
  }),
  { nil: undefined },
);
const shape: fc.Arbitrary<HookShape> = fc
  .record({
    retryIntervalMs: fc.constantFrom(0, 500, 3_000),
    maxRetryIntervalMs: fc.constantFrom(1_000, 20_000),
    maxReady: fc.constantFrom(1, 3, 50),
    maxDeliveriesPerConnection: fc.constantFrom(0, 1, 4),
    idleTimeoutMs: fc.constantFrom(0, 1_000, 60_000),
    systemShutdownTimeoutMs: fc.constantFrom(0, 1_000, 10_000),
    maxMessageRate: rate,
    maxConnectionRate: rate,
  })
  .map(({ maxMessageRate, maxConnectionRate, ...rest }) => ({
    ...rest,
    connectionLimit: 1,
    ...(maxMessageRate === undefined ? {} : { maxMessageRate }),
    ...(maxConnectionRate === undefined ? {} : { maxConnectionRate }),
  }));
const mood = fc.record({
  slowMs: fc.constantFrom(0, 50, 5_000),
  fails: share,
  takesFirst: share,
  retryAfterMs: fc.constantFrom(0, RETRY_AFTER_MS),
  refusesSome: fc.constantFrom(0, 0.2),
  refusesAll: fc.constantFrom(0, 0, 0.3),
  throws: fc.constantFrom(0, 0, 0.2),
  babbles: fc.constantFrom(0, 0, 0.2),
  hangs: fc.constantFrom(0, 0, 0.2),
  dies: fc.constantFrom(0, 0, 0.2),
});
const kind = <K extends string>(name: K) => fc.constant({ kind: name });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('commit'), count: fc.nat(12) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('run'), ms: fc.nat(15_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run'), ms: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('mood'), mood }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('disk'),
      slowMs: fc.constantFrom(0, 20, 2_000),
      refuses: fc.constantFrom(0, 0, 0.3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('skip'),
      count: fc.oneof(fc.constant('batch' as const), fc.integer({ min: 1, max: 9 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('shape'), shape }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fallOff'), keep: fc.nat(20) }) },
  { weight: 1, arbitrary: kind('pause') },
  { weight: 2, arbitrary: kind('resume') },
  { weight: 2, arbitrary: kind('crash') },
  { weight: 1, arbitrary: kind('stop') },
  { weight: 1, arbitrary: kind('breakLog') },
  { weight: 2, arbitrary: kind('mendLog') },
);
const hook = fc.record({
  seed: fc.nat(),
  shape,
  batching: fc.record({
    batchSize: fc.constantFrom(1, 3, 10),
    minBatchSize: fc.constantFrom(1, 2, 10),
    maxBatchLatencyMs: fc.constantFrom(0, 500, 8_000),
  }),
  disable: fc.record(
    { failingMs: fc.constantFrom(0, 10_000), refusedMax: fc.constantFrom(1, 6) },
    { requiredKeys: [] },
  ),
  sendMsMax: fc.constant(SEND_MS_MAX),
});

/** What the hook takes: neither receptions nor what the policy says no to. */
const FILTER = { types: new Set([...EVERYTHING.types].filter((type) => type !== 'Reception')) };
const ask = (record: LogRecord, name: string): unknown => {
  if (record.sender === 'throws') throw new Error('no such thing');
  if (record.sender === 'odd') return 7;
  if (record.sender === 'other') return 'another hook';
  if (record.sender === 'mine') return name;
  if (record.sender === 'none') return undefined;
  return record.sender !== 'no';
};
const isWanted = (record: LogRecord): boolean =>
  record.type !== 'Reception' && record.sender !== 'no' && record.sender !== 'other';
const SENDERS = ['throws', 'odd', 'other', 'mine', 'none', 'no', 'yes', 'yes', 'yes'];

function commit(world: HookWorld, count: number): void {
  for (let left = count; left > 0; left -= 1) {
    const { chance, log } = world;
    const position = log.upto() + 1;
    if (chance.hits(EMPTY_SHARE)) log.commit();
    else {
      const type = chance.pick(['Reception', 'Delivery', 'Bounce'] as const);
      log.commit(makeRecord({ event_id: `e${position}`, type, sender: chance.pick(SENDERS) }));
    }
  }
}

async function perform(world: HookWorld, judge: HookJudge, one: Act): Promise<void> {
  const { log, receiver, shelf } = world;
  switch (one.kind) {
    case 'commit':
      return commit(world, one.count);
    case 'run':
      return world.runFor(one.ms);
    case 'mood':
      receiver.mood = { ...KIND, ...one.mood };
      return;
    case 'disk':
      Object.assign(shelf.disk.mood, one);
      return;
    case 'skip':
      return world.shipper.skip(one.count, () => {});
    case 'shape':
      world.shape = one.shape;
      return world.shipper.reshape(one.shape);
    case 'fallOff':
      return log.fallOff(log.upto() - one.keep);
    case 'crash':
      world.crash();
      judge.noteEnd();
      return world.start();
    case 'stop':
      return stopAndStart(world, judge);
    case 'breakLog':
    case 'mendLog':
      log.isBroken = one.kind === 'breakLog';
      return;
    default:
      return world.shipper[one.kind](() => {});
  }
}

async function stopAndStart(world: HookWorld, judge: HookJudge): Promise<void> {
  const boundMs = world.shape.systemShutdownTimeoutMs + ABORT_MS_MAX + CLOSE_MS_MAX;
  world.shipper.stop(() => {});
  const isEnded = await world.runUntil(() => world.ended !== undefined, boundMs + 1);
  assert.ok(isEnded, `a stop takes no longer than ${boundMs} ms; ${world.shipper.status().state}`);
  world.crash();
  judge.noteEnd();
  world.start();
}

/** The world turns kind; how long until everything has arrived has a bound. */
async function calm(world: HookWorld, judge: HookJudge): Promise<void> {
  world.receiver.mood = { ...KIND };
  Object.assign(world.shelf.disk.mood, { slowMs: 0, refuses: 0 });
  world.log.isBroken = false;
  world.shape = FREE_SHAPE;
  world.shipper.reshape(FREE_SHAPE);
  world.shipper.resume(() => {});
  const latencyMs = world.knobs.batching?.maxBatchLatencyMs ?? 0;
  const { retryIntervalMs } = FREE_SHAPE;
  // A batch may hang yet, or wait; from then on each one goes as soon as it is full or old enough.
  const boundMs = 2 * SEND_MS_MAX + ABORT_MS_MAX + RETRY_AFTER_MS + 30_000 + 2 * latencyMs;
  const isThrough = (): boolean => world.shelf.cursor?.position === world.log.upto();
  // What was hanging before the calm may yet make the hook disable itself.
  for (let left = 3; left > 0 && !isThrough(); left -= 1) {
    await world.runUntil(isThrough, boundMs + retryIntervalMs);
    world.shipper.resume(() => {});
  }
  const { state } = world.shipper.status();
  assert.ok(isThrough(), `not everything arrived within ${boundMs} ms; ${state}`);
  judge.judge();
}

test('what a hook sent is the log, in order and whole; every repeat has its reason', async () => {
  let letters = 0;
  let plays = 0;
  const property = fc.asyncProperty(
    hook,
    fc.array(act, { maxLength: ACTS_MAX, size: 'max' }),
    async (knobs, acts) => {
      const world = new HookWorld({ ...knobs, filter: FILTER, ask });
      const judge = new HookJudge(world, ({ record }) => isWanted(record));
      world.start();
      // A hook that died before its first cursor was kept has not begun.
      await world.runUntil(() => world.shelf.cursor !== undefined, 1_000);
      for (const one of acts) await perform(world, judge, one);
      await calm(world, judge);
      plays += 1;
      letters += world.shelf.letters.length;
    },
  );
  await assertLaw(property, 1, () => plays > 20 && letters > 0);
});
