/**
 * The stories of a path and of a queue that the policy has never been able to say: mail waits, it
 * neither leaves nor bounces on a default that nobody chose. Knows no handler's text.
 */
import { makePlan } from '../../src/testing/world/policy.ts';
import { story } from '../world/story.ts';

story('a path handler that fails from the start defers, and mail leaves once it answers', {
  plan: makePlan({ queue: { retry_interval: '10s', max_retry_interval: '10s' } }),
  when: async (world) => {
    world.plan.failing = 'path';
    world.submit(['u@a.test']);
    await world.runFor(2_000);
    world.plan.failing = undefined;
    await world.runFor(60_000);
  },
  about: ['policy.faulted', 'path.', 'message.deferred', 'message.delivered', 'message.bounced'],
  follows: [
    ['message.deferred', { code: 451 }],
    ['policy.faulted'],
    ['path.configured'],
    ['message.delivered'],
  ],
});

story('a queue handler that fails from the start defers, and mail leaves once it answers', {
  plan: makePlan({}),
  when: async (world) => {
    world.plan.failing = 'queue';
    world.submit(['u@a.test']);
    await world.runFor(2_000);
    world.plan.failing = undefined;
    await world.runFor(30 * 60_000);
  },
  about: ['policy.faulted', 'queue.opened', 'queue.configured', 'message.'],
  follows: [
    ['queue.opened', { pool: '' }],
    ['message.accepted'],
    ['policy.faulted'],
    ['message.deferred', { code: 451 }],
    ['queue.configured'],
    ['message.offered'],
    ['message.delivered'],
  ],
});
