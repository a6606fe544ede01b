/**
 * Law: a purge ends the messages of the queues it means, once each and no others, while it lives
 * and not after; what a connection has in hand may finish, and is met when it comes back. Nothing
 * of such a queue begins a new attempt, the counts are those of the log, and every recipient is
 * accounted for; also over crashes. The idea: the log tells which purges lived at each record.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OrderedBody } from '../../src/events/admin.ts';
import type { PurgedBody } from '../../src/events/message-by-hand.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import { firstOf, greylisting, judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { performAdmin, someCriteria } from '../world/admin-acts.ts';
import { checkBalance, checkPromises } from '../world/judge.ts';
import { assertLaw, makeWorld, TIGHT } from '../world/law.ts';
import { RuleWitness } from '../world/rule-witness.ts';

const DOMAINS = ['a.test', 'b.test', 'c.test'];
/** A round in small slices: how long what rests in a queue may outlive the order. */
const SOON_MS = 2_000;
const LOOK_MS = 250;

const spanMs = fc.oneof(fc.nat(300), fc.nat(5_000), fc.integer({ min: 3_000, max: 90_000 }));
/** Has a message in hand for long, and then puts it off. */
const puttingOff: Manner = ({ stage }) =>
  stage === 'dot' ? { say: '451 4.3.0 not today', afterMs: 4_000 } : undefined;
const criteria = someCriteria(DOMAINS);
const act = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('mail' as const),
      to: fc.uniqueArray(
        fc
          .tuple(fc.constantFrom('u', 'v', 'bad', 'later'), fc.constantFrom(...DOMAINS))
          .map(([local, at]) => `${local}@${at}`),
        { minLength: 1, maxLength: 6 },
      ),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: spanMs }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('purgeAll' as const), criteria, ms: spanMs }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('suspendAll' as const), criteria, ms: spanMs }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('rebindAll' as const),
      criteria,
      tenant: fc.constantFrom('x', 'y'),
      isFlush: fc.boolean(),
      delayMs: fc.constantFrom(0, 60_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
  // A process that dies in the middle of a round.
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cutShort' as const),
      criteria,
      ms: fc.integer({ min: 3_000, max: 90_000 }),
      afterMs: fc.integer({ min: 5, max: 30 }),
    }),
  },
);

type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** Holds each record against the purges that lived. */
class Judge {
  readonly told = new RuleWitness();
  readonly counts = new Map<string, number>();
  /** Since when a message rests in a queue; undefined while a connection has it. */
  readonly #restsSince = new Map<string, number | undefined>();
  #lookedAt = 0;
  purged = 0;

  take(record: StoredRecord): void {
    const { type, stream, at } = record;
    // Before anything changes; not at each of many records of one moment.
    if (at - this.#lookedAt >= LOOK_MS || type.startsWith('purge.')) this.look(at);
    if (type === 'message.purged') this.#purged(record);
    if (type === 'message.offered') {
      const [purge] = this.told.over(this.#queueOf(stream), 'purge');
      assert.equal(purge, undefined, `${stream} was offered under ${purge?.id}`);
      this.#restsSince.set(stream, undefined);
    }
    this.told.take(record);
    if (/^message\.(accepted|deferred|returned|unsettled|rebound)$/.test(type)) {
      this.#restsSince.set(stream, at);
    }
    // What has come to an end for some of its recipients is still in hand for the others.
    if (/^message\.(delivered|bounced|expired|purged|lost)$/.test(type))
      this.#restsSince.delete(stream);
  }

  #queueOf(stream: string): string {
    return this.told.queueOf.get(stream) ?? '';
  }

  #purged({ stream, body, at }: StoredRecord): void {
    const said = JSON.parse(body) as PurgedBody;
    const purge = this.told.rules.get(said.purge);
    assert.ok(purge !== undefined, `${stream} was purged by ${said.purge}, which does not live`);
    const { until, cause, quiet } = purge.body as OrderedBody;
    assert.ok(at < until, `${stream} was purged ${at - until} ms after the end`);
    const queue = this.#queueOf(stream);
    assert.equal(said.queue, queue);
    const ids = this.told.over(queue, 'purge').map(({ id }) => id);
    assert.ok(ids.includes(said.purge), `${stream} of ${queue} was not meant`);
    const isOffered = this.#restsSince.has(stream) && this.#restsSince.get(stream) === undefined;
    assert.ok(!isOffered, `${stream} was purged in the middle of a send`);
    assert.deepEqual([said.code, said.enhanced, said.quiet], [551, '5.7.1', quiet]);
    assert.equal(said.text, `Administrator bounced with reason: ${cause}`);
    this.counts.set(said.purge, (this.counts.get(said.purge) ?? 0) + 1);
    this.purged += 1;
  }

  look(at: number): void {
    this.#lookedAt = at;
    for (const [stream, since] of this.#restsSince) {
      if (since === undefined) continue;
      for (const { id, from } of this.told.over(this.#queueOf(stream), 'purge')) {
        const ms = at - Math.max(since, from);
        assert.ok(ms <= SOON_MS, `${stream} has outlived ${id} by ${ms} ms`);
      }
    }
  }
}

async function perform(world: World, one: Act): Promise<void> {
  switch (one.do) {
    case 'mail':
      for (let left = one.count; left > 0; left -= 1) world.submit(one.to);
      return;
    case 'wait':
      return world.runFor(one.ms);
    case 'crash':
      return world.crash();
    case 'cutShort':
      performAdmin(world, { ...one, do: 'purgeAll' });
      await world.runFor(one.afterMs);
      return world.crash();
    default:
      return performAdmin(world, one);
  }
}

function judgeAll(world: World): Judge {
  const judge = new Judge();
  for (const record of world.witness.records) judge.take(record);
  judge.look(world.now);
  const { books, turns } = world.engine.core;
  if (turns.inFlight > 0) return judge;
  for (const { id, kind, counts } of books.rules.all()) {
    if (kind !== 'purge') continue;
    const sum = [...counts.values()].reduce((total, count) => total + count, 0);
    assert.equal(sum, judge.counts.get(id) ?? 0, `the count of ${id}`);
  }
  return judge;
}

test('purges end what they mean', async () => {
  let purged = 0;
  const play = fc.record({
    seed: fc.nat(),
    isTight: fc.boolean(),
    acts: fc.array(act, { minLength: 4, maxLength: 30, size: 'max' }),
  });
  const property = fc.asyncProperty(play, async ({ seed, isTight, acts }) => {
    // One domain is quick, one lets everything wait, one has everything in hand before it does.
    const manners = {
      'a.test': judging,
      'b.test': firstOf(judging, greylisting(120_000)),
      'c.test': puttingOff,
    };
    const limits = isTight ? { ...TIGHT, turnRecordsMax: 1 } : {};
    const world = await makeWorld({ seed, limits, manners, plan: makePlan() }, false);
    for (const one of acts) {
      await perform(world, one);
      checkBalance(world);
    }
    await world.runFor(1_000);
    judgeAll(world);
    await world.runFor(100_000);
    purged += judgeAll(world).purged;
    checkBalance(world);
    checkPromises(world);
    assert.equal(world.engine.core.books.rules.size, 0, 'in the end no rule is left');
    assert.equal(world.engine.core.books.rules.rebinds.size, 0, 'and no rebind is under way');
  });
  await assertLaw(property, 1.5, () => purged > 0);
});
