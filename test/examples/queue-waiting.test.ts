/**
 * Stories of a scheduled queue whose messages wait: for room, for peers that answer, for an
 * operator, for their envelopes. Each is one history, told in events. Deliberately unknown here:
 * the laws that hold over all histories (test/property).
 */
import assert from 'node:assert/strict';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { START_AT } from '../../src/testing/world/world.ts';
import { opened, story } from '../world/story.ts';

const ONE_SOURCE = { queue: { egress_pool: 'one' } };
const submitMany = (world: World, count: number): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@a.test`]);
};

let mostReady = 0;
story('what overflows max_ready waits in its queue, and no attempt is counted', {
  plan: makePlan({ ...ONE_SOURCE, path: { max_ready: 2 } }),
  when: async (world) => {
    submitMany(world, 6);
    await world.runFor(10_000, () => {
      for (const ready of world.engine.core.readyQueues.values()) {
        mostReady = Math.max(mostReady, ready.size);
      }
    });
  },
  about: ['message.d', 'message.returned'],
  follows: Array.from({ length: 6 }, () => ['message.delivered', { attempt: 1 }] as const),
  and: (world) => {
    assert.equal(mostReady, 2);
    const order = world.hostOf('a.test').exchanger.copies.map(({ to }) => to[0]);
    assert.deepEqual(
      order,
      Array.from({ length: 6 }, (_, at) => `u${at}@a.test`),
    );
  },
});

const NO_HOST = { code: 400, text: /failed to connect to any candidate hosts/ };
const BULK = { code: 451, text: /too many successive connection failures/ };
story('nobody answers so often in a row that the whole ready queue is put off', {
  plan: makePlan({
    ...ONE_SOURCE,
    path: { max_ready: 100, consecutive_connection_failures_before_delay: 2 },
  }),
  when: async (world) => {
    world.hostOf('a.test').answers = 'refused';
    submitMany(world, 8);
    await world.runFor(10_000);
  },
  about: ['message.d', 'message.offered'],
  follows: [
    ['message.deferred', NO_HOST],
    ['message.deferred', NO_HOST],
    ['message.deferred', NO_HOST],
    ...Array.from({ length: 5 }, () => ['message.deferred', BULK] as const),
  ],
});

story('a name that is not there defers, and mail goes when it is', {
  when: async (world) => {
    const mx = world.zone.mx.get('a.test');
    world.zone.mx.set('a.test', 'nxdomain');
    submitMany(world, 1);
    await world.runFor(10_000);
    if (mx !== undefined) world.zone.mx.set('a.test', mx);
    await world.runFor(60_000);
  },
  about: ['message.d', 'queue.'],
  follows: [
    ['queue.opened'],
    ['message.deferred', { code: 451, enhanced: '4.4.4', attempt: 1, text: /NXDOMAIN/ }],
    ['queue.routed', { hosts: ['mx.a.test'] }],
    ['message.delivered', { attempt: 2 }],
  ],
});

story('another answer of the policy is noted when the old one is too old', {
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(5_000);
    world.plan.queues[''] = { ...world.plan.queues[''], max_age: '2h' };
    submitMany(world, 1);
    await world.runFor(61_000);
    submitMany(world, 1);
    await world.runFor(5_000);
  },
  about: ['queue.', 'message.accepted'],
  follows: [
    ['queue.opened'],
    ['message.accepted'],
    ['queue.routed'],
    ['message.accepted'],
    // While it has rows in hand a queue is looked at with every round of housekeeping.
    ['queue.configured'],
    ['message.accepted'],
  ],
});

story('an empty queue is forgotten and comes back', {
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(620_000);
    assert.equal(world.engine.core.books.queueCount, 0);
    submitMany(world, 1);
    await world.runFor(5_000);
  },
  about: ['queue.', 'message.delivered'],
  follows: [
    ['queue.opened'],
    ['queue.routed'],
    ['message.delivered'],
    ['queue.retired'],
    ['queue.opened'],
    ['queue.routed'],
    ['message.delivered'],
  ],
});

story('a suspension outlives a restart and ends by time', {
  given: [
    opened('a.test'),
    {
      type: 'queue.suspended',
      stream: 'a.test',
      body: { until: START_AT + 90_000, cause: 'an operator' },
    },
  ],
  when: async (world) => {
    submitMany(world, 1);
    await world.runFor(80_000);
    assert.equal(world.witness.messages.size, 1);
    assert.equal(world.copiesOf('m0').length, 0);
    await world.runFor(20_000);
  },
  about: ['queue.resumed', 'message.d', 'message.offered'],
  follows: [['queue.resumed'], ['message.offered', { attempt: 1 }], ['message.delivered']],
});

let hottest = 0;
story('cold rows are drawn back from the log when their turn comes', {
  plan: makePlan({ ...ONE_SOURCE, path: { max_ready: 50 } }),
  limits: { hotRowsMax: 2, drawRowsMax: 2 },
  when: async (world) => {
    submitMany(world, 9);
    await world.runFor(15_000, () => {
      hottest = Math.max(hottest, world.engine.core.held.hotRows);
    });
  },
  about: ['message.d', 'message.quarantined'],
  follows: Array.from({ length: 9 }, () => ['message.delivered', { attempt: 1 }] as const),
  and: (world) => {
    assert.ok(hottest >= 2 && hottest <= 4, `${hottest} rows were hot`);
    assert.deepEqual(world.said, []);
  },
});
