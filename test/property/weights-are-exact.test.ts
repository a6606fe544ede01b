/**
 * Law: over full cycles every member of a pool is chosen exactly by its weight, the order is that
 * of the documented algorithm, and who is refused is passed over without costing others their turn.
 * The idea: the algorithm as the manual writes it, naive and slow, is held against the ring pick by
 * pick; then whole worlds are counted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRotation, Ring } from '../../src/domain/round-robin.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const divisorOf = (weights: readonly number[]): number => weights.reduce(divisor, 0);

/** The algorithm as it is written down: state, and one pick among the candidates. */
function naivePick(weights: readonly number[], state: { idx: number; cw: number }): number {
  if (weights.length <= 1) return weights.length - 1;
  const max = Math.max(...weights);
  const step = divisorOf(weights);
  state.cw = Math.min(state.cw, max);
  for (;;) {
    state.idx = (state.idx + 1) % weights.length;
    if (state.idx === 0) {
      state.cw = state.cw > step ? state.cw - step : 0;
      if (state.cw === 0) state.cw = max;
    }
    if ((weights[state.idx] as number) >= state.cw) return state.idx;
  }
}

const weightsOf = (most: number) =>
  fc.array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 12 });

test('the ring picks as the algorithm is written, whoever comes and goes', async () => {
  const rounds = fc.array(weightsOf(30), { minLength: 1, maxLength: 8 });
  const property = fc.property(rounds, fc.integer({ min: 1, max: 60 }), (lists, picks) => {
    const rotation = createRotation();
    const naive = createRotation();
    for (const weights of lists) {
      const ring = new Ring(weights.map((weight) => ({ weight })));
      for (let count = 0; count < picks; count += 1) {
        ring.begin();
        assert.equal(ring.pick(rotation), naivePick(weights, naive));
        assert.deepEqual(rotation, naive);
      }
    }
  });
  await assertLaw(property, 0.2);
});

test('full cycles are exact', async () => {
  const property = fc.property(
    weightsOf(50),
    fc.integer({ min: 1, max: 5 }),
    fc.nat(500),
    (weights, cycles, before) => {
      const ring = new Ring(weights.map((weight) => ({ weight })));
      const rotation = createRotation();
      const step = divisorOf(weights);
      const cycle = weights.reduce((sum, weight) => sum + weight / step, 0);
      // The first turn of the ring is a partial one; from then on any full cycles will do.
      for (let count = 0; count < weights.length + before; count += 1) {
        ring.begin();
        ring.pick(rotation);
      }
      const counts = new Array<number>(weights.length).fill(0);
      for (let count = 0; count < cycles * cycle; count += 1) {
        ring.begin();
        const index = ring.pick(rotation);
        counts[index] = (counts[index] ?? 0) + 1;
      }
      assert.deepEqual(
        counts,
        weights.map((weight) => (cycles * weight) / step),
      );
    },
  );
  await assertLaw(property, 0.2);
});

test('who is refused is not picked, and everybody else still is', async () => {
  const play = fc.record({
    weights: weightsOf(1_000_000),
    refused: fc.array(fc.nat(11), { maxLength: 12 }),
    idx: fc.nat(11),
    cw: fc.nat(1_000_000),
  });
  const property = fc.property(play, ({ weights, refused, idx, cw }) => {
    const ring = new Ring(weights.map((weight) => ({ weight })));
    const out = new Set(refused.filter((index) => index < weights.length));
    ring.begin();
    for (const index of out) ring.refuse(index);
    const rotation = { idx, cw };
    for (;;) {
      const index = ring.pick(rotation);
      if (out.size === weights.length) {
        assert.equal(index, -1);
        break;
      }
      assert.ok(index >= 0 && !out.has(index), `${index} was picked`);
      out.add(index);
      ring.refuse(index);
    }
    ring.begin();
    assert.ok(ring.pick(rotation) >= 0, 'the next selection begins with all of them');
  });
  await assertLaw(property, 0.2);
});

const worldPlay = fc.record({
  seed: fc.nat(),
  weights: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 5 }),
  cycles: fc.integer({ min: 1, max: 3 }),
});

interface Play {
  readonly seed: number;
  readonly weights: readonly number[];
  readonly cycles: number;
}

/** Sends full cycles of mail and a beginning, and counts what each source was given. */
async function countMail({ seed, weights, cycles }: Play, domainOf: (count: number) => string) {
  const plan = makePlan({ queue: { egress_pool: 'drawn' }, path: { max_ready: 1_000 } });
  const names = weights.map((_, index) => `ip-${index + 1}`);
  plan.pools['drawn'] = names.map((name, index) => ({ name, weight: weights[index] as number }));
  for (const [index, name] of names.entries()) {
    plan.sources[name] = { source_address: `192.0.2.${index + 1}` };
  }
  const world = await makeWorld({ seed, plan }, false);
  const step = divisorOf(weights);
  const cycle = weights.reduce((sum, weight) => sum + weight / step, 0);
  // One full cycle and the partial turn before it are not counted.
  const first = weights.length - 1 + cycle;
  for (let count = 0; count < first + cycles * cycle; count += 1) {
    const domain = domainOf(count);
    if (domain !== 'a.test') world.addDomain(domain, () => undefined);
    world.submit([`u${count}@${domain}`]);
    await world.runFor(100);
  }
  await world.runFor(30_000);
  const chosen = world.witness.records
    .filter(({ type }) => type === 'message.offered')
    .map(({ body }) => (JSON.parse(body) as { source: string }).source);
  assert.equal(chosen.length, first + cycles * cycle, 'each message was offered once');
  // Offers follow the choice, though not in its order: the whole is counted.
  const rotation = createRotation();
  const expected = weights.map((weight) => (cycles * weight) / step);
  for (let count = 0; count < first; count += 1) {
    const index = naivePick(weights, rotation);
    expected[index] = (expected[index] ?? 0) + 1;
  }
  const counts = names.map((name) => chosen.filter((source) => source === name).length);
  return { counts, expected };
}

test('and so is the mail of a queue', async () => {
  const property = fc.asyncProperty(worldPlay, async (play) => {
    const { counts, expected } = await countMail(play, () => 'a.test');
    assert.deepEqual(counts, expected);
  });
  await assertLaw(property, 0.2);
});

test('and so is the mail of queues with a message each', async () => {
  const property = fc.asyncProperty(worldPlay, async (play) => {
    const { counts, expected } = await countMail(play, (count) => `d${count}.test`);
    assert.deepEqual(counts, expected);
  });
  await assertLaw(property, 0.2);
});
