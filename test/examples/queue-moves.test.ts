/**
 * Stories of messages that the policy holds back or moves: rates on the way into a ready queue,
 * requeue_message, rebind_message and the operator's command. Deliberately unknown here: who wrote
 * the policy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageView } from '../../src/domain/policy-asker.ts';
import { sayingAt } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const ONE = makePlan({ queue: { egress_pool: 'one' } });
const LATER = sayingAt('mail', '451 4.3.2 not now');
const submitMany = (world: World, count: number): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@a.test`]);
};
const deliveredAt = (world: World): number[] =>
  world.witness.records
    .filter(({ type }) => type === 'message.delivered')
    .map(({ at }) => Math.round((at - START_AT) / 1_000));

test('a message over its rate waits for its turn, and no attempt is counted', async () => {
  const seen: MessageView[] = [];
  const world = await World.start({
    seed: 1,
    plan: ONE,
    handlers: {
      throttle_insert_ready_queue: (message) => {
        seen.push(message);
        return [{ name: `to-${message.domain}`, rate: '2/m' }];
      },
    },
  });
  await world.runFor(100);
  submitMany(world, 5);
  await world.runFor(200_000);
  assert.deepEqual(deliveredAt(world), [0, 0, 30, 60, 90]);
  assert.ok(Object.isFrozen(seen[0]));
  assert.deepEqual(
    { ...seen[0], id: '', created_at: 0, body_bytes: 0 },
    {
      id: '',
      queue: 'a.test',
      domain: 'a.test',
      tenant: undefined,
      campaign: undefined,
      routing_domain: undefined,
      num_attempts: 0,
      created_at: 0,
      body_bytes: 0,
      meta: undefined,
    },
  );
  const attempts = world.witness.records.filter(({ type }) => type === 'message.deferred');
  assert.equal(attempts.length, 0);
  assert.equal(world.engine.core.tallies.throttled, 3);
});

test('rates of a handler that fails hold nobody back', async () => {
  const world = await World.start({
    seed: 1,
    plan: ONE,
    handlers: { throttle_insert_ready_queue: () => [{ name: 'x', rate: 'often' }] },
  });
  await world.runFor(100);
  submitMany(world, 2);
  await world.runFor(5_000);
  assert.equal(deliveredAt(world).length, 2);
  assert.match(world.said.join('\n'), /throttle_insert_ready_queue: rate: .*'often'/);
});

const heard: unknown[] = [];
story('requeue_message moves a deferred message: attempts stay, and it goes at once', {
  plan: ONE,
  manners: { 'a.test': LATER, 'b.test': () => undefined },
  handlers: {
    requeue_message: (message, response, context, isAttempt, delayMs) => {
      heard.push([message.queue, response, context, isAttempt, typeof delayMs]);
      return message.num_attempts === 0 ? undefined : { tenant: 'slow', routing_domain: 'b.test' };
    },
  },
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(100_000);
  },
  about: ['message.d', 'message.rebound', 'queue.opened'],
  follows: [
    ['queue.opened'],
    ['message.deferred', { attempts: 1 }],
    ['message.deferred', { attempts: 2 }],
    ['queue.opened'],
    ['message.rebound', { from: 'a.test', queue: 'slow@a.test!b.test', cause: 'requeue_message' }],
    ['message.delivered', { attempt: 3, site: 'mx.b.test' }],
  ],
  and: (world) => {
    const response = '451 4.3.2 not now';
    const all = ['a.test', response, ['LoggedTransientFailure'], true, 'number'];
    assert.deepEqual(heard, [all, all]);
    const opened = world.witness.records.filter(({ type }) => type === 'queue.opened');
    assert.deepEqual(
      opened.map(({ stream }) => stream),
      ['a.test', 'slow@a.test!b.test'],
    );
  },
});

story('requeue_message may give the next attempt a time of its own', {
  plan: ONE,
  manners: { 'a.test': LATER },
  handlers: { requeue_message: () => ({ delay: '20s' }) },
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(50_000);
  },
  about: ['message.deferred'],
  follows: [['message.deferred'], ['message.deferred'], ['message.deferred']],
});

test('behind its expiry nothing waits: it ends at once, in another queue in time', async () => {
  const ends: number[][] = [];
  for (const move of [{ delay: '2h' }, { delay: '2h', tenant: 'slow' }]) {
    for (const expires of [undefined, START_AT + 600_000]) {
      const world = await World.start({
        seed: 1,
        plan: ONE,
        manners: { 'a.test': LATER },
        handlers: { requeue_message: () => move },
      });
      await world.runFor(100);
      world.submit(['u@a.test'], 200, expires === undefined ? {} : { schedule: { expires } });
      await world.runFor(4_000_000);
      const expired = world.witness.records.filter(({ type }) => type === 'message.expired');
      ends.push(expired.map(({ at }) => Math.round((at - START_AT) / 1_000)));
    }
  }
  assert.deepEqual(ends, [[0], [0], [3_600], [600]]);
});

story('an operator moves one message, and flushes another without moving it', {
  plan: ONE,
  manners: { 'a.test': LATER, 'b.test': () => undefined },
  when: async (world) => {
    submitMany(world, 2);
    await world.runFor(5_000);
    const [one, two] = [...world.mails.values()].map(({ messages }) => messages[0]?.id as string);
    const move = { routing_domain: 'b.test', campaign: 'c', tenant: 't' };
    world.command({ kind: 'message.rebind', which: { id: one as string }, move, why: 'a wish' });
    await world.runFor(5_000);
    const which = { id: two as string };
    world.command({ kind: 'message.rebind', which, isFlush: true, why: 'now' });
    await world.runFor(1_000);
    world.command({ kind: 'message.rebind', which: { id: one as string }, move, why: 'late' });
    world.command({ kind: 'message.rebind', which, data: { a: 'b' }, why: 'no handler' });
    await world.runFor(100);
    const refusals = world.wishes.map(({ refusal }) => refusal?.text ?? '');
    assert.deepEqual(refusals.slice(0, 2), ['', '']);
    assert.match(refusals[2] ?? '', /is not queued here/);
    assert.match(refusals[3] ?? '', /rebind_message/);
  },
  about: ['message.d', 'message.rebound'],
  follows: [
    ['message.deferred'],
    ['message.deferred'],
    ['message.rebound', { from: 'a.test', queue: 'c:t@a.test!b.test', cause: 'a wish' }],
    ['message.delivered', { attempt: 2 }],
    ['message.rebound', { from: 'a.test', queue: 'a.test', cause: 'now' }],
    ['message.deferred', { attempts: 2 }],
  ],
});

test('rebind_message moves a queue, some messages a turn', async () => {
  const world = await World.start({
    seed: 1,
    plan: ONE,
    manners: { 'a.test': LATER },
    handlers: {
      rebind_message: (message, data) =>
        message.body_bytes > 300 ? undefined : { tenant: data['to'] ?? '' },
    },
  });
  await world.runFor(100);
  submitMany(world, 600);
  world.submit(['big@a.test'], 3_000);
  await world.runFor(120_000);
  assert.equal(world.engine.core.books.findQueue('a.test')?.count, 601);
  const wish = world.command({
    kind: 'message.rebind',
    which: { queue: 'a.test' },
    data: { to: 'x' },
    why: 'a wish',
  });
  await world.runFor(60);
  assert.equal(wish.answeredAt === undefined, false);
  const { books } = world.engine.core;
  const moved = books.findQueue('x@a.test')?.count ?? 0;
  assert.ok(moved > 300, `${moved} moved; those a connection had just then were not`);
  assert.equal(moved + (books.findQueue('a.test')?.count ?? 0), 601);
  await world.crash();
  await world.runFor(1_000);
  assert.equal(world.engine.core.books.findQueue('x@a.test')?.count, moved);
});
