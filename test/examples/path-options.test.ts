/**
 * Options of a path that act at rare moments: at a stop, after a failed handshake, after many
 * failures in a row. Each is one story at the engine's level; what a connection does by itself is
 * in connection-life. Deliberately unknown here: rates and limits (shaping-rates).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting, silentAt } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const startWorld = async (path: Record<string, unknown>): Promise<World> => {
  const plan = makePlan({ queue: { egress_pool: 'one' }, path });
  const world = await World.start({ seed: 5, plan, manners: { 'a.test': accepting } });
  await world.runFor(100);
  return world;
};

test('system_shutdown_timeout: at a stop a connection has so long and no longer', async () => {
  for (const [text, seconds] of [
    ['3s', 3],
    ['2h', 12],
  ] as const) {
    const world = await startWorld({ system_shutdown_timeout: text, data_dot_timeout: '1h' });
    world.hostOf('a.test').exchanger.manner = silentAt('dot');
    world.submit(['u@a.test']);
    await world.runFor(2_000);
    assert.equal(world.net.links.size, 1);
    const stoppedAt = world.now;
    let endedAt = 0;
    world.engine.stop(12_000, () => {
      endedAt = world.now;
    });
    await world.runFor(20_000);
    assert.equal(Math.floor((endedAt - stoppedAt) / 1_000), seconds, text);
    const last = world.witness.records.filter(({ type }) => type === 'message.unsettled').at(-1);
    assert.match(last?.body ?? '', seconds === 3 ? /system_shutdown_timeout/ : /stopped/);
  }
});

test('remember_broken_tls: for so long the site is not asked for TLS again', async () => {
  const world = await startWorld({
    enable_tls: 'OpportunisticInsecure',
    remember_broken_tls: '10m',
    max_deliveries_per_connection: 1,
  });
  const offers = ['PIPELINING', 'STARTTLS'];
  const host = world.addDomain('tls.test', accepting, offers);
  let asked = 0;
  world.onWrite = (_link, bytes) => {
    if (bytes.toString('latin1').startsWith('STARTTLS')) asked += 1;
  };
  world.submit(['u@tls.test']);
  await world.runFor(60_000);
  assert.deepEqual([asked, host.exchanger.copies.length], [1, 1]);
  world.submit(['v@tls.test']);
  await world.runFor(60_000);
  assert.deepEqual([asked, host.exchanger.copies.length], [1, 2], 'remembered');
  await world.runFor(600_000);
  world.submit(['w@tls.test']);
  await world.runFor(60_000);
  assert.deepEqual([asked, host.exchanger.copies.length], [2, 3], 'forgotten');
});

test('consecutive_connection_failures_before_delay: then all that is ready waits', async () => {
  const world = await startWorld({ consecutive_connection_failures_before_delay: 2 });
  world.hostOf('a.test').answers = 'refused';
  for (let count = 0; count < 8; count += 1) world.submit([`u${count}@a.test`]);
  await world.runFor(50_000);
  const texts = world.witness.records
    .filter(({ type }) => type === 'message.deferred')
    .map(({ body }) => (JSON.parse(body) as { text: string }).text);
  assert.equal(texts.filter((text) => text.startsWith('bulk delay')).length, 5);
  assert.equal(texts.filter((text) => text.includes('failed to connect')).length, 3);
});
