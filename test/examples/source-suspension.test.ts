/**
 * Stories of sources that go out of rotation and come back: what a failed dial leads to, what is
 * told of it, what an operator may do. Each is one history, told in events. Deliberately unknown
 * here: the laws that hold over all histories (test/property).
 */
import assert from 'node:assert/strict';
import type { PolicyPlan } from '../../src/testing/world/policy.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { START_AT } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const RULE = { duration: '5m' };

/** A pool of two: ip-1 comes second in the ring, and so is chosen first. */
function planOf(
  source: Record<string, unknown> = { suspend_when_unplumbed: RULE },
  path: Record<string, unknown> = {},
): PolicyPlan {
  const plan = makePlan({ queue: { egress_pool: 'both' }, path });
  plan.pools['both'] = [
    { name: 'ip-2', weight: 1 },
    { name: 'ip-1', weight: 1 },
  ];
  plan.sources['ip-1'] = { source_address: '192.0.2.1', ...source };
  return plan;
}

/** ip-1 opens another connection while one is busy. */
function planWithSpares(): PolicyPlan {
  const plan = planOf();
  plan.paths['ip-1'] = { connection_limit: 32 };
  return plan;
}

/** A second exchanger behind the first, for candidates to be left over. */
function addSecond(world: World): void {
  world.zone.addresses.set('mx.a.test', ['198.51.100.1', '198.51.100.2']);
}

const dialsFrom = (world: World, address: string): number =>
  world.net.dialled.filter(({ from }) => from === address).length;

const countOf = (list: readonly { source: string; label: string; value: number }[]): string =>
  list.map(({ source, label, value }) => `${source} ${label} ${value}`).join(', ');

story('one failed bind suspends at once: no second candidate, no attempt, the other source', {
  plan: planOf(),
  when: async (world) => {
    addSecond(world);
    world.net.broken.unplumb('192.0.2.1');
    world.submit(['u@a.test']);
    await world.runFor(301_000);
  },
  about: ['source.s', 'source.r', 'message.offered', 'message.d'],
  follows: [
    ['source.suspended', { reason: 'Unplumbed', count: 1, cause: /not on this machine/ }],
    ['message.offered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
    ['source.resumed'],
  ],
  and: (world) => {
    assert.equal(dialsFrom(world, '192.0.2.1'), 1, 'the second candidate was not dialled');
    const told = world.witness.records.find(({ type }) => type === 'source.suspended');
    const { until, failures } = JSON.parse(told?.body ?? '{}') as {
      until: number;
      failures: { where: string }[];
    };
    assert.equal(until, (told?.at ?? 0) + 300_000);
    assert.deepEqual(
      failures.map(({ where }) => where),
      [world.net.dialled[0]?.to === undefined ? '' : `${world.net.dialled[0].to}:25`],
    );
    assert.deepEqual(world.said, [
      'warn: egress source auto-suspended: source ip-1, reason Unplumbed, duration 5m',
      'info: egress source auto-suspension cleared: source ip-1, reason Unplumbed',
    ]);
    const { suspended, suspensions, failures: counted } = world.engine.sources.meters();
    assert.equal(countOf(suspended), 'ip-1 Unplumbed 0');
    assert.equal(countOf(suspensions), 'ip-1 Unplumbed 1');
    assert.equal(countOf(counted), 'ip-1 Unplumbed 1');
    assert.equal(world.engine.sources.meters().bindFailures, 1);
  },
});

story('failures are counted where there is no rule, and cost an attempt as ever', {
  plan: planOf({}),
  when: async (world) => {
    world.net.broken.breakProxy('192.0.2.1', 'FAULT_PROXY_HANDSHAKE');
    world.submit(['u@a.test']);
    await world.runFor(5_000);
  },
  about: ['source.s', 'message.d'],
  follows: [['message.deferred', { code: 400, attempt: 1 }]],
  and: (world) => {
    const { failures, proxyFailures } = world.engine.sources.meters();
    assert.equal(countOf(failures), 'ip-1 ProxyUnhealthy 1');
    assert.equal(proxyFailures, 0, 'the connection to the proxy had come about');
  },
});

story('that a proxy cannot reach the destination says nothing about the source', {
  plan: planOf({ suspend_when_proxy_unhealthy: RULE }),
  when: async (world) => {
    world.net.broken.breakProxy('192.0.2.1', 'FAULT_PROXY_TARGET');
    world.submit(['u@a.test']);
    await world.runFor(5_000);
  },
  about: ['source.s', 'message.d'],
  follows: [['message.deferred', { attempt: 1 }]],
  and: (world) => assert.equal(countOf(world.engine.sources.meters().failures), ''),
});

story('the message in hand goes on from elsewhere, and its broken try is no attempt', {
  plan: planOf(undefined, { try_next_host_on_transport_error: true }),
  // The first connection breaks with the message in hand, when the address is gone already.
  manners: {
    'a.test': ({ stage, memory }) => {
      if (stage !== 'data' || memory.has('broken')) return undefined;
      memory.set('broken', 1);
      return { ends: 'reset' };
    },
  },
  when: async (world) => {
    addSecond(world);
    const { exchanger } = world.hostOf('a.test');
    world.net.addHost('198.51.100.2', exchanger);
    world.submit(['u@a.test']);
    await world.runFor(10_000, () => {
      if (dialsFrom(world, '192.0.2.1') === 1) world.net.broken.unplumb('192.0.2.1');
    });
  },
  about: ['source.s', 'message.offered', 'message.d', 'message.returned'],
  follows: [
    ['message.offered', { source: 'ip-1', attempt: 1 }],
    ['source.suspended', { reason: 'Unplumbed' }],
    ['message.returned'],
    ['message.offered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
  ],
  and: (world) => assert.equal(dialsFrom(world, '192.0.2.1'), 2),
});

story('what a connection has in hand is taken back when its address is gone', {
  plan: planWithSpares(),
  // The first message hears nothing after DATA.
  manners: {
    'a.test': ({ stage, memory }) => {
      if (stage !== 'data' || memory.has('silent')) return undefined;
      memory.set('silent', 1);
      return {};
    },
  },
  when: async (world) => {
    world.submit(['first@a.test']);
    // The spare connection that came with it has parted by then.
    await world.runFor(7_000);
    world.net.broken.unplumb('192.0.2.1');
    // The second goes by ip-2, the third meets the address that is gone.
    for (const user of ['second', 'third']) {
      world.submit([`${user}@a.test`]);
      await world.runFor(1_000);
    }
    await world.runFor(3_000);
  },
  about: ['source.s', 'message.d', 'message.returned', 'message.un'],
  follows: [
    ['message.delivered', { to: ['second@a.test'], source: 'ip-2' }],
    ['source.suspended', { reason: 'Unplumbed' }],
    ['message.returned'],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
  ],
});

story('but not when its final dot is out: it may have arrived', {
  plan: planWithSpares(),
  manners: {
    'a.test': ({ stage, memory }) => {
      if (stage !== 'dot' || memory.has('late')) return undefined;
      memory.set('late', 1);
      return { say: '250 2.0.0 taken', afterMs: 12_000 };
    },
  },
  when: async (world) => {
    world.submit(['first@a.test']);
    // The spare connection that came with it has parted by then.
    await world.runFor(7_000);
    world.net.broken.unplumb('192.0.2.1');
    for (const user of ['second', 'third']) {
      world.submit([`${user}@a.test`]);
      await world.runFor(1_000);
    }
    await world.runFor(8_000);
  },
  about: ['source.s', 'message.d', 'message.returned', 'message.un'],
  follows: [
    ['message.delivered', { to: ['second@a.test'], source: 'ip-2' }],
    ['source.suspended', { reason: 'Unplumbed' }],
    ['message.delivered', { to: ['third@a.test'], source: 'ip-2', attempt: 1 }],
    ['message.delivered', { to: ['first@a.test'], source: 'ip-1', attempt: 1 }],
  ],
});

story('who waits for room at a source that is suspended looks elsewhere', {
  plan: planOf(undefined, { max_ready: 1 }),
  when: async (world) => {
    // ip-2 is out by hand, ip-1 takes one message and hears nothing: the others wait for room.
    const until = START_AT + 400_000;
    world.command({ kind: 'source.suspend', source: 'ip-2', until, why: 'maintenance' });
    await world.runFor(100);
    world.hostOf('a.test').answers = 'never';
    for (let count = 0; count < 3; count += 1) world.submit(['u@a.test']);
    await world.runFor(2_000);
    world.hostOf('a.test').answers = 'open';
    world.command({ kind: 'source.resume', source: 'ip-2' });
    const later = world.now + 300_000;
    world.command({ kind: 'source.suspend', source: 'ip-1', until: later, why: 'maintenance' });
    await world.runFor(5_000);
  },
  about: ['source.s', 'source.r', 'message.d'],
  follows: [
    ['source.suspended', { reason: 'Operator', cause: 'maintenance', count: 0 }],
    ['source.resumed'],
    ['source.suspended', { reason: 'Operator' }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
    ['message.delivered', { source: 'ip-2', attempt: 1 }],
  ],
});
