/**
 * Stories of operators' orders about many queues: what is in hand when a purge comes, orders that
 * a crash cuts short, rules that replace each other, rebinds that ask the policy. Deliberately
 * unknown here: HTTP, and the laws that hold over all histories (test/property).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Criteria } from '../../src/domain/admin-rules.ts';
import { RuleBook } from '../../src/domain/admin-rules.ts';
import { RuleIndex } from '../../src/domain/rule-index.ts';
import {
  accepting,
  answeringDotAfter,
  firstOf,
  judging,
  sayingAt,
} from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { START_AT } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const LATER = sayingAt('mail', '451 4.3.2 not now');
const submitMany = (world: World, count: number, domain = 'a.test'): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@${domain}`]);
};
const purge = (world: World, criteria: Criteria, ms = 300_000, isQuiet = false) => {
  const id = world.engine.allocateRuleId();
  const wish = { criteria, span: { ms }, why: 'no more', isQuiet };
  return world.command({ kind: 'purge.order', id, ...wish });
};
const suspend = (world: World, criteria: Criteria, ms: number, why = 'later') => {
  const id = world.engine.allocateRuleId();
  const wish = { about: { criteria }, span: { ms }, why };
  return world.command({ kind: 'suspension.place', id, ...wish });
};
const suspendReady = (world: World, source: string, ms: number) => {
  const id = world.engine.allocateRuleId();
  const wish = { about: { ready: `${source}->mx.a.test@smtp_client` }, span: { ms }, why: 'later' };
  return world.command({ kind: 'suspension.place', id, ...wish });
};

story('what a connection has in hand may finish; what comes back is bounced', {
  manners: { 'a.test': firstOf(judging, answeringDotAfter(10_000)), 'b.test': accepting },
  when: async (world) => {
    world.submit(['bad@a.test', 'u@a.test', 'later@a.test']);
    await world.runFor(3_000);
    purge(world, { domain: 'a.test' }, 60_000, true);
    world.submit(['u@b.test']);
    await world.runFor(59_000);
  },
  about: ['message.', 'purge.'],
  follows: [
    ['message.accepted'],
    ['message.offered'],
    ['purge.ordered', { domain: 'a.test', cause: 'no more', quiet: 1 }],
    ['message.accepted'],
    ['message.offered'],
    ['message.delivered', { to: ['u@b.test'] }],
    ['message.bounced', { to: ['bad@a.test'] }],
    ['message.delivered', { to: ['u@a.test'] }],
    ['message.deferred', { to: ['later@a.test'], attempts: 1 }],
    [
      'message.purged',
      {
        to: ['later@a.test'],
        index: [2],
        code: 551,
        enhanced: '5.7.1',
        text: 'Administrator bounced with reason: no more',
        quiet: 1,
      },
    ],
  ],
});

test('a purge cut short by a crash goes on, gives bodies back, and counts all', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const world = await World.start({ seed: 1, manners: { 'a.test': LATER } });
  await world.runFor(100);
  submitMany(world, 700);
  await world.runFor(200_000);
  const { books } = world.engine.core;
  assert.equal(books.rows.count, 700);
  const wish = purge(world, {});
  while (wish.answeredAt === undefined) world.step();
  const left = world.engine.core.books.rows.count;
  assert.ok(left > 0 && left < 700, `${left} are left when the order is durable`);
  await world.crash();
  await world.runFor(1_000);
  const { rows, ledger, rules } = world.engine.core.books;
  assert.deepEqual([rows.count, ledger.bounced], [0, 700]);
  assert.deepEqual([...([...rules.all()][0]?.counts ?? [])], [['a.test', 700]]);
  await world.runFor(300_000);
  assert.equal(world.engine.core.books.rules.size, 0);
});

test('queues that a lifting did not reach before a crash go on afterwards', async () => {
  const { World } = await import('../../src/testing/world/world.ts');
  const limits = { turnRecordsMax: 2, sweepLooksMax: 2 };
  const names = Array.from({ length: 9 }, (_, at) => `d${at}.test`);
  const manners = Object.fromEntries(names.map((name) => [name, accepting]));
  const world = await World.start({ seed: 1, limits, manners });
  await world.runFor(100);
  const wish = suspend(world, {}, 3_600_000);
  for (const name of names) submitMany(world, 1, name);
  await world.runFor(5_000);
  const states = () =>
    names.map((name) => world.engine.core.books.findQueue(name)?.state).filter(Boolean);
  assert.deepEqual([...new Set(states())], ['suspended']);
  const { id } = wish.command as { id: string };
  const lift = world.command({ kind: 'suspension.lift', id, isReady: false });
  while (lift.answeredAt === undefined) world.step();
  await world.crash();
  assert.ok(states().includes('suspended'), 'some were not reached');
  await world.runFor(5_000);
  assert.equal(world.engine.core.books.ledger.delivered, 9);
});

story('with every ready queue of the pool suspended mail rests until the earliest end', {
  when: async (world) => {
    for (const [at, source] of ['ip-1', 'ip-2', 'ip-3'].entries()) {
      suspendReady(world, source, 40_000 - at * 10_000);
    }
    await world.runFor(100);
    submitMany(world, 1);
    await world.runFor(1_000);
    const why = world.engine.explain({ kind: 'queue', name: 'a.test' });
    assert.ok(typeof why !== 'string');
    assert.deepEqual(
      why.reasons.map(({ name, until = 0 }) => [name, until - START_AT]),
      [
        ['resting', 20_100],
        ['ready queue suspended', 40_100],
        ['ready queue suspended', 30_100],
        ['ready queue suspended', 20_100],
      ],
    );
    await world.runFor(28_000);
  },
  about: ['queue.', 'suspension.ended', 'message.'],
  follows: [
    ['queue.opened'],
    ['message.accepted'],
    ['queue.routed'],
    ['queue.rested', { until: START_AT + 20_100 }],
    ['queue.woke'],
    ['suspension.ended'],
    ['message.offered', { source: 'ip-3', attempt: 1 }],
    ['message.delivered'],
  ],
});

story('a later suspension of the same queues takes the place of the earlier', {
  when: async (world) => {
    suspend(world, { domain: 'a.test' }, 600_000, 'long');
    submitMany(world, 1);
    await world.runFor(1_000);
    suspend(world, { domain: 'a.test' }, 5_000, 'short');
    await world.runFor(100);
    const why = world.engine.explain({ kind: 'queue', name: 'a.test' });
    const [first] = typeof why === 'string' ? [] : why.reasons;
    assert.deepEqual(first, {
      name: 'suspended',
      text: 'the queue is suspended: short',
      until: START_AT + 6_100,
    });
    await world.runFor(7_000);
  },
  about: ['queue.s', 'queue.res', 'suspension.', 'message.d'],
  follows: [
    ['suspension.placed', { domain: 'a.test', until: START_AT + 600_100, cause: 'long' }],
    ['queue.suspended', { cause: 'long' }],
    ['suspension.lifted'],
    ['suspension.placed', { cause: 'short' }],
    ['queue.suspended', { until: START_AT + 6_100, cause: 'short' }],
    ['queue.resumed'],
    ['suspension.ended'],
    ['message.delivered', { attempt: 1 }],
  ],
});

story('a rule whose end has passed does nothing', {
  when: async (world) => {
    const id = world.engine.allocateRuleId();
    const span = { until: START_AT - 1_000 };
    const wish = { criteria: {}, span, why: 'too late', isQuiet: false };
    world.command({ kind: 'purge.order', id, ...wish });
    submitMany(world, 1);
    await world.runFor(2_000);
  },
  about: ['purge.', 'message.d', 'message.purged'],
  follows: [['purge.ordered'], ['purge.ended'], ['message.delivered']],
});

story('a queue that is stopped by hand is held by a rule of its own', {
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(2_000);
    const until = world.now + 60_000;
    world.command({ kind: 'queue.suspend', queue: 'a.test', until, why: 'one' });
    await world.runFor(1_000);
    submitMany(world, 1);
    await world.runFor(1_000);
    world.command({ kind: 'queue.resume', queue: 'a.test' });
    await world.runFor(2_000);
    const again = world.command({ kind: 'queue.resume', queue: 'a.test' });
    await world.runFor(100);
    assert.equal(again.refusal?.text, 'queue a.test is not suspended');
    const wide = suspend(world, {}, 60_000);
    const own = world.command({ kind: 'queue.resume', queue: 'a.test' });
    await world.runFor(100);
    const { id } = wide.command as { id: string };
    assert.equal(own.refusal?.text, `queue a.test is suspended by the rule ${id}`);
  },
  about: ['queue.suspended', 'queue.resumed', 'suspension.', 'message.delivered'],
  follows: [
    ['message.delivered'],
    ['suspension.placed', { queue_names: ['a.test'], cause: 'one' }],
    ['queue.suspended'],
    ['suspension.lifted'],
    ['queue.resumed'],
    ['message.delivered', { attempt: 1 }],
    ['suspension.placed'],
  ],
});

story('a rebind asks the policy, tells readers as wished, and keeps schedules that stay', {
  plan: makePlan({ queue: { retry_interval: '20m', max_retry_interval: '20m' } }),
  manners: { 'a.test': LATER, 'b.test': LATER },
  handlers: {
    rebind_message: (message, data) => (message.domain === 'a.test' ? { tenant: data['to'] } : {}),
  },
  when: async (world) => {
    world.submit(['u@a.test']);
    world.submit(['u@b.test']);
    await world.runFor(10_000);
    const id = world.engine.allocateRuleId();
    const wish = { criteria: {}, data: { to: 'x' }, isFlush: false, isQuiet: true, why: 'why' };
    world.command({ kind: 'rebind.order', id, ...wish });
    await world.runFor(10_000);
  },
  about: ['rebind.', 'message.rebound', 'message.deferred'],
  follows: [
    ['message.deferred'],
    ['message.deferred'],
    ['rebind.ordered', { data: { to: 'x' }, cause: 'why', quiet: 1 }],
    ['message.rebound', { from: 'a.test', queue: 'x@a.test', cause: 'why', admin: 1, quiet: 1 }],
    ['rebind.finished', { moved: 1 }],
    ['message.deferred', { attempts: 2 }],
  ],
});

test('who holds for a queue is found once and kept until a rule comes or goes', () => {
  const book = new RuleBook();
  const index = new RuleIndex(book);
  const queue = { slot: 3, name: 'c:t@a.test' };
  assert.equal(index.verdictOf(queue).suspension, undefined);
  const rule = { until: 9, cause: '', ready: '', isQuiet: false, counts: new Map() };
  const add = (id: string, kind: 'suspension' | 'purge', criteria: Criteria, until: number) =>
    book.add({ ...rule, id, kind, criteria, until });
  add('tenant', 'suspension', { tenant: 't' }, 5);
  add('all', 'suspension', {}, 7);
  add('other', 'suspension', { domain: 'b.test' }, 99);
  add('lacking', 'purge', { routing_domain: 'x' }, 99);
  const verdict = index.verdictOf(queue);
  assert.deepEqual([verdict.suspension?.id, verdict.purge], ['all', undefined]);
  assert.equal(index.verdictOf(queue), verdict);
  add('named', 'purge', { queue_names: [queue.name], tenant: 'no' }, 3);
  assert.equal(index.verdictOf(queue).purge?.id, 'named');
  book.remove('all');
  assert.equal(index.verdictOf(queue).suspension?.id, 'tenant');
});
