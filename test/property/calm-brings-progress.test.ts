/**
 * Law: after faults cease everything due settles within a bound; and whatever exchangers do, no
 * message is without its end later than a minute after its age. The idea: liveness has two halves,
 * the world turning kind, and the world never turning kind.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { isEnded } from '../../src/testing/world/witness.ts';
import type { World } from '../../src/testing/world/world.ts';
import { MANNERS } from '../world/acts.ts';
import { assertLaw, makeWorld, runPlays, TIGHT } from '../world/law.ts';
import { checkSettled, settlingMs, turnKind } from '../world/settling-down.ts';

const MAX_AGE_MS = 600_000;
const LATE_MS = 60_000;

test('calm brings progress', async () => {
  await runPlays(
    {
      each: () => {},
      end: async (world) => {
        turnKind(world);
        await world.runFor(settlingMs(world));
        checkSettled(world);
      },
    },
    { hasFaults: true, hasCrashes: true },
    0.5,
  );
});

/** Ways never to take a message. */
const NEVER = ['silentGreeting', 'silentData', 'silentDot', 'dropping', 'refusing', 'tarpit'];
/** Waits so long that an attempt is still under way when its message grows too old. */
const PATIENT = { data_timeout: '5m', data_dot_timeout: '5m', banner_timeout: '5m' };
const hopeless = fc.record({
  seed: fc.nat(),
  isTight: fc.boolean(),
  isPatient: fc.boolean(),
  manners: fc.tuple(fc.constantFrom(...NEVER), fc.constantFrom(...NEVER)),
  answers: fc.constantFrom('open' as const, 'refused' as const, 'never' as const),
  submitAtMs: fc.array(fc.nat(900_000), { minLength: 1, maxLength: 12 }),
  crashAtMs: fc.array(fc.nat(900_000), { maxLength: 3 }),
});

function checkAges(world: World): void {
  for (const story of world.witness.messages.values()) {
    const dueBy = Number.parseInt(story.id.slice(0, 12), 16) + MAX_AGE_MS + LATE_MS;
    const lastAt = Math.max(...[...story.ends.values()].map(({ at }) => at));
    if (isEnded(story)) assert.ok(lastAt <= dueBy, `${story.id} ended ${lastAt - dueBy} ms late`);
    else
      assert.ok(world.now <= dueBy, `${story.id} has no end and is ${world.now - dueBy} ms late`);
  }
}

async function suffer(world: World, submitAtMs: number[], crashAtMs: number[]): Promise<void> {
  const beganAt = world.now;
  const deeds = [
    ...submitAtMs.map((atMs, at) => ({ atMs, do: () => submitTwo(world, at) })),
    ...crashAtMs.map((atMs) => ({ atMs, do: () => world.crash() })),
  ].sort((a, b) => a.atMs - b.atMs);
  for (const deed of deeds) {
    await world.run(beganAt + deed.atMs);
    await deed.do();
    checkAges(world);
  }
  await world.runFor(MAX_AGE_MS + LATE_MS + 1_000);
  checkAges(world);
  assert.equal(world.engine.core.books.rows.count, 0);
}

function submitTwo(world: World, at: number): void {
  world.submit([`u${at}@a.test`, `u${at}@b.test`, `v${at}@b.test`]);
}

test('a message ends within a minute of its age, whatever exchangers do', async () => {
  const property = fc.asyncProperty(hopeless, async (play) => {
    const path = play.isPatient ? PATIENT : {};
    const plan = makePlan({ queue: { max_age: '10m' }, path });
    const limits = play.isTight ? TIGHT : {};
    const world = await makeWorld({ seed: play.seed, plan, limits }, false);
    world.hostOf('a.test').exchanger.manner = MANNERS[play.manners[0]] as Manner;
    world.hostOf('b.test').exchanger.manner = MANNERS[play.manners[1]] as Manner;
    world.hostOf('a.test').answers = play.answers;
    await suffer(world, play.submitAtMs, play.crashAtMs);
  });
  await assertLaw(property, 0.5);
});
