/**
 * Story: ten mistakes are planted in a policy that is in order, one at a time; a check finds each,
 * by the law that it breaks, with a counterexample of at most ten steps that names the culprit, and
 * finds nothing in the policy without them. The one idea: a check that finds no planted mistake
 * finds no other. How long each took is printed, not judged: machines differ.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import type { Checked } from '../../src/testing/testing.ts';
import {
  checkPolicy,
  findBroken,
  laws,
  loadPolicy,
  simulate,
  tenantsKeepToTheirPools,
} from '../../src/testing/testing.ts';
import type { Mistake } from './planted-policy.ts';
import { MISTAKES, writePlanted } from './planted-policy.ts';

const STEPS_MAX = 10;
/** What was found is made small in so many runs; machines differ in what one of them takes. */
const SHRINKS_MAX = 80;
/** By the clock on the wall, which a busy machine stretches; a quiet one needs a tenth of it. */
const SECONDS = 240;
const JUDGED = [...laws, tenantsKeepToTheirPools({ acme: ['acme-pool'] })];

interface Told {
  readonly checked: Checked;
  readonly cpuS: number;
  /** Of the runs, those to make it smaller. */
  readonly shrinks: number;
}

async function check(parts: Mistake['parts'], seconds: number, seed = 1): Promise<Told> {
  const file = await writePlanted(parts);
  try {
    const policy = await loadPolicy(file);
    assert.deepEqual(policy.refusals, [], 'the loader sees nothing of it');
    const began = process.cpuUsage();
    let shrinks = 0;
    const onRun = (_: number, isShrinking: boolean): void => {
      if (isShrinking) shrinks += 1;
    };
    const checked = await checkPolicy(policy, { seconds, seed, laws: JUDGED, onRun });
    const { user, system } = process.cpuUsage(began);
    return { checked, shrinks, cpuS: (user + system) / 1e6 };
  } finally {
    await rm(dirname(file), { recursive: true });
  }
}

test('a policy in order is found in order, and wholly reached', async () => {
  const { counterexample, reached, runs } = (await check({}, 10)).checked;
  assert.equal(counterexample?.breach.says, undefined);
  assert.ok(runs > 1);
  for (const name of ['main', 'acme-pool']) assert.ok(reached.pools.has(name), name);
});

test('mail of queues that had been let go is seen to end', async () => {
  const file = await writePlanted({});
  try {
    const steps = [
      { do: 'send', to: ['u@bulk.example', 'u@a.test'], campaign: 'ip-1' },
      { do: 'wait', ms: 508_414 },
      { do: 'suspend source', source: 'ip-2', ms: 332_208 },
      { do: 'wait', ms: 91_486 },
    ] as const;
    const result = await simulate(await loadPolicy(file), { steps: [...steps] }, { seed: 1 });
    assert.equal(findBroken(result, JUDGED)?.breach.says, undefined);
  } finally {
    await rm(dirname(file), { recursive: true });
  }
});

for (const mistake of MISTAKES) {
  test(`found: ${mistake.what}`, async (t) => {
    const { checked, cpuS, shrinks } = await check(mistake.parts, SECONDS);
    const { counterexample: found, runs } = checked;
    assert.ok(found !== undefined, 'a law is broken');
    const { law, breach, scenario, seed, result } = found;
    t.diagnostic(`${scenario.steps.length} steps, ${runs} runs, ${cpuS.toFixed(1)} s`);
    assert.equal(law.name, mistake.law);
    assert.match(breach.says, mistake.names);
    assert.ok(scenario.steps.length <= STEPS_MAX, `${scenario.steps.length} steps`);
    assert.ok(shrinks <= SHRINKS_MAX, `${shrinks} runs to make it smaller`);
    // What was printed is what happens again.
    const again = await simulate(result.observed.policy, scenario, { seed });
    assert.equal(again.log(), result.log());
    assert.equal(findBroken(again, [law])?.breach.says, breach.says);
  });
}
