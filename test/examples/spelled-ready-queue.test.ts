/**
 * Two lists of exchangers whose folded names are one, and an enforced MTA-STS policy for one of
 * them: its ready queue has its hosts spelled out. Each is suspended by its own name alone.
 * Deliberately unknown here: how an order comes in, and other ways to suspend.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const PLAIN = ['a.x.test', 'b.y.test'];
const STRICT = ['a.x.test', 'a.y.test', 'b.x.test'];
const FOLDED = 'ip-1->(a|b).(x|y).test@smtp_client';
const SPELLED = 'ip-1->a.x.test,a.y.test,b.x.test@smtp_client';
const SUSPENDED_MS = 3_600_000;

const publish = (world: World): void => {
  world.zone.txt.set('_mta-sts.strict.test', ['v=STSv1; id=1']);
  const hosts = STRICT.map((host) => `mx: ${host}\n`).join('');
  const text = `version: STSv1\nmode: enforce\n${hosts}max_age: 86400\n`;
  world.zone.policies.set('strict.test', text);
};

const route = (world: World, domain: string, hosts: readonly string[]): void => {
  const records = hosts.map((exchange) => ({ preference: 10, exchange }));
  world.zone.mx.set(domain, records);
};

async function makeWorld(): Promise<World> {
  const path = { connect_timeout: '30m', connection_limit: 1 };
  const plan = makePlan({ path, queue: { egress_pool: 'one' } });
  const world = await World.start({ seed: 3, plan, manners: { 'o.test': accepting } });
  for (const host of [...PLAIN, ...STRICT]) world.zone.addresses.set(host, ['198.51.100.1']);
  route(world, 'plain.test', PLAIN);
  route(world, 'strict.test', STRICT);
  publish(world);
  // Nobody answers, so that mail stays where it was put.
  world.hostOf('o.test').answers = 'never';
  await world.runFor(100);
  for (const domain of ['plain.test', 'strict.test']) {
    world.submit([`u@${domain}`]);
    await world.runFor(1_000);
  }
  assert.deepEqual([...world.engine.core.readyQueues.keys()], [FOLDED, SPELLED]);
  return world;
}

const suspend = (world: World, ready: string): void => {
  const id = world.engine.allocateRuleId();
  const span = { ms: SUSPENDED_MS };
  world.command({ kind: 'suspension.place', id, about: { ready }, span, why: 'later' });
};

const stateOf = (world: World, queue: string): string | undefined =>
  world.engine.core.books.findQueue(queue)?.state;

const CASES = [
  { name: SPELLED, rests: 'strict.test', goesOn: 'plain.test' },
  { name: FOLDED, rests: 'plain.test', goesOn: 'strict.test' },
] as const;

for (const { name, rests, goesOn } of CASES) {
  test(`${name} is suspended, and nothing else`, async () => {
    const world = await makeWorld();
    suspend(world, name);
    await world.runFor(10_000);
    assert.equal(stateOf(world, rests), 'resting');
    assert.equal(stateOf(world, goesOn), 'ready');
    assert.deepEqual(
      world.said.filter((text) => text.includes('come to rest')),
      [],
    );
  });
}
