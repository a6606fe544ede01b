/**
 * Stories of sources behind proxies, in the simulated world: mail goes through, and what it is
 * told when the proxy, the address at the proxy or the peer behind it is the trouble. The fault of
 * each is what a source's health is judged by. Deliberately unknown here: bytes (test/contracts).
 */
import assert from 'node:assert/strict';
import type { FailedCandidate } from '../../src/actors/connection/ending.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { ProxyAnswer } from '../../src/testing/world/proxy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const PLACE = 'proxy.test:1080';
const SOCKS5 = { socks5_proxy_server: PLACE, socks5_proxy_source_address: '198.51.100.201' };
const HAPROXY = { ha_proxy_server: PLACE, ha_proxy_source_address: '198.51.100.202' };

const planFor = (source: Record<string, unknown>) => {
  const plan = makePlan({ queue: { egress_pool: 'one' }, path: { connect_timeout: '4s' } });
  plan.sources['ip-1'] = source;
  return plan;
};

/** Hears the faults of every connection that ends, as the engine hears them. */
function hearFaults(world: World): string[] {
  const heard: string[] = [];
  const host = world.engine.core.connectionHost;
  const { ended } = host;
  host.ended = (id, ending) => {
    heard.push(...ending.attempts.map(({ fault }: FailedCandidate) => fault?.code ?? 'none'));
    ended.call(host, id, ending);
  };
  return heard;
}

for (const [name, source, via] of [
  ['SOCKS5', SOCKS5, /^socks5 198\.51\.100\.201:\d{4,5}$/],
  ['HAProxy', HAPROXY, /^haproxy 198\.51\.100\.202:0$/],
  ['HAProxy before SOCKS5', { ...SOCKS5, ...HAPROXY }, /^haproxy /],
] as const) {
  story(`mail goes through ${name}, and the event says from which address`, {
    plan: planFor({ ...source, source_address: '192.0.2.1' }),
    when: async (world) => {
      world.net.addProxy(PLACE);
      world.submit(['u@a.test']);
      await world.runFor(5_000);
    },
    about: ['message.d'],
    follows: [['message.delivered', { via }]],
    and: ({ net }) => {
      assert.deepEqual(net.proxies.get(PLACE)?.asked, [
        'ha_proxy_server' in source ? '198.51.100.202' : '198.51.100.201',
      ]);
      assert.ok(
        net.dialled.every(({ from, through }) => from === '192.0.2.1' && through === PLACE),
      );
    },
  });
}

const PASSWORD = 'hunter2';
story('the proxy gets the log-in, and nobody else does', {
  plan: planFor({
    ...SOCKS5,
    socks5_proxy_username: 'me',
    socks5_proxy_password: { key_data: PASSWORD },
  }),
  when: async (world) => {
    const proxy = world.net.addProxy(PLACE);
    proxy.answers = 'rude';
    world.submit(['u@a.test']);
    await world.runFor(8_000);
    proxy.answers = 'open';
    await world.runFor(90_000);
  },
  about: ['message.d'],
  follows: [['message.deferred'], ['message.delivered']],
  and: ({ net, said, witness }) => {
    assert.deepEqual(net.proxies.get(PLACE)?.asked, [`198.51.100.201 me:${PASSWORD}`]);
    assert.equal(JSON.stringify([said, witness.records]).includes(PASSWORD), false);
  },
});

const ONLINE = 'All failures are related to proxy connection issues\\. Is the proxy .* healthy\\? ';
const PLUMBED =
  'All failures are related to the proxy server having an unplumbed source address\\.';
const ADDRESS = 'connect to mx\\.a\\.test/198\\.51\\.100\\.1:25 and read initial banner: ';
const TROUBLES: readonly (readonly [ProxyAnswer, string, string])[] = [
  ['refused', 'FAULT_PROXY_UNREACHABLE', `hosts: ${ONLINE}${ADDRESS}proxy proxy\\.test:1080: `],
  ['never', 'FAULT_PROXY_UNREACHABLE', `${ONLINE}${ADDRESS}timed out after 4000 ms .*a connection`],
  ['mute', 'FAULT_PROXY_HANDSHAKE', `${ONLINE}${ADDRESS}timed out after 4000 ms .*method$`],
  ['rude', 'FAULT_PROXY_HANDSHAKE', `${ONLINE}${ADDRESS}proxy`],
  ['unplumbed', 'FAULT_PROXY_UNPLUMBED', `hosts: ${PLUMBED} Are .* on the proxy\\? ${ADDRESS}`],
];

for (const [answers, code, text] of TROUBLES) {
  let heard: string[] = [];
  story(`a proxy that is ${answers}: ${code}; mail goes when it is well again`, {
    plan: planFor(SOCKS5),
    when: async (world) => {
      heard = hearFaults(world);
      const proxy = world.net.addProxy(PLACE);
      proxy.answers = answers;
      world.submit(['u@a.test']);
      await world.runFor(8_000);
      proxy.answers = 'open';
      await world.runFor(90_000);
    },
    about: ['message.d'],
    follows: [
      ['message.deferred', { code: 400, text: new RegExp(text) }],
      ['message.delivered', { attempt: 2 }],
    ],
    and: () => assert.deepEqual(heard, [code]),
  });
}

for (const answers of ['refused', 'never'] as const) {
  let heard: string[] = [];
  story(`a peer behind the proxy that is ${answers} is the peer's fault, not the proxy's`, {
    plan: planFor(SOCKS5),
    when: async (world) => {
      heard = hearFaults(world);
      world.net.addProxy(PLACE);
      world.hostOf('a.test').answers = answers;
      world.submit(['u@a.test']);
      await world.runFor(8_000);
    },
    about: ['message.d'],
    follows: [['message.deferred', { code: 400, text: /hosts: connect to mx\.a\.test/ }]],
    and: () => assert.deepEqual(heard, ['FAULT_PROXY_TARGET']),
  });
}

story('a proxy that nobody can reach the peers of a family from: the mail is told so', {
  plan: planFor({ ...SOCKS5, socks5_proxy_source_address: '2001:db8::1' }),
  when: async (world) => {
    world.net.addProxy(PLACE);
    world.submit(['u@a.test']);
    await world.runFor(5_000);
  },
  about: ['message.d'],
  follows: [
    [
      'message.deferred',
      { code: 451, text: /no MX address is of the family of the socks5 proxy source address 2001/ },
    ],
  ],
});
