/**
 * Law: a suspension that a rule placed survives any restart with its remaining time: the source is
 * back at the very end that the log named, or at the start when that has passed meanwhile, and
 * until then nothing is dialled from it. The idea: the process dies again and again, also within
 * the moment of the failure; what was not durable did not happen, what was holds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SuspendedBody } from '../../src/events/source.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

/** A start, its first turn, the commit of it, and the turn after. */
const SOON_MS = 100;

const play = fc.record({
  seed: fc.nat(),
  durationS: fc.integer({ min: 1, max: 900 }),
  isProxy: fc.boolean(),
  // How long each life lasts, and how long nothing runs after it.
  lives: fc.array(
    fc.record({
      steps: fc.option(fc.nat(40)),
      lifeMs: fc.nat(200_000),
      downMs: fc.oneof(fc.constant(0), fc.nat(200_000)),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

interface Told {
  readonly until: number;
  readonly reason: string;
}

/** What the durable log says of the source now; undefined while it is in rotation. */
function toldOf(world: World): Told | undefined {
  let told: Told | undefined;
  for (const { type, body } of world.witness.records) {
    if (type === 'source.suspended') told = JSON.parse(body) as SuspendedBody;
    if (type === 'source.resumed') told = undefined;
  }
  return told;
}

const seen = { held: 0, passed: 0, ended: 0 };

function judgeStart(world: World, told: Told | undefined): void {
  const row = world.engine.core.books.sources.get('ip-1');
  const { suspended } = world.engine.sources.meters();
  if (told === undefined) return;
  if (told.until <= world.now) {
    seen.passed += 1;
    return;
  }
  seen.held += 1;
  assert.equal(row?.state, 'suspended');
  assert.equal(row.until, told.until, 'the end is the one that was named');
  assert.equal(row.reason, told.reason);
  assert.deepEqual(suspended, [{ source: 'ip-1', label: told.reason, value: 1 }]);
}

test('a suspension survives restarts with its remaining time', async () => {
  const property = fc.asyncProperty(play, async ({ seed, durationS, isProxy, lives }) => {
    const plan = makePlan({ queue: { egress_pool: 'one', max_age: '2d' } });
    const rule = { duration: durationS };
    const key = isProxy ? 'suspend_when_proxy_unhealthy' : 'suspend_when_unplumbed';
    plan.sources['ip-1'] = { source_address: '192.0.2.1', [key]: rule };
    // Some lives begin with a picture of the books, some with the log alone.
    const limits = { snapshotRecordsMax: 20, snapshotMsMax: 30_000 };
    // What dies with the process waits for no source: here each message is stored.
    const world = await makeWorld({ seed, plan, limits, deferring: 0 }, false);
    if (isProxy) world.net.broken.breakProxy('192.0.2.1', 'FAULT_PROXY_HANDSHAKE');
    else world.net.broken.unplumb('192.0.2.1');
    let startedAt = world.now;
    world.net.onDial = () => {
      const told = toldOf(world);
      const isOver = told === undefined || told.until <= world.now;
      assert.ok(isOver, `dialled ${(told?.until ?? 0) - world.now} ms before the end`);
    };
    const each = (): void => {
      const told = toldOf(world);
      if (told === undefined) return;
      const dueAt = Math.max(told.until, startedAt);
      assert.ok(world.now <= dueAt + SOON_MS, 'the source is back at its time');
      if (world.now > told.until) seen.ended += 1;
    };
    world.submit(['u@a.test']);
    await world.runFor(20);
    for (const { steps, lifeMs, downMs } of lives) {
      if (steps === null) await world.runFor(lifeMs, each);
      else for (let left = steps; left > 0; left -= 1) world.step();
      const told = toldOf(world);
      world.time.now += downMs;
      await world.crash();
      startedAt = world.now;
      judgeStart(world, told);
    }
    // In order again: what waited goes as soon as the source is back.
    world.net.broken.mend('192.0.2.1');
    await world.runFor(durationS * 1_000 + 600_000, each);
    assert.equal(toldOf(world), undefined);
    for (const { ends, deferrals } of world.witness.messages.values()) {
      assert.equal(ends.get(0)?.kind, 'delivered');
      assert.equal(deferrals, 0, 'the suspension cost no attempt');
    }
  });
  await assertLaw(property, 1, () => Object.values(seen).every((count) => count > 0));
});
