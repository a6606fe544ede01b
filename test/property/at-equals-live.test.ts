/**
 * Law: for any history and any instant, what is rebuilt from the log answers what the running
 * engine answered then: queues, messages, sources, suspensions, rates, policy, and why something
 * waits; of ready queues and reasons the part that does not die with the process. The idea: the
 * engine is asked at random instants of a play, and each is rebuilt from the newest picture before
 * it, and from the beginning.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READY_HELD, showKeptReady } from '../../src/api/inspect-show.ts';
import { Past } from '../../src/forensics/past.ts';
import { Rebuild } from '../../src/forensics/rebuild.ts';
import { Chance } from '../../src/testing/world/chance.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { runPlays } from '../world/law.ts';
import { memoryPast } from '../world/memory-past.ts';
import type { Observation } from '../world/observing.ts';
import { Observer, withoutHeld } from '../world/observing.ts';

const INSTANTS_MAX = 12;
const SHARE_OF_STEPS = 0.03;

/** An answer without the fields of these dotted names. */
function without(answer: object, names: readonly string[]): object {
  const copy = structuredClone(answer) as Record<string, unknown>;
  for (const name of names) {
    const parts = name.split('.');
    const last = parts.pop() as string;
    let inner: unknown = copy;
    for (const part of parts) inner = (inner as Record<string, unknown>)[part];
    delete (inner as Record<string, unknown>)[last];
  }
  return copy;
}

function compare(past: Past, seen: Observation): void {
  const { at } = seen;
  for (const [by, top] of seen.tops) {
    // How many slots were looked at tells of a walk, not of the world.
    const then = past.top({ by, max: 50, prefix: '' });
    assert.deepEqual({ ...then, looks: 0 }, { ...top, looks: 0 }, `queues by ${by}`);
  }
  for (const look of seen.queues) {
    const then = past.queue(look?.name ?? '', 0);
    assert.deepEqual(then, { ...look, messages: [] }, look?.name);
  }
  for (const found of seen.messages) {
    const look = past.message(found?.id ?? '');
    assert.equal(look?.recipients.length, found?.left.length);
    assert.deepEqual([look?.dueAt, look?.attempts], [found?.dueAt, found?.attempts]);
  }
  for (const [name, look] of seen.ready) {
    const then = past.ready(name);
    assert.ok(then !== undefined && look !== undefined, name);
    assert.deepEqual(showKeptReady(then, at), without(look, READY_HELD), name);
  }
  assert.deepEqual(past.sources(), seen.sources);
  assert.deepEqual(past.suspended(), seen.suspended);
  assert.deepEqual(past.rates(), seen.rates);
  const rules = (['suspension', 'readySuspension', 'purge'] as const).flatMap((kind) => [
    ...past.rules(kind),
  ]);
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  assert.deepEqual(rules.sort(byId), [...seen.rules].sort(byId));
  const { engine, ledger } = past.overview();
  assert.deepEqual({ engine, ledger }, { engine: seen.engine, ledger: seen.ledger });
  for (const [subject, told] of seen.reasons) {
    assert.deepEqual(past.explain(subject), withoutHeld(told), `why ${subject.name}`);
  }
}

function judge(world: World, observer: Observer): void {
  const { records } = world.witness;
  for (const seen of observer.settled) {
    for (const pictures of [observer.pictures, []]) {
      const history = memoryPast(records, pictures);
      const rebuild = new Rebuild(history, seen.position).foldTo(seen.position);
      compare(new Past(history, rebuild, seen.at), seen);
    }
  }
}

/** Rates that are on record as they are used. */
const RATED = () => ({
  plan: makePlan({
    queue: { max_message_rate: '5/s' },
    path: { max_message_rate: '3/m', source_selection_rate: '20/s,max_burst=1' },
  }),
});

test('at equals live', async () => {
  let observer = new Observer(0);
  let chance = new Chance(0);
  let judged = 0;
  await runPlays(
    {
      begin: (world) => {
        observer = new Observer(INSTANTS_MAX);
        chance = new Chance(world.seed);
      },
      each: (world) => observer.look(world, chance.hits(SHARE_OF_STEPS)),
      end: async (world) => {
        await world.runFor(10_000, () => observer.look(world, chance.hits(SHARE_OF_STEPS)));
        judge(world, observer);
        judged += observer.settled.length;
      },
    },
    { hasFaults: true, hasCrashes: true, knobs: (seed) => (seed % 2 === 0 ? {} : RATED()) },
    1,
    () => judged > 0,
  );
  assert.ok(judged > 0, 'instants were judged');
});
