/**
 * Stories of a policy that changes while mail flows: what follows at once, what by its interval,
 * what stays when a handler fails. Deliberately unknown here: files, versions, who noticed the
 * change (those are the manager's).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusing, sayingAt } from '../../src/testing/world/manners.ts';
import type { PolicyPlan } from '../../src/testing/world/policy.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const EPOCH = { refresh_strategy: 'Epoch' };
const epochPlan = (queue: object = {}, path: object = {}): PolicyPlan =>
  makePlan({ queue: { ...EPOCH, ...queue }, path: { ...EPOCH, ...path } });
const change = (world: World, options: object): void => {
  world.plan.queues[''] = { ...world.plan.queues[''], ...options };
};
const submitMany = (world: World, count: number, domain = 'a.test'): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@${domain}`]);
};
const busy = { 'a.test': sayingAt('mail', '451 4.3.2 not now') };

story('an Epoch queue never asks by time, and follows a bump at once without being used', {
  plan: epochPlan(),
  manners: busy,
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(10_000);
    change(world, { max_retry_interval: '6m' });
    await world.runFor(130_000);
    assert.equal(world.engine.core.books.engine.epoch, 0);
    world.bumpEpoch();
    await world.runFor(100);
  },
  about: ['policy.activated', 'queue.', 'message.deferred'],
  follows: [
    ['queue.opened'],
    ['queue.routed'],
    ['message.deferred'],
    ['message.deferred'],
    ['policy.activated', { epoch: 1, version: 0, reason: 'a bump' }],
    ['queue.configured'],
  ],
});

story('a Ttl path asks again once its interval is over, and not before', {
  plan: makePlan({ queue: { egress_pool: 'one' }, path: { refresh_interval: '30s' } }),
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(1_000);
    world.plan.paths[''] = { ...world.plan.paths[''], max_ready: 9 };
    await world.runFor(28_000);
    submitMany(world, 1);
    await world.runFor(2_000);
    submitMany(world, 1);
    await world.runFor(2_000);
  },
  about: ['path.', 'message.delivered'],
  follows: [
    ['path.configured'],
    ['message.delivered'],
    ['message.delivered'],
    ['path.configured'],
    ['message.delivered'],
  ],
});

test('a version in force is durable when it is confirmed, and known after a restart', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const world = await World.start({ seed: 1, plan: epochPlan() });
  await world.runFor(100);
  let confirmed: number | undefined;
  world.usePolicy(() => {
    confirmed = world.store.records.findLast((one) => one?.type === 'policy.activated')?.position;
  });
  await world.runFor(100);
  assert.ok(confirmed !== undefined, 'the activation was durable when it was confirmed');
  const starts = () => world.witness.records.filter(({ type }) => type === 'policy.activated');
  assert.equal(starts().length, 2, 'the first start, and the act');
  await world.crash();
  await world.runFor(100);
  assert.equal(starts().length, 2, 'the same version after a restart is no news');
  assert.equal(world.engine.core.books.engine.policyVersion, 1);
});

test('a live ready queue takes a changed source: its idle connection ends', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const plan = epochPlan({ egress_pool: 'one' }, { idle_timeout: '5m' });
  const world = await World.start({ seed: 1, plan });
  await world.runFor(100);
  submitMany(world, 1);
  await world.runFor(2_000);
  assert.equal(world.net.links.size, 1, 'the connection waits for more');
  world.plan.sources['ip-1'] = { source_address: '192.0.2.77', ehlo_domain: 'new.test' };
  world.bumpEpoch();
  await world.runFor(2_000);
  assert.equal(world.net.links.size, 0, 'it was made from the old address');
  submitMany(world, 1);
  await world.runFor(2_000);
  assert.deepEqual(
    world.net.dialled.map(({ from }) => from),
    ['192.0.2.1', '192.0.2.77'],
  );
  const copies = [...world.mails.keys()].flatMap((mark) => world.copiesOf(mark));
  assert.deepEqual(
    copies.map(({ ehlo }) => ehlo),
    ['waybill.test', 'new.test'],
  );
  world.bumpEpoch();
  await world.runFor(1_000);
  assert.equal(world.net.links.size, 1, 'a bump that changes nothing ends no connection');
});

test('a smaller max_ready sends the rest back from the tail, without an attempt', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const plan = epochPlan({ egress_pool: 'one' }, { max_ready: 20, connect_timeout: '60s' });
  const world = await World.start({ seed: 1, plan });
  world.hostOf('a.test').answers = 'never';
  await world.runFor(100);
  submitMany(world, 20);
  await world.runFor(2_000);
  const [ready] = world.engine.core.readyQueues.values();
  assert.equal(ready?.size, 20);
  const first = ready?.rows.peek(4, world.engine.core.held.isGood);
  world.plan.paths[''] = { ...world.plan.paths[''], max_ready: 4 };
  world.bumpEpoch();
  await world.runFor(100);
  assert.equal(ready?.size, 4);
  assert.deepEqual(ready?.rows.peek(4, world.engine.core.held.isGood), first, 'the head stays');
  const attempts = world.engine.core.books.rows.columns.attempts;
  assert.ok([...attempts.slice(0, 20)].every((count) => count === 0));
  world.hostOf('a.test').answers = 'open';
  await world.runFor(600_000);
  assert.equal(world.engine.core.books.rows.count, 0);
});

story('a changed mx_list moves the rows that were ready for the old place', {
  plan: epochPlan({ egress_pool: 'one' }, { connect_timeout: '1h' }),
  when: async (world) => {
    world.hostOf('a.test').answers = 'never';
    submitMany(world, 3);
    await world.runFor(2_000);
    change(world, { protocol: { smtp: { mx_list: ['mx.b.test'] } } });
    world.bumpEpoch();
    await world.runFor(5_000);
  },
  about: ['path.', 'message.d'],
  follows: [
    ['path.configured'],
    ['path.configured'],
    ['message.delivered', { attempt: 1, site: 'mx_list:mx.b.test' }],
    ['message.delivered', { attempt: 1 }],
    ['message.delivered', { attempt: 1 }],
  ],
});

test('the round robin goes on after a refresh that changes but order and zeros', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const shares = async (bump: (world: World) => void): Promise<string[]> => {
    const world = await World.start({ seed: 1, plan: epochPlan() });
    await world.runFor(100);
    const sources: string[] = [];
    for (let count = 0; count < 12; count += 1) {
      submitMany(world, 1);
      await world.runFor(3_000);
      bump(world);
      await world.runFor(100);
    }
    for (const { type, body } of world.witness.records) {
      if (type === 'message.delivered')
        sources.push((JSON.parse(body) as { source: string }).source);
    }
    return sources;
  };
  const entries = makePlan().pools['three'] ?? [];
  const usual = await shares(() => {});
  const turned = await shares((world) => {
    const [first, ...rest] = world.plan.pools['three'] ?? [];
    const zero = { name: 'ip-9', weight: 0 };
    const more = rest.filter(({ weight }) => weight > 0);
    world.plan.pools['three'] = [zero, ...more, first?.weight === 0 ? more[0] : first].filter(
      (entry, at, all) => entry !== undefined && all.indexOf(entry) === at,
    ) as typeof entries;
    if (world.plan.pools['three']?.length !== 4) world.plan.pools['three'] = [zero, ...entries];
    world.bumpEpoch();
  });
  assert.deepEqual(turned, usual);
  assert.deepEqual(usual.filter((name) => name === 'ip-1').length, 6);
});

test('a handler that fails leaves what is in force, is told, and is asked again', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const world = await World.start({ seed: 1, plan: epochPlan(), manners: busy });
  await world.runFor(100);
  submitMany(world, 1);
  await world.runFor(2_000);
  const { core } = world.engine;
  const answer = () => core.books.findQueue('a.test')?.answer;
  const before = answer();
  change(world, { max_retry_interval: '9m' });
  world.plan.failing = 'queue';
  world.bumpEpoch();
  await world.runFor(5_000);
  assert.equal(answer(), before);
  assert.ok(core.tallies.refreshesFailed > 0);
  const faults = world.witness.records.filter(({ type }) => type === 'policy.faulted');
  assert.match(faults[0]?.body ?? '', /get_queue_config failed for a\.test/);
  assert.ok(world.said.some((text) => /^error: policy: .*get_queue_config/.test(text)));
  world.plan.failing = undefined;
  await world.runFor(16_000);
  assert.notEqual(answer(), before, 'asked again within ten seconds, without another bump');
});

story('the answer to an attempt is judged by the schedule in force when it comes', {
  plan: epochPlan({ retry_interval: '30m', max_retry_interval: '30m' }),
  limits: { sweepAsksMax: 0 },
  manners: {
    'a.test': ({ stage }) => (stage === 'mail' ? { say: '451 later', afterMs: 5_000 } : undefined),
  },
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(2_000);
    change(world, { retry_interval: '40s' });
    world.bumpEpoch();
    await world.runFor(60_000);
  },
  about: ['queue.configured', 'message.deferred'],
  follows: [['queue.configured'], ['message.deferred'], ['message.deferred']],
});

story('a queue whose sources all rest wakes when its pool gets another', {
  plan: epochPlan({ egress_pool: 'one' }),
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(2_000);
    const until = world.now + 600_000;
    world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'a wish' });
    await world.runFor(1_000);
    submitMany(world, 1);
    await world.runFor(2_000);
    change(world, { egress_pool: 'two' });
    world.bumpEpoch();
    await world.runFor(2_000);
  },
  about: ['queue.rested', 'queue.woke', 'queue.configured', 'message.delivered'],
  follows: [
    ['message.delivered', { source: 'ip-1' }],
    ['queue.rested'],
    ['queue.configured'],
    ['queue.woke'],
    ['message.delivered', { source: 'ip-2' }],
  ],
});

story('a shorter life ends those who wait for later, without being due', {
  plan: epochPlan({ retry_interval: '50m', max_retry_interval: '50m', max_age: '2h' }),
  manners: { 'a.test': refusing },
  when: async (world) => {
    world.hostOf('a.test').exchanger.manner = sayingAt('mail', '451 4.3.2 not now');
    submitMany(world, 2);
    await world.runFor(600_000);
    change(world, { max_age: '5m' });
    world.bumpEpoch();
    await world.runFor(1_000);
  },
  about: ['message.deferred', 'message.expired'],
  follows: [
    ['message.deferred'],
    ['message.deferred'],
    ['message.expired', { text: /exceeds max_age=5m/ }],
    ['message.expired'],
  ],
});

story('a source that left the policy is retired, and what was ready for it goes elsewhere', {
  plan: epochPlan({ egress_pool: 'one' }, { connect_timeout: '1h' }),
  when: async (world) => {
    world.hostOf('a.test').answers = 'never';
    submitMany(world, 2);
    await world.runFor(2_000);
    world.hostOf('a.test').answers = 'open';
    world.plan.pools['one'] = [{ name: 'ip-2', weight: 1 }];
    delete world.plan.sources['ip-1'];
    world.bumpEpoch();
    await world.runFor(5_000);
  },
  about: ['source.retired', 'message.d', 'policy.faulted'],
  follows: [
    ['source.retired'],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
  ],
});
