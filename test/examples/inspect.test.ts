/**
 * What operators see of the engine, from the engine through the routes to JSON: messages, queues,
 * ready queues, connections, the way of a domain's mail. Shapes are those of the reference's API.
 * Deliberately unknown here: how the engine works.
 */
import assert from 'node:assert/strict';
import type { LookDesk } from '../../src/api/inspect-routes.ts';
import type { KeptDesk } from '../../src/api/kept-routes.ts';
import { lookDesk } from '../../src/manager/admin-desk.ts';
import { answeringDotAfter, judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';
import { openHttp } from './http-parts.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const PLAN = makePlan({ queue: { egress_pool: 'one' } });

/** Answers of the world's engine, each waited for in the world's time. */
const worldDesk = (world: World): LookDesk & KeptDesk => {
  const desk = lookDesk(world.engine);
  const soon = async <T>(asking: Promise<T>): Promise<T> => {
    await world.runFor(100);
    return await asking;
  };
  return {
    now: () => desk.now(),
    message: (id, wantsBody) => soon(desk.message(id, wantsBody)),
    queue: (name, max, wantsBody) => soon(desk.queue(name, max, wantsBody)),
    ready: (name, wantsQueues) => desk.ready(name, wantsQueues),
    states: (names) => soon(desk.states(names)),
    path: (domain, source) => soon(desk.path(domain, source)),
    top: (by, max, prefix) => soon(desk.top(by, max, prefix)),
    sources: () => desk.sources(),
    rates: () => desk.rates(),
  };
};

async function asking(world: World, use: (get: Get) => Promise<void>): Promise<void> {
  const { listener, base } = await openHttp({ look: worldDesk(world) });
  try {
    await use(async (path, query) => {
      const answer = await fetch(`${base}/api/admin/${path}?${new URLSearchParams(query)}`);
      return { status: answer.status, body: (await answer.json()) as Json };
    });
  } finally {
    await listener.stop(0);
  }
}

type Json = Record<string, never>;
type Get = (path: string, query: Record<string, string>) => Promise<{ status: number; body: Json }>;
/** The keys of an object, in the order of the alphabet. */
const keys = (value: object): string[] => Object.keys(value).sort();

story('a message and its queue', {
  plan: PLAN,
  manners: { 'a.test': judging },
  when: async (world) => {
    const mail = world.submit(['later@a.test', 'later2@a.test']);
    world.submit(['later@a.test']);
    await world.runFor(10_000);
    const id = mail?.messages[0]?.id ?? '';
    await asking(world, async (get) => {
      const { body } = await get('inspect-message/v1', { id });
      assert.deepEqual(keys(body), ['id', 'message']);
      const message = body['message'] as unknown as Record<string, unknown>;
      assert.deepEqual(keys(message), ['data', 'meta', 'recipient', 'sender']);
      assert.equal(message['data'], null);
      assert.ok(
        ['later@a.test', 'later2@a.test'].includes(String([message['recipient']].flat()[0])),
      );
      const whole = await get('inspect-message/v1', { id, want_body: 'true' });
      const { data } = whole.body['message'] as unknown as { data: string };
      assert.match(data, /\S/);
      const queue = (await get('inspect-sched-q/v1', { queue_name: 'a.test', limit: '1' })).body;
      assert.deepEqual(keys(queue), [
        ...['delayed_metric', 'last_changed', 'messages', 'now', 'num_scheduled'],
        ...['queue_config', 'queue_name'],
      ]);
      const config = queue['queue_config'] as unknown as Record<string, unknown>;
      assert.equal(config['retry_interval'], '1m');
      const listed = queue['messages'] as unknown as { id: string; message: object }[];
      assert.equal(listed.length, 1);
      const [first] = listed;
      assert.deepEqual(keys(first?.message ?? {}), [
        ...['data', 'due', 'meta', 'num_attempts', 'recipient', 'sender'],
      ]);
      const shown = first?.message as Record<string, unknown>;
      assert.equal(shown['num_attempts'], 1);
      assert.match(String(shown['due']), TIME);
      for (const [path, query] of [
        ['inspect-message/v1', { id: '0'.repeat(32) }],
        ['inspect-message/v1', { id: '../../etc/passwd' }],
        ['inspect-sched-q/v1', { queue_name: '../x' }],
        ['inspect-ready-q/v1', { queue_name: '%00' }],
      ] as const) {
        assert.equal((await get(path, query)).status, 404, `${path} ${JSON.stringify(query)}`);
      }
    });
  },
  about: ['message.deferred'],
  follows: [['message.deferred'], ['message.deferred']],
});

story('a ready queue with a connection at work', {
  plan: PLAN,
  manners: { 'a.test': answeringDotAfter(30_000) },
  when: async (world) => {
    world.submit(['u@a.test']);
    await world.runFor(5_000);
    await asking(world, async (get) => {
      const name = 'ip-1->mx.a.test@smtp_client';
      const { status, body } = await get('inspect-ready-q/v1', { queue_name: name });
      assert.equal(status, 200);
      assert.deepEqual(keys(body), [
        ...['constraints', 'dispatchers', 'egress_pool', 'egress_source', 'mx', 'now'],
        ...['path_config', 'protocol', 'queue_name', 'state'],
      ]);
      assert.deepEqual(body['mx'], {
        site_name: 'mx.a.test',
        by_preference: { 10: ['mx.a.test'] },
        is_mx: true,
        is_domain_literal: false,
        is_secure: false,
      });
      const [dispatcher] = body['dispatchers'] as unknown as Record<string, unknown>[];
      assert.deepEqual(keys(dispatcher ?? {}), [
        ...['age', 'delivered_this_connection', 'detail', 'messages_delivered', 'messages_failed'],
        ...['messages_transfailed', 'overall_rate_per_sec', 'phase', 'session_id', 'started_at'],
        'time_in_current_phase',
      ]);
      assert.equal(dispatcher?.['phase'], 'DeliveringMessage');
      const state = body['state'] as unknown as Record<string, unknown>;
      assert.equal(state['connection_count'], 1);
      assert.equal(state['ready_count'], 0);
      const session = String(dispatcher?.['session_id']);
      const wish = { ready: name, session, why: 'it hangs', by: 'ann' } as const;
      const other = world.command({ kind: 'connection.abort', ...wish, session: 'x' });
      world.command({ kind: 'connection.abort', ...wish });
      await world.runFor(50);
      assert.match(other.refusal?.text ?? '', /no connection with the session id x/);
      const after = (await get('inspect-ready-q/v1', { queue_name: name })).body;
      const left = after['dispatchers'] as unknown as { session_id: string }[];
      assert.ok(left.every(({ session_id }) => session_id !== session));
    });
  },
  about: ['operator.acted'],
  follows: [['operator.acted', { act: 'connection.abort', by: 'ann', cause: 'it hangs' }]],
});

story('states: of those that are asked for, or of all', {
  plan: makePlan({ queue: { egress_pool: 'one' }, path: { connection_limit: 1 } }),
  manners: { 'a.test': answeringDotAfter(30_000) },
  when: async (world) => {
    for (let sent = 0; sent < 5; sent += 1) world.submit(['u@a.test']);
    await world.runFor(5_000);
    await asking(world, async (get) => {
      const name = 'ip-1->mx.a.test@smtp_client';
      for (const queues of [`${name},other`, '']) {
        const { body } = await get('ready-q-states/v1', { queues });
        const states = body['states_by_ready_queue'] as unknown as Record<string, object>;
        assert.deepEqual(Object.keys(states), [name]);
        const { connection_limited: limited } = states[name] as Record<string, { since: string }>;
        assert.match(limited?.since ?? '', TIME);
      }
      const { body } = await get('ready-q-states/v1', { queues: 'other' });
      assert.deepEqual(body, { states_by_ready_queue: {} });
    });
  },
  about: ['queue.opened'],
  follows: [['queue.opened']],
});

story('where mail of a domain would go, without a fact more in the log', {
  plan: PLAN,
  when: async (world) => {
    world.addDomain('b.test', judging);
    await world.runFor(1_000);
    const before = world.engine.core.turns.position;
    await asking(world, async (get) => {
      const { body } = await get('resolve-egress-path/v1', { domain: 'b.test', source: 'ip-2' });
      assert.deepEqual(keys(body), [
        ...['constraints', 'domain', 'mx', 'path_config', 'queue_config', 'queue_name', 'source'],
      ]);
      assert.equal(body['queue_name'], 'ip-2->mx.b.test@smtp_client');
      const constraints = body['constraints'] as unknown as Record<string, object>;
      assert.deepEqual(keys(constraints['max_concurrent_dispatchers'] ?? {}), [
        ...['display', 'source', 'value'],
      ]);
      const lost = (await get('resolve-egress-path/v1', { domain: 'nowhere.invalid' })).body;
      assert.equal(lost['mx'], null);
      assert.equal(lost['queue_name'], 'unspecified->nowhere.invalid@smtp_client');
      const odd = await get('resolve-egress-path/v1', { domain: 'b.test', source: 'nobody' });
      assert.equal(odd.status, 404);
    });
    assert.equal(world.engine.core.turns.position, before);
  },
  about: ['queue.opened'],
  follows: [],
});

story('queues by depth, by age, by last failure, by prefix', {
  plan: PLAN,
  manners: { 'a.test': judging, 'b.test': judging },
  when: async (world) => {
    world.submit(['later@b.test']);
    await world.runFor(5_000);
    for (let sent = 0; sent < 3; sent += 1) world.submit(['later@a.test']);
    await world.runFor(5_000);
    await asking(world, async (get) => {
      const names = async (query: Record<string, string>) => {
        const { body } = await get('queues', query);
        const lines = body['queues'] as unknown as Record<string, unknown>[];
        return lines.map((line) => line['queue_name']);
      };
      assert.deepEqual(await names({}), ['a.test', 'b.test']);
      assert.deepEqual(await names({ sort: 'age' }), ['b.test', 'a.test']);
      assert.deepEqual(await names({ sort: 'error' }), ['a.test', 'b.test']);
      assert.deepEqual(await names({ sort: 'age', limit: '1' }), ['b.test']);
      assert.deepEqual(await names({ prefix: 'b' }), ['b.test']);
      assert.equal((await get('queues', { sort: 'name' })).status, 400);
      assert.equal((await get('queues', { limit: '0' })).status, 400);
      const { body } = await get('queues', { limit: '1' });
      const [line] = body['queues'] as unknown as Record<string, unknown>[];
      assert.equal(line?.['messages'], 3);
      const error = line?.['last_error'] as { code: number; text: string } | undefined;
      assert.equal(error?.code, 451);
      assert.match(error?.text ?? '', /^451 /);
      assert.equal(body['messages'], 4);
    });
  },
  about: ['queue.opened'],
  follows: [['queue.opened'], ['queue.opened']],
});
