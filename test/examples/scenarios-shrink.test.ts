/**
 * Story: a scenario of fourteen steps breaks a law, and what is shown is as small as it gets: no
 * step may be missing, values are round, and few runs were needed for it. The laws here look at the
 * scenario alone, so that each run costs nothing and all of them can be tried.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Material } from '../../src/testing/arbitrary.ts';
import { scenarios } from '../../src/testing/arbitrary.ts';
import type { Scenario, Step } from '../../src/testing/scenario.ts';

const MATERIAL: Material = {
  domains: ['a.test', 'b.test'],
  names: ['acme', 'spring'],
  headers: ['x-lane'],
  sources: ['ip-1', 'ip-2'],
};
/** A run of a policy takes some 30 ms: this is the second or two that a person waits gladly. */
const SHRINKS_MAX = 60;
const SEEDS = 40;

type Breaks = (scenario: Scenario) => boolean;

interface Shrunk {
  readonly scenario: Scenario;
  /** Runs after the first that failed. */
  readonly runs: number;
  readonly path: string;
}

async function shrink(breaks: Breaks, seed: number, path?: string): Promise<Shrunk> {
  let runs = -1;
  const property = fc.asyncProperty(scenarios(MATERIAL), async (scenario) => {
    const isBroken = breaks(scenario);
    if (isBroken || runs >= 0) runs += 1;
    assert.ok(!isBroken);
  });
  const given = path === undefined ? {} : { path };
  const details = await fc.check(property, { seed, numRuns: 1e6, ...given });
  const [scenario] = details.counterexample ?? [];
  assert.ok(scenario !== undefined && details.counterexamplePath !== null);
  return { scenario, runs, path: details.counterexamplePath };
}

/** Steps that answer these, in this order, with anything between. */
const inOrder =
  (...wanted: readonly ((step: Step) => boolean)[]): Breaks =>
  ({ steps }) => {
    let met = 0;
    for (const step of steps) if (wanted[met]?.(step) === true) met += 1;
    return met === wanted.length;
  };

const failing =
  (source: string) =>
  (step: Step): boolean =>
    step.do === 'source' && step.source === source && /unplumbed|flapping/.test(step.is);
const mailTo =
  (domain: string) =>
  (step: Step): boolean =>
    step.do === 'send' && step.to.some((one) => one.endsWith(`@${domain}`));
const waiting =
  (ms: number) =>
  (step: Step): boolean =>
    step.do === 'wait' && step.ms >= ms;

test('what breaks a law by three steps is shown by these three, with round values', async () => {
  const breaks = inOrder(failing('ip-2'), mailTo('b.test'), waiting(70));
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { scenario, runs, path } = await shrink(breaks, seed);
    assert.deepEqual(scenario.faults, undefined);
    assert.deepEqual(scenario.steps.slice(0, 2), [
      { do: 'source', source: 'ip-2', is: 'unplumbed' },
      { do: 'send', to: ['u@b.test'] },
    ]);
    const [, , wait] = scenario.steps;
    assert.ok(wait?.do === 'wait' && wait.ms <= 500 && scenario.steps.length === 3);
    assert.ok(runs <= SHRINKS_MAX, `seed ${seed}: ${runs} runs`);
    // The path leads straight to it.
    assert.deepEqual((await shrink(breaks, seed, path)).scenario, scenario);
  }
});

test('values that matter stay', async () => {
  const needs: readonly [Breaks, readonly Step[]][] = [
    [
      inOrder((step) => step.do === 'send' && (step.count ?? 1) > 7 && step.tenant === 'acme'),
      [{ do: 'send', to: ['u@a.test'], tenant: 'acme', count: 10 }],
    ],
    [
      inOrder((step) => step.do === 'receiver' && step.is === 'limiting' && step.count === 3),
      [{ do: 'receiver', domain: 'a.test', is: 'limiting', count: 3 }],
    ],
    [
      inOrder((step) => step.do === 'suspend source' && step.ms > 60_000),
      [{ do: 'suspend source', source: 'ip-1', ms: 300_000 }],
    ],
    [
      inOrder((step) => step.do === 'send' && step.to.some((one) => one.startsWith('bad@'))),
      [{ do: 'send', to: ['bad@a.test'] }],
    ],
  ];
  for (const [breaks, least] of needs) {
    const shapes = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { scenario, runs } = await shrink(breaks, seed);
      assert.equal(scenario.steps.length, 1, JSON.stringify(scenario));
      assert.equal(scenario.faults, undefined);
      assert.ok(runs <= SHRINKS_MAX, `${runs} runs`);
      const text = JSON.stringify(scenario.steps[0]);
      shapes.add(text.replaceAll('b.test', 'a.test').replaceAll('ip-2', 'ip-1'));
    }
    assert.ok(shapes.has(JSON.stringify(least[0])), `${JSON.stringify(least)}: ${[...shapes]}`);
  }
});

test('a fault of the network that matters is the only one that stays', async () => {
  const breaks: Breaks = ({ faults, steps }) => faults?.stall !== undefined && steps.length > 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { scenario } = await shrink(breaks, seed);
    assert.deepEqual(Object.keys(scenario.faults ?? {}), ['stall']);
    assert.equal(scenario.steps.length, 1);
  }
});

test('no step can be left out of what is shown', async () => {
  // Steps that belong together by threes and do not break anything in twos.
  const breaks: Breaks = ({ steps }) =>
    steps.filter(({ do: verb }) => verb === 'wait').length >= 2 &&
    steps.filter(({ do: verb }) => verb === 'send').length >= 3;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { scenario, runs } = await shrink(breaks, seed);
    assert.equal(scenario.steps.length, 5, JSON.stringify(scenario));
    for (const step of scenario.steps) {
      const least = step.do === 'wait' ? { ...step, ms: Math.min(Number(step.ms), 500) } : step;
      assert.deepEqual(step, least);
    }
    assert.ok(runs <= 2 * SHRINKS_MAX, `${runs} runs`);
  }
});
