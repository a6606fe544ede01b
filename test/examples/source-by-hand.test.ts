/**
 * Stories of suspensions that are placed, moved, lifted or made longer: by an operator, by a
 * failure in flight, one in place of another. Deliberately unknown here: how a rule fires.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { START_AT, World as Worlds } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const RULE = { duration: '5m' };

const countOf = (list: readonly { source: string; label: string; value: number }[]): string =>
  list.map(({ source, label, value }) => `${source} ${label} ${value}`).join(', ');

story('a source that nobody has used yet is suspended by hand', {
  when: async (world) => {
    const until = START_AT + 60_000;
    const known = world.command({ kind: 'source.suspend', source: 'ip-3', until, why: 'new' });
    const not = world.command({ kind: 'source.suspend', source: 'ip-7', until, why: 'new' });
    const free = world.command({ kind: 'source.resume', source: 'ip-2' });
    await world.runFor(1_000);
    assert.equal(known.refusal, undefined);
    assert.match(not.refusal?.text ?? '', /there is no source ip-7/);
    assert.match(free.refusal?.text ?? '', /source ip-2 is not suspended/);
    assert.deepEqual(world.engine.sources.suspended(), [
      { source: 'ip-3', reason: 'Operator', cause: 'new', until },
    ]);
    await world.runFor(60_000);
  },
  about: ['source.'],
  follows: [
    ['source.opened'],
    ['source.suspended', { reason: 'Operator', cause: 'new' }],
    ['source.opened'],
    ['source.resumed'],
  ],
});

const FAULT = { code: 'FAULT_PROXY_UNREACHABLE', cause: 'told to', retryable: true } as const;

/** One source behind a broken proxy, and mail for it. */
async function startBroken(): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'one' } });
  plan.sources['ip-1'] = { source_address: '192.0.2.1', suspend_when_proxy_unhealthy: RULE };
  const world = await Worlds.start({ seed: 3, plan });
  world.net.broken.breakProxy('192.0.2.1');
  await world.runFor(100);
  return world;
}

/** A failure as a connection tells it that was already being made. */
async function failInFlight(world: World): Promise<void> {
  const { core } = world.engine;
  const rules = { suspend_when_proxy_unhealthy: { trigger: 'Immediate', duration: 300_000 } };
  const fault = { ...FAULT, where: '198.51.100.1:25' };
  assert.ok(core.health.note('ip-1', rules as never, fault, world.now));
  core.turns.push({ kind: 'sourceTripped', source: 'ip-1' });
  await world.runFor(100);
}

const told = (world: World): { at: number; until: number }[] =>
  world.witness.records
    .filter(({ type }) => type === 'source.suspended')
    .map(({ at, body }) => ({ at, ...(JSON.parse(body) as { until: number }) }));

test('a failure in flight makes the suspension longer, which counts as the same', async () => {
  const world = await startBroken();
  world.submit(['u@a.test']);
  await world.runFor(10_000);
  await failInFlight(world);
  const untils = told(world).map(({ at, until }) => until - at);
  assert.deepEqual(untils, [300_000, 300_000], 'each is an event');
  const { suspensions, suspended } = world.engine.sources.meters();
  assert.equal(countOf(suspensions), 'ip-1 ProxyUnhealthy 1');
  assert.equal(countOf(suspended), 'ip-1 ProxyUnhealthy 1');
  assert.equal(world.engine.sources.suspended()[0]?.until, told(world)[1]?.until);
  assert.equal(world.said.filter((line) => line.startsWith('warn')).length, 1);
  const first = told(world)[0]?.until ?? 0;
  world.net.broken.mend('192.0.2.1');
  await world.run(first + 5_000);
  assert.equal(world.copiesOf('m0').length, 0, 'the first end is none any more');
  await world.run((told(world)[1]?.until ?? 0) + 1_500);
  assert.equal(world.copiesOf('m0').length, 1);
});

test('the latest reason wins', async () => {
  const world = await startBroken();
  world.submit(['u@a.test']);
  await world.runFor(1_000);
  const until = world.now + 5_000;
  world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'looking at it' });
  await world.runFor(100);
  const { suspensions, suspended } = world.engine.sources.meters();
  assert.equal(countOf(suspensions), 'ip-1 ProxyUnhealthy 1, ip-1 Operator 1');
  assert.equal(countOf(suspended), 'ip-1 Operator 1, ip-1 ProxyUnhealthy 0');
  await world.runFor(6_000);
  assert.deepEqual(
    world.said.filter((line) => line.startsWith('info')),
    ['info: egress source suspension cleared: source ip-1, reason Operator'],
  );
  assert.equal(told(world).length, 3, 'and the next failure suspends anew');
});

test('a rule does not cut short what an operator wants', async () => {
  const world = await startBroken();
  const until = world.now + 3_600_000;
  world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'for an hour' });
  await world.runFor(100);
  await failInFlight(world);
  const cause = 'for an hour';
  assert.deepEqual(world.engine.sources.suspended(), [
    { source: 'ip-1', reason: 'Operator', cause, until },
  ]);
  assert.equal(told(world).length, 1);
});
