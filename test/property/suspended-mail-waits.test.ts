/**
 * Law: while a suspension lives that is about a queue, nothing of the queue is offered, nothing
 * over a suspended ready queue, and no attempt is counted; with its end, to the tick, or its
 * lifting, or as long as another source is left, mail goes on at once; also over crashes and time
 * that passes while nothing runs. The idea: the log tells which suspensions lived at each offer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PlacedBody } from '../../src/events/admin.ts';
import type { OfferedBody } from '../../src/events/message.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { performAdmin, someCriteria } from '../world/admin-acts.ts';
import { assertLaw, makeWorld, TIGHT } from '../world/law.ts';
import { RuleWitness } from '../world/rule-witness.ts';

const DOMAINS = ['a.test', 'b.test'];
const SOURCES = ['ip-1', 'ip-2', 'ip-3'];
/** Commits, look-ups, a dial and a greeting: all that may lie between an end and an offer. */
const SOON_MS = 1_500;
/** How late an end may be told: an alarm, and a commit before it. */
const LATE_MS = 100;

const spanMs = fc.oneof(fc.nat(400), fc.integer({ min: 400, max: 90_000 }));
const act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('mail' as const), at: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: spanMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('suspendAll' as const),
      criteria: someCriteria(DOMAINS),
      ms: spanMs,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('suspendReady' as const),
      source: fc.constantFrom(...SOURCES),
      domain: fc.constantFrom(...DOMAINS),
      ms: spanMs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('rebindAll' as const),
      criteria: someCriteria(DOMAINS),
      tenant: fc.constantFrom('x', 'y'),
      isFlush: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('suspendSite' as const),
      domain: fc.constantFrom(...DOMAINS),
      spans: fc.array(spanMs, { minLength: 3, maxLength: 3 }),
    }),
  },
  // The process ends, and nothing runs for a while.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), ms: spanMs }) },
);

/** Since when each waiting message could have gone; undefined while something holds it. */
class Judge {
  readonly #told = new RuleWitness();
  readonly #freeSince = new Map<string, number | undefined>();
  #startedAt = 0;
  #downFrom: readonly number[];
  offers = 0;

  constructor(downFrom: readonly number[]) {
    this.#downFrom = downFrom;
  }

  take(record: StoredRecord): void {
    const { type, stream, at } = record;
    if (type === 'engine.started') this.#start(at);
    if (type === 'message.offered') this.#offer(record);
    if (type === 'suspension.ended') this.#ended(record);
    assert.notEqual(type, 'message.deferred', `${stream}: waiting is no attempt`);
    this.#told.take(record);
    if (type === 'message.lost') this.#freeSince.delete(stream);
    if (/^message\.(accepted|returned|unsettled|rebound)$/.test(type)) {
      this.#freeSince.set(stream, undefined);
    }
    if (/^(message|suspension|engine)\./.test(type)) this.look(at);
  }

  #start(at: number): void {
    this.#startedAt = at;
    for (const id of this.#freeSince.keys()) this.#freeSince.set(id, undefined);
  }

  #ended({ stream, at }: StoredRecord): void {
    const { until } = (this.#told.rules.get(stream)?.body ?? {}) as PlacedBody;
    assert.ok(at >= until, `${stream} ended ${until - at} ms before its time`);
    // What ended while nothing ran, or so shortly before that no commit held it, is told by the
    // first turn of the next run.
    const isCut = this.#downFrom.some((from) => from - LATE_MS <= until && from <= at);
    const wasDown = isCut && this.#startedAt >= until;
    if (!wasDown) assert.ok(at <= until + LATE_MS, `${stream} ended ${at - until} ms late`);
  }

  #offer({ stream, body, at }: StoredRecord): void {
    const { source, site, attempt } = JSON.parse(body) as OfferedBody;
    const queue = this.#told.queueOf.get(stream) ?? '';
    const [over] = this.#told.over(queue, 'suspension');
    assert.equal(over, undefined, `${stream} of ${queue} was offered under ${over?.id}`);
    const shut = this.#told.overReady(`${source}->${site}@smtp_client`);
    assert.equal(shut, undefined, `${stream} was offered over ${source}, shut by ${shut?.id}`);
    const since = this.#freeSince.get(stream) ?? Number.NEGATIVE_INFINITY;
    assert.ok(at - since <= SOON_MS, `${stream} of ${queue} went ${at - since} ms late`);
    assert.equal(attempt, 1, `${stream}: nothing but suspensions kept it`);
    this.#freeSince.delete(stream);
    this.offers += 1;
  }

  /** Takes the time since when a message waits for nothing. */
  look(at: number): void {
    for (const [id, since] of this.#freeSince) {
      const isHeld = this.#isHeld(this.#told.queueOf.get(id) ?? '');
      if (isHeld) this.#freeSince.set(id, undefined);
      else if (since === undefined) this.#freeSince.set(id, at);
      else assert.ok(at - since <= SOON_MS, `${id} has been free for ${at - since} ms`);
    }
  }

  #isHeld(queue: string): boolean {
    if (this.#told.over(queue, 'suspension').length > 0) return true;
    const site = `mx.${queue.slice(queue.indexOf('@') + 1)}`;
    return SOURCES.every((name) => this.#told.overReady(`${name}->${site}@smtp_client`));
  }

  get waiting(): number {
    return this.#freeSince.size;
  }
}

type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

async function perform(world: World, downFrom: number[], one: Act): Promise<void> {
  switch (one.do) {
    case 'mail':
      world.submit([`u@${DOMAINS[one.at]}`]);
      return;
    case 'wait':
      return world.runFor(one.ms);
    case 'suspendSite':
      // Every ready queue of the site: what comes now rests.
      for (const [at, ms] of one.spans.entries()) {
        const source = SOURCES[at] as string;
        performAdmin(world, { do: 'suspendReady', source, domain: one.domain, ms });
      }
      return;
    case 'crash':
      // What no commit holds yet is lost with the process: it is not what this law is about.
      await world.runFor(50);
      downFrom.push(world.now);
      world.time.now += one.ms;
      return world.crash();
    default:
      return performAdmin(world, one);
  }
}

test('suspended mail waits', async () => {
  let offers = 0;
  const play = fc.record({
    seed: fc.nat(),
    isTight: fc.boolean(),
    acts: fc.array(act, { minLength: 4, maxLength: 30, size: 'max' }),
  });
  const property = fc.asyncProperty(play, async ({ seed, isTight, acts }) => {
    const plan = makePlan({
      queue: { max_age: '10h' },
      path: { max_deliveries_per_connection: 99 },
    });
    plan.paths = { '': { ...plan.paths[''], connection_limit: 12 } };
    // Intake is not what this is about: with tight bounds it would be paced to delivery.
    const limits = isTight ? { ...TIGHT, connectionsMax: 99, paceRowsMin: 99 } : {};
    const manners = { 'a.test': accepting, 'b.test': accepting };
    const world = await makeWorld({ seed, plan, limits, manners }, false);
    const downFrom: number[] = [];
    for (const one of acts) await perform(world, downFrom, one);
    await world.runFor(100_000);
    const judge = new Judge(downFrom);
    for (const record of world.witness.records) judge.take(record);
    judge.look(world.now);
    assert.equal(judge.waiting, 0, 'in the end all have gone');
    assert.equal(world.engine.core.books.rules.size, 0, 'in the end no rule is left');
    offers += judge.offers;
  });
  await assertLaw(property, 1.5, () => offers > 0);
});
