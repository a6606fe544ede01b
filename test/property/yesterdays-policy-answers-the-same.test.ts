/**
 * Law: whatever the log says the policy decided, the version that was in force decides again when
 * it is asked what the log recorded; and a version in which one answer is another differs in the
 * decisions on that answer and in no other.
 * Deliberately unknown here: stores, threads and the command (test/examples/replay-policy).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskVersion } from '../../src/cli/replay-compare.ts';
import { replayDecisions } from '../../src/cli/replay-compare.ts';
import { decode } from '../../src/events/codec.ts';
import type { Collected } from '../../src/forensics/replay-decisions.ts';
import { DECIDING, DecisionCollector } from '../../src/forensics/replay-decisions.ts';
import { askRecorded } from '../../src/manager/policy-recorded.ts';
import type { Policy } from '../../src/policy/define.ts';
import { makePolicy } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { policyActs } from '../world/acts.ts';
import { runPlays } from '../world/law.ts';

const collect = (world: World): Collected => {
  const collector = new DecisionCollector({ from: 0, upto: Number.MAX_SAFE_INTEGER });
  for (const record of world.witness.records) {
    if (DECIDING.has(record.type)) collector.take(decode(record), record);
  }
  return collector.collected();
};

const askWith =
  (find: (version: number) => Policy | undefined): AskVersion =>
  async (version, questions) => {
    const policy = find(version);
    if (policy === undefined) return undefined;
    const loaded = { number: version, hash: '', policy, setup: {} as never, file: '', source: '' };
    return askRecorded({ ...loaded, findPlace: () => '' }, questions);
  };

// Version 0 changes under the engine's feet.
const versionOf = (world: World, number: number) =>
  number === 0 ? undefined : world.policies.versions[number];

const judged = { decisions: 0, differences: 0 };

async function judge(world: World): Promise<void> {
  const collected = collect(world);
  const same = await replayDecisions(
    collected,
    askWith((number) => {
      const version = versionOf(world, number);
      return version && makePolicy(version);
    }),
  );
  assert.deepEqual([same.different, same.samples], [0, []]);
  judged.decisions += same.asked;
  await judgeChanged(world, collected);
}

/** Another source of the same pools: only what was decided on that source may differ. */
async function judgeChanged(world: World, collected: Collected): Promise<void> {
  const changed = await replayDecisions(
    collected,
    askWith((number) => {
      const version = versionOf(world, number);
      if (version === undefined) return undefined;
      const { plan } = version;
      const sources = { ...plan.sources, 'ip-2': { source_address: '192.0.2.99' } };
      return makePolicy({ ...version, plan: { ...plan, sources } });
    }),
  );
  const wanted = collected.decisions.filter(({ question, version }) => {
    const { plan } = versionOf(world, version) ?? {};
    const isAsked = plan !== undefined && plan.failing !== 'source';
    return isAsked && question.kind === 'source' && question.name === 'ip-2';
  });
  const wantedAt = wanted.map(({ position }) => position);
  assert.deepEqual(
    changed.samples.map(({ position }) => position),
    wantedAt,
  );
  judged.differences += wanted.length;
}

test('the policy of then decides as it did then', () =>
  runPlays(
    { each: () => {}, end: judge },
    { hasFaults: true, hasCrashes: true },
    0.5,
    () => judged.decisions > 0,
  ));

test('another answer differs where it was given, and nowhere else', () =>
  runPlays(
    { each: () => {}, end: judge },
    { hasFaults: false, hasCrashes: false, acts: policyActs },
    0.5,
    () => judged.differences > 0,
  ));
