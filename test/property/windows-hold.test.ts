/**
 * Law: a message with a window is never offered while a clock on the wall of its zone is outside,
 * every due time on record lies within, and one with an expiry is never offered after it and ends
 * by it; what the window lets through in time arrives; also over changes of the clocks and crashes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Schedule } from '../../src/domain/schedule.ts';
import { readTimeWindow } from '../../src/domain/time-window.ts';
import type { AcceptedBody } from '../../src/events/message.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { performAdmin } from '../world/admin-acts.ts';
import { assertLaw, makeWorld, TIGHT } from '../world/law.ts';
import { CHANGES, isOpenByWall, readWall, ZONES } from '../world/wall-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MAX_AGE_MS = 12 * HOUR_MS;
/** An attempt that is under way when the message expires may end, and the wheel has its tick. */
const GRACE_MS = 31_000;
/** All that a message needs that may go: look-ups, a dial, a dozen others before it. */
const SOON_MS = 10 * MINUTE_MS;

const minutes = (min: number, max: number) => fc.integer({ min, max });
const timing = fc.record({
  tz: fc.constantFrom(...ZONES),
  /** From now; undefined: no window. */
  startIn: fc.option(minutes(-120, 400), { nil: undefined }),
  length: fc.oneof(minutes(1, 20), minutes(20, 1_000)),
  today: fc.boolean(),
  expiresIn: fc.option(minutes(-1, 500), { nil: undefined }),
  dueIn: fc.option(minutes(-5, 300), { nil: undefined }),
});
const act = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('mail' as const),
      to: fc.constantFrom('u@a.test', 'u@b.test', 'later@a.test'),
      count: minutes(1, 4),
      timing,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), by: minutes(0, 150) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), by: minutes(0, 90) }) },
);

const DAYS = 'Sun,Mon,Tue,Wed,Thu,Fri,Sat';
const two = (number: number): string => String(number).padStart(2, '0');

function scheduleOf(now: number, given: typeof timing extends fc.Arbitrary<infer T> ? T : never) {
  const { tz, startIn, length, today, expiresIn, dueIn } = given;
  const wallAt = (at: number): string => `${readWall(tz, at).time.slice(0, 6)}00`;
  const expires = expiresIn === undefined ? undefined : now + expiresIn * MINUTE_MS;
  const dueAt = dueIn === undefined ? undefined : now + dueIn * MINUTE_MS;
  if (startIn === undefined) return { dueAt, schedule: { expires } };
  const startAt = now + startIn * MINUTE_MS;
  const [start, later] = [wallAt(startAt), wallAt(startAt + length * MINUTE_MS)];
  const end = start === later ? `${two((Number(start.slice(0, 2)) + 1) % 24)}:30:00` : later;
  const dow = today ? readWall(tz, startAt).day : DAYS;
  return { dueAt, schedule: { expires, window: readTimeWindow({ dow, tz, start, end }) } };
}

type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

async function perform(world: World, one: Act): Promise<void> {
  switch (one.do) {
    case 'mail':
      for (let left = one.count; left > 0; left -= 1) {
        world.submit([one.to], 200, scheduleOf(world.now, one.timing));
      }
      return;
    case 'wait':
      return world.runFor(one.by * MINUTE_MS);
    case 'flush':
      for (const domain of ['a.test', 'b.test']) {
        const criteria = { domain };
        performAdmin(world, { do: 'rebindAll', criteria, tenant: 'x', isFlush: true });
      }
      return world.runFor(1_000);
    case 'crash':
      await world.runFor(100);
      world.time.now += one.by * MINUTE_MS;
      return world.crash();
  }
}

/** Holds the log against the wall. */
class Judge {
  readonly #of = new Map<string, Schedule & { readonly at: number; readonly due: number }>();
  readonly #ended = new Map<string, string>();
  #startedAt = 0;
  offers = 0;
  postponed = 0;

  take({ type, stream, at, body }: StoredRecord): void {
    if (type === 'engine.started') this.#startedAt = at;
    const facts = JSON.parse(body) as Partial<AcceptedBody>;
    if (type === 'message.accepted') {
      this.#of.set(stream, { ...facts.schedule, at, due: facts.due ?? at });
    }
    const { expires, window } = this.#of.get(stream) ?? {};
    const told = `${type} ${stream} at ${new Date(at).toISOString()}, ${JSON.stringify(window)}`;
    if (type === 'message.offered') {
      this.offers += 1;
      assert.ok(window === undefined || isOpenByWall(window, at), `outside: ${told}`);
      // The wheel rings with its next tick.
      assert.ok(at < (expires ?? Number.POSITIVE_INFINITY) + 200, `too late: ${told}`);
    }
    if (/^message\.(accepted|scheduled|postponed|deferred|rebound)$/.test(type)) {
      const due = facts.due ?? at;
      if (type === 'message.postponed') this.postponed += 1;
      const isWithin = window === undefined || due <= at || isOpenByWall(window, due);
      assert.ok(isWithin, `due outside: ${told}`);
    }
    if (/^message\.(delivered|expired|bounced)$/.test(type)) this.#ended.set(stream, type);
    if (type === 'message.expired' && expires !== undefined) {
      const cameAt = this.#of.get(stream)?.at ?? 0;
      const lastAt = Math.max(expires, cameAt, this.#startedAt) + GRACE_MS;
      assert.ok(at <= lastAt, `late: ${told}`);
      const isEarly = at < expires;
      const why = (facts as { text?: string }).text ?? '';
      assert.ok(!isEarly || why.includes('is not before'), `early: ${told}: ${why}`);
    }
  }

  /** Whether any expired that had time enough to go. */
  look(isEnding: (stream: string) => boolean): void {
    for (const [stream, { at, due, expires, window }] of this.#of) {
      const end = this.#ended.get(stream);
      if (end !== 'message.expired' || isEnding(stream)) continue;
      const last = Math.min(expires ?? Number.POSITIVE_INFINITY, at + MAX_AGE_MS);
      let open = 0;
      for (let then = due; then < last; then += MINUTE_MS) {
        open = window === undefined || isOpenByWall(window, then) ? open + MINUTE_MS : 0;
        assert.ok(open <= SOON_MS, `${stream} could have gone at ${new Date(then).toISOString()}`);
      }
    }
  }

  get waiting(): number {
    return this.#of.size - this.#ended.size;
  }
}

test('windows hold', async () => {
  let postponed = 0;
  const play = fc.record({
    seed: fc.nat(),
    isTight: fc.boolean(),
    from: fc.constantFrom(...CHANGES.filter((at) => at > Date.parse('2026-01-05T00:00:00Z'))),
    by: minutes(-600, 60),
    acts: fc.array(act, { minLength: 4, maxLength: 25, size: 'max' }),
  });
  const property = fc.asyncProperty(play, async ({ seed, isTight, from, by, acts }) => {
    const queue = { retry_interval: '5m', max_retry_interval: '20m', max_age: '12h' };
    const plan = makePlan({ queue });
    const world = await makeWorld({ seed, plan, limits: isTight ? TIGHT : {} }, false);
    world.time.now = from + by * MINUTE_MS;
    await world.crash();
    await world.runFor(1_000);
    for (const one of acts) await perform(world, one);
    const crashes = acts.filter((one) => one.do === 'crash').length;
    await world.runFor(MAX_AGE_MS + HOUR_MS);
    const judge = new Judge();
    for (const record of world.witness.records) judge.take(record);
    assert.equal(judge.waiting, 0, 'all have ended');
    const isLater = (id: string) => world.witness.messages.get(id)?.to[0]?.startsWith('later');
    if (crashes === 0 && !isTight) judge.look((id) => isLater(id) === true);
    postponed += judge.postponed;
  });
  await assertLaw(property, 1.5, () => postponed > 0);
});
