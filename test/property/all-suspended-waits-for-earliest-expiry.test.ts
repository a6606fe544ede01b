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
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

/** Commits, look-ups, a dial and a greeting: all that may lie between a rest's end and an offer. */
const SOON_MS = 1_500;

const play = fc.record({
  seed: fc.nat(),
  spansMs: fc.array(fc.integer({ min: 3_000, max: 1_200_000 }), { minLength: 1, maxLength: 4 }),
  // When mail comes: before the sources are suspended, just after, or while all rest.
  beforeMs: fc.constantFrom(0, 10, 50),
  mails: fc.integer({ min: 1, max: 12 }),
  // While all rest: a suspension is lifted, or placed anew with another end, or a member comes.
  changes: fc.array(
    fc.record({
      what: fc.constantFrom('lift', 'place', 'place', 'add', 'crash'),
      which: fc.nat(3),
      // Of the time until the earliest end: when, and, from then on, the new end.
      share: fc.double({ min: 0, max: 0.9, noNaN: true }),
      ms: fc.integer({ min: 3_000, max: 1_200_000 }),
    }),
    { maxLength: 6 },
  ),
  // The messages' own queues are still empty when the process starts anew.
  crashes: fc.boolean(),
});

const nameOf = (index: number): string => `ip-${index + 1}`;

async function makeSources(seed: number, count: number, maxAge = '6h'): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'drawn', max_age: maxAge } });
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  plan.pools['drawn'] = names.map((name, index) => ({ name, weight: index + 1 }));
  for (const [index, name] of names.entries()) {
    plan.sources[name] = { source_address: `192.0.2.${index + 1}` };
  }
  // What a crash may take is nothing that waits: bodies are stored at once.
  const world = await makeWorld({ seed, plan, deferring: 0 }, false);
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

type Play = typeof play extends fc.Arbitrary<infer T> ? T : never;

/** Until when each source is out, as it was wished; a source that is missing is in rotation. */
type Untils = Map<string, number>;

/** Does it, and answers from when on something may go; Infinity while all is out. */
async function change(
  world: World,
  untils: Untils,
  { what, which, share, ms }: Play['changes'][number],
): Promise<number> {
  const restMs = Math.max(0, Math.min(...untils.values()) - world.now);
  await world.runFor(restMs * share);
  const names = [...untils.keys()];
  const source = names[which % names.length] as string;
  const until = world.now + ms;
  if (what === 'crash') {
    await world.crash();
    await world.runFor(500);
  } else if (what === 'place') {
    world.command({ kind: 'source.suspend', source, until, why: 'law' });
    untils.set(source, until);
  } else if (what === 'lift') {
    const { wishedAt } = world.command({ kind: 'source.resume', source });
    return wishedAt;
  } else {
    // One more member, that nothing is wrong with.
    const entries = world.plan.pools['drawn'] ?? [];
    world.plan.pools['drawn'] = [...entries, { name: 'ip-9', weight: 1 }];
    world.plan.sources['ip-9'] = { source_address: '192.0.2.9' };
    world.usePolicy();
    return world.now;
  }
  return Number.POSITIVE_INFINITY;
}

test('all suspended waits for the earliest expiry', async () => {
  const property = fc.asyncProperty(play, async (p) => {
    const world = await makeSources(p.seed, p.spansMs.length);
    const beganAt = world.now;
    const untils: Untils = new Map();
    for (const [index, ms] of p.spansMs.entries()) {
      const until = beganAt + ms;
      untils.set(nameOf(index), until);
      world.command({ kind: 'source.suspend', source: nameOf(index), until, why: 'law' });
    }
    await world.runFor(1_000);
    assert.ok(world.wishes.every(({ refusal }) => refusal === undefined));
    for (let count = 0; count < p.mails; count += 1) {
      await world.runFor(p.beforeMs);
      world.submit([`u${count}@a.test`]);
    }
    await world.runFor(100);
    if (p.crashes) await world.crash();
    let earliest = Number.POSITIVE_INFINITY;
    for (const one of p.changes) {
      // What may go already is no concern of this law.
      if (Math.min(...untils.values()) - world.now < SOON_MS) break;
      earliest = await change(world, untils, one);
      if (earliest < Number.POSITIVE_INFINITY) break;
      await world.runFor(100);
    }
    earliest = Math.min(earliest, ...untils.values());
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

test('and nobody rests beyond max_age', async () => {
  const ages = fc.record({ seed: fc.nat(), ageS: fc.integer({ min: 60, max: 600 }) });
  const property = fc.asyncProperty(ages, async ({ seed, ageS }) => {
    const world = await makeSources(seed, 2, `${ageS}s`);
    for (const source of ['ip-1', 'ip-2']) {
      const until = world.now + 7_200_000;
      world.command({ kind: 'source.suspend', source, until, why: 'law' });
    }
    await world.runFor(500);
    const mail = world.submit(['u@a.test']);
    await world.runFor(ageS * 1_000 + 60_000);
    const story = world.witness.messages.get(mail?.messages[0]?.id ?? '');
    assert.deepEqual(
      [...(story?.ends.values() ?? [])].map(({ kind }) => kind),
      ['expired'],
    );
    assert.equal(story?.offers.length, 0);
  });
  await assertLaw(property, 0.2);
});
