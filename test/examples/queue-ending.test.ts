/**
 * Stories of how messages end, or fail to: refused for good, too old, cut, cancelled, and several
 * recipients with a fate each. Each is one history, told in events.
 * Deliberately unknown here: the laws that hold over all histories (test/property).
 */
import assert from 'node:assert/strict';
import {
  answeringDotAfter,
  firstOf,
  judging,
  silentAt,
  takingFew,
} from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const ONE_SOURCE = { queue: { egress_pool: 'one' } };
const submitOne = (world: World): void => {
  world.submit(['u@a.test']);
};

story('a null MX bounces at once', {
  when: async (world) => {
    world.zone.mx.set('a.test', 'nullMx');
    submitOne(world);
    await world.runFor(5_000);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    ['message.bounced', { code: 556, enhanced: '5.1.10', index: [0] }],
  ],
});

story('an attempt under way may end within the grace after expiry', {
  plan: makePlan({ queue: { egress_pool: 'one', max_age: '10s' } }),
  limits: { expiryGraceMs: 8_000 },
  manners: { 'a.test': answeringDotAfter(14_000) },
  when: async (world) => {
    submitOne(world);
    await world.runFor(30_000);
  },
  about: ['message.'],
  follows: [['message.accepted'], ['message.offered'], ['message.delivered', { text: 'taken' }]],
});

story('past the grace it is cut, of unknown outcome, and expires', {
  plan: makePlan({ queue: { egress_pool: 'one', max_age: '10s' } }),
  limits: { expiryGraceMs: 5_000 },
  manners: { 'a.test': silentAt('dot') },
  when: async (world) => {
    submitOne(world);
    await world.runFor(16_000);
    assert.equal(world.net.links.size, 0);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    ['message.offered'],
    ['message.unsettled', { cause: /grew too old/ }],
    ['message.expired', { to: ['u@a.test'], index: [0], text: /^551 5\.4\.7 / }],
  ],
});

story('a message nobody offers expires at its age', {
  plan: makePlan({ queue: { egress_pool: 'one', max_age: '5m', retry_interval: '1m' } }),
  manners: { 'a.test': judging },
  when: async (world) => {
    world.submit(['later@a.test']);
    await world.runFor(300_000);
  },
  about: ['message.deferred', 'message.expired'],
  follows: [
    ['message.deferred', { attempts: 1, code: 451 }],
    ['message.deferred', { attempts: 2 }],
    // The third retry would come after the end.
    ['message.deferred', { attempts: 3 }],
    ['message.expired', { text: /which exceeds max_age=5m/ }],
  ],
});

story('a connection without progress is cut by the watchdog', {
  plan: makePlan({
    ...ONE_SOURCE,
    path: { data_dot_timeout: '5m', dispatcher_progress_watchdog_timeout: '7s' },
  }),
  manners: { 'a.test': silentAt('dot') },
  when: async (world) => {
    submitOne(world);
    await world.runFor(9_000);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    ['message.offered'],
    ['message.unsettled', { cause: 'the connection made no progress', attempts: 1 }],
  ],
  and: (world) => assert.equal(world.net.links.size, 0),
});

story('a deadline of the conversation ends a silent one', {
  plan: makePlan({ ...ONE_SOURCE, path: { mail_from_timeout: '3s' } }),
  manners: { 'a.test': silentAt('mail') },
  when: async (world) => {
    submitOne(world);
    await world.runFor(5_000);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    ['message.offered'],
    ['message.deferred', { code: 421, enhanced: '4.4.2', text: /timed out after 3000 ms/ }],
  ],
});

story('a waiting message can be cancelled, one in flight cannot', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': silentAt('dot') },
  when: async (world) => {
    const [flying, waiting] = [world.submit(['u@a.test']), world.submit(['later@a.test'])];
    world.plan.paths['ip-1'] = { connection_limit: 1 };
    await world.runFor(2_000);
    const cancel = (id: string | undefined) =>
      world.command({ kind: 'message.cancel', id: id ?? '', why: 'not wanted' });
    const refused = cancel(flying?.messages[0]?.id);
    const done = cancel(waiting?.messages[0]?.id);
    await world.runFor(100);
    assert.match(refused.refusal?.text ?? '', /being delivered just now/);
    assert.equal(done.refusal, undefined);
    assert.ok(done.answeredAt !== undefined);
    const again = cancel(waiting?.messages[0]?.id);
    await world.runFor(100);
    assert.match(again.refusal?.text ?? '', /not queued here/);
  },
  about: ['message.offered', 'message.cancelled'],
  follows: [
    ['message.offered'],
    ['message.cancelled', { to: ['later@a.test'], index: [0], text: 'not wanted' }],
  ],
});

story('each recipient gets its verdict, and those over the batch are offered again at once', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': firstOf(judging, takingFew(2)) },
  when: async (world) => {
    world.submit(['u1@a.test', 'bad@a.test', 'u2@a.test', 'later@a.test', 'u3@a.test']);
    await world.runFor(10_000);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    // A batch of this path holds four recipients; the fifth is for the second offer.
    ['message.offered', { attempt: 1 }],
    ['message.bounced', { to: ['bad@a.test'], index: [1], code: 550 }],
    ['message.delivered', { to: ['u1@a.test', 'u2@a.test'], index: [0, 2] }],
    ['message.returned'],
    ['message.offered', { attempt: 1, index: [4] }],
    ['message.delivered', { to: ['u3@a.test'], index: [4] }],
    ['message.deferred', { to: ['later@a.test'], index: [3], attempts: 1 }],
  ],
  and: (world) => {
    const copies = world.hostOf('a.test').exchanger.copies.map(({ to }) => to);
    assert.deepEqual(copies, [['u1@a.test', 'u2@a.test'], ['u3@a.test']]);
  },
});

const stopped: string[] = [];
story('a stop lets what is in flight end, cuts what takes too long, and is the last word', {
  plan: makePlan({ ...ONE_SOURCE, path: { max_deliveries_per_connection: 100 } }),
  manners: { 'a.test': answeringDotAfter(3_000), 'b.test': silentAt('dot') },
  when: async (world) => {
    world.submit(['u1@a.test']);
    world.submit(['u@b.test']);
    await world.runFor(1_000);
    world.submit(['u2@a.test']);
    await world.runFor(1_000);
    world.engine.stop(5_000, () => stopped.push('stopped'));
    await world.runFor(4_000);
    assert.deepEqual(stopped, [], 'somebody still has a message in hand');
    await world.runFor(4_000);
    assert.deepEqual(stopped, ['stopped']);
    assert.equal(world.net.links.size, 0);
    assert.equal(world.witness.records.at(-1)?.type, 'engine.stopped');
    world.calm();
    await world.crash();
    await world.runFor(90_000);
  },
  about: ['message.d', 'message.unsettled', 'engine.'],
  follows: [
    ['message.delivered', { to: ['u1@a.test'] }],
    ['message.unsettled', { cause: 'the service was stopped' }],
    ['engine.stopped'],
    ['engine.started'],
    ['message.delivered', { to: ['u2@a.test'] }],
    ['message.delivered', { to: ['u@b.test'], attempt: 2 }],
  ],
});

story('a message whose body is damaged is set aside and only expires', {
  plan: makePlan({ queue: { egress_pool: 'one', max_age: '10m' } }),
  limits: { hotBodyBytesMax: 1 },
  manners: { 'a.test': judging },
  when: async (world) => {
    const mail = world.submit(['later@a.test']);
    await world.runFor(5_000);
    if (mail?.ref !== undefined) world.bodies.damage(mail.ref);
    await world.runFor(600_000);
  },
  about: ['message.'],
  follows: [
    ['message.accepted'],
    ['message.offered'],
    ['message.deferred'],
    ['message.offered'],
    ['message.returned'],
    ['message.quarantined', { cause: /^FAULT_BODY_DAMAGED / }],
    ['message.expired', { to: ['later@a.test'], text: /^551 5\.4\.7 / }],
  ],
});
