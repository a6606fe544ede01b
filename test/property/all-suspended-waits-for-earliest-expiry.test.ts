/**
 * Law: while every source of a pool is suspended its messages wait until the earliest suspension
 * ends, neither earlier nor later, and no attempt is counted; and no suspended source is ever
 * chosen. The idea: the log says when each source was out; every dial and every offer is held
 * against that.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OfferedBody } from '../../src/events/message.ts';
import type { PauseBody } from '../../src/events/queue.ts';
import { assertLaw, makeWorld } from '../world/law.ts';
import { makePlan } from '../world/policy.ts';
import type { World } from '../world/world.ts';

/** Commits, look-ups, a dial and a greeting: all that may lie between a rest's end and an offer. */
const SOON_MS = 1_500;

const play = fc.record({
  seed: fc.nat(),
  spansMs: fc.array(fc.integer({ min: 3_000, max: 1_200_000 }), { minLength: 1, maxLength: 4 }),
  // When mail comes: before the sources are suspended, just after, or while all rest.
  beforeMs: fc.constantFrom(0, 10, 50),
  mails: fc.integer({ min: 1, max: 12 }),
  // By hand, one source may come back before its time.
  resume: fc.option(
    fc.record({ which: fc.nat(3), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  crashes: fc.boolean(),
});

const nameOf = (index: number): string => `ip-${index + 1}`;

async function makeSources(seed: number, count: number): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'drawn', max_age: '2h' } });
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  plan.pools['drawn'] = names.map((name, index) => ({ name, weight: index + 1 }));
  for (const [index, name] of names.entries()) {
    plan.sources[name] = { source_address: `192.0.2.${index + 1}` };
  }
  const world = await makeWorld({ seed, plan }, false);
  // The sources exist once they were asked for.
  world.submit(['first@b.test']);
  await world.runFor(20_000);
  return world;
}

/** Holds every rest and offer against the suspensions; answers the first offer after `since`. */
function judgeOffers(world: World, since: number): number {
  const out = new Map<string, number>();
  let first = Number.POSITIVE_INFINITY;
  for (const { type, stream, body, at } of world.witness.records) {
    const said = JSON.parse(body) as OfferedBody & PauseBody;
    if (type === 'source.suspended') out.set(stream, said.until);
    if (type === 'source.resumed') out.delete(stream);
    if (type === 'queue.rested') {
      assert.equal(said.until, Math.min(...out.values()), `${stream} rests to the earliest end`);
    }
    if (type !== 'message.offered' || at < since) continue;
    const { source, attempt } = said;
    assert.ok(!out.has(source), `${stream} was offered over the suspended ${source}`);
    assert.equal(attempt, 1, 'no attempt was counted while all rested');
    first = Math.min(first, at);
  }
  return first;
}

test('all suspended waits for the earliest expiry', async () => {
  const property = fc.asyncProperty(play, async (p) => {
    const world = await makeSources(p.seed, p.spansMs.length);
    const beganAt = world.now;
    const untils = p.spansMs.map((ms) => beganAt + ms);
    for (const [index, until] of untils.entries()) {
      world.command({ kind: 'source.suspend', source: nameOf(index), until, why: 'law' });
    }
    await world.runFor(1_000);
    assert.ok(world.wishes.every(({ refusal }) => refusal === undefined));
    for (let count = 0; count < p.mails; count += 1) {
      await world.runFor(p.beforeMs);
      world.submit([`u${count}@a.test`]);
    }
    if (p.crashes) {
      await world.runFor(100);
      await world.crash();
    }
    let earliest = Math.min(...untils);
    if (p.resume !== null && p.resume.which < untils.length) {
      const restMs = Math.max(0, earliest - world.now) * p.resume.share;
      await world.runFor(restMs);
      const back = world.command({ kind: 'source.resume', source: nameOf(p.resume.which) });
      await world.runFor(1_000);
      if (back.refusal === undefined) earliest = Math.min(earliest, back.wishedAt);
    }
    await world.run(earliest + SOON_MS);
    const first = judgeOffers(world, beganAt);
    assert.ok(first >= earliest, `offered ${earliest - first} ms before a source was back`);
    assert.ok(first <= earliest + SOON_MS, 'offered as soon as a source was back');
    const deferrals = [...world.witness.messages.values()].map((story) => story.deferrals);
    assert.ok(
      deferrals.every((count) => count === 0),
      'waiting is no attempt',
    );
  });
  await assertLaw(property);
});
