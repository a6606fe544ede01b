/**
 * TLS postures where queues meet: domains that share a ready queue, mail that waits there when
 * a policy becomes known, a policy nobody can follow, the operator's switch, our own certificate,
 * and how long broken TLS is remembered. The engine is the real one, in the seeded world.
 * Deliberately unknown here: sockets, certificates, DNS on the wire.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Copy, TlsManner } from '../../src/testing/world/exchanger.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const MINUTE = 60_000;

const publish = (world: World, domain: string, mx: string, mode = 'enforce', id = '1'): void => {
  world.zone.txt.set(`_mta-sts.${domain}`, [`v=STSv1; id=${id}`]);
  const file = `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;
  world.zone.policies.set(domain, file);
};

const copiesAt = (world: World, domain: string): readonly Copy[] =>
  world.hostOf(domain).exchanger.copies;
const securities = (world: World, domain: string): string[] =>
  copiesAt(world, domain).map(({ to, security }) => `${to.join()} ${security}`);

/** Two domains with one exchanger, which speaks TLS as told. */
async function makeShared(tls: TlsManner, path: Record<string, unknown> = {}): Promise<World> {
  const plan = makePlan({ path, queue: { egress_pool: 'one' } });
  const world = await World.start({ seed: 3, plan, manners: { 'a.test': () => undefined } });
  world.zone.mx.set('same.test', [{ preference: 10, exchange: 'mx.a.test' }]);
  world.hostOf('a.test').exchanger.tls = tls;
  await world.runFor(100);
  return world;
}

describe('domains that share a ready queue', { concurrency: 2 }, () => {
  test('the strictest policy counts for all, and for no longer than it must', async () => {
    const world = await makeShared('valid');
    publish(world, 'same.test', 'mx.a.test');
    world.submit(['u1@a.test']);
    await world.runFor(1_000);
    world.submit(['u2@same.test']);
    await world.runFor(1_000);
    world.submit(['u3@a.test']);
    await world.runFor(2 * MINUTE);
    assert.equal(world.engine.core.readyQueues.size, 1, 'one ready queue');
    world.submit(['u4@a.test']);
    await world.runFor(1_000);
    world.submit(['u5@a.test']);
    await world.runFor(MINUTE);
    assert.deepEqual(securities(world, 'a.test'), [
      'u1@a.test clear',
      'u2@same.test checked',
      'u3@a.test checked',
      // The first to come after the policy's last use finds it out of date.
      'u4@a.test checked',
      'u5@a.test clear',
    ]);
  });

  test('a policy counts as long as mail waits that rests on it', async () => {
    const world = await makeShared('valid', { connect_timeout: '30m' });
    publish(world, 'same.test', 'mx.a.test');
    world.hostOf('a.test').answers = 'never';
    world.submit(['u1@same.test']);
    await world.runFor(2 * MINUTE);
    world.submit(['u2@a.test']);
    await world.runFor(1_000);
    world.hostOf('a.test').answers = 'open';
    world.submit(['u3@a.test']);
    await world.runFor(40 * MINUTE);
    const found = securities(world, 'a.test');
    assert.ok(found.includes('u1@same.test checked'), found.join());
  });
});

describe('a policy that becomes known', { concurrency: 2 }, () => {
  test('what waits already is placed anew, and goes to allowed hosts alone', async () => {
    const plan = makePlan({ path: { connect_timeout: '90s' }, queue: { egress_pool: 'one' } });
    const manners = { 'b.test': () => undefined, 'evil.test': () => undefined };
    const world = await World.start({ seed: 5, plan, manners });
    world.zone.mx.set('b.test', [
      { preference: 5, exchange: 'mx.evil.test' },
      { preference: 10, exchange: 'mx.b.test' },
    ]);
    for (const domain of ['b.test', 'evil.test']) world.hostOf(domain).answers = 'never';
    await world.runFor(100);
    for (let count = 0; count < 5; count += 1) world.submit([`u${count}@b.test`]);
    await world.runFor(5_000);
    publish(world, 'b.test', 'mx.b.test');
    await world.runFor(MINUTE);
    world.submit(['u5@b.test']);
    await world.runFor(1_000);
    world.hostOf('b.test').exchanger.tls = 'valid';
    for (const domain of ['b.test', 'evil.test']) world.hostOf(domain).answers = 'open';
    await world.runFor(20 * MINUTE);
    assert.deepEqual(copiesAt(world, 'evil.test'), []);
    assert.equal(copiesAt(world, 'b.test').length, 6);
    assert.ok(copiesAt(world, 'b.test').every(({ security }) => security === 'checked'));
  });

  test('no exchanger is allowed: mail waits, the reply and a count say so', async () => {
    const world = await makeShared('valid');
    publish(world, 'a.test', '*.elsewhere.test');
    world.submit(['u1@a.test']);
    await world.runFor(10_000);
    const deferred = world.witness.records.find(({ type }) => type === 'message.deferred');
    assert.match(deferred?.body ?? '', /failed to resolve queue a\.test: no MX of a\.test/);
    assert.match(deferred?.body ?? '', /\*\.elsewhere\.test/);
    assert.equal(world.engine.core.tallies.stsImpossible, 1);
    publish(world, 'a.test', 'mx.a.test', 'enforce', '2');
    await world.runFor(10 * MINUTE);
    assert.deepEqual(securities(world, 'a.test'), ['u1@a.test checked']);
  });

  test('testing: an unverifiable certificate does not keep the mail', async () => {
    const world = await makeShared('unverifiable', { enable_tls: 'Opportunistic' });
    publish(world, 'a.test', 'nobody.test', 'testing');
    world.submit(['u1@a.test']);
    await world.runFor(10_000);
    assert.deepEqual(securities(world, 'a.test'), ['u1@a.test unchecked']);
    const routed = world.witness.records.findLast(({ type }) => type === 'queue.routed');
    assert.equal(JSON.parse(routed?.body ?? '{}').mta_sts, 'testing');
  });

  test('a path may be deaf to policies', async () => {
    const world = await makeShared('unverifiable', { enable_mta_sts: false });
    publish(world, 'a.test', 'mx.a.test');
    world.submit(['u1@a.test']);
    await world.runFor(10_000);
    assert.deepEqual(securities(world, 'a.test'), ['u1@a.test clear']);
  });

  test('switched off by the operator, also for mail that waits', async () => {
    const world = await makeShared('none');
    publish(world, 'a.test', 'mx.a.test');
    world.submit(['u1@a.test']);
    await world.runFor(10_000);
    assert.deepEqual(securities(world, 'a.test'), []);
    world.engine.usePolicy(
      {
        asker: world.engine.core.answers.messages,
        version: 1,
        hash: 'x',
        file: 'world',
        reason: 'a test',
        epoch: 1,
        isMtaStsEnabled: false,
      },
      () => {},
    );
    await world.runFor(100_000);
    assert.deepEqual(securities(world, 'a.test'), ['u1@a.test clear']);
  });
});

test('a certificate of ours that cannot be read keeps the mail', async () => {
  const identity = { tls_certificate: 'client.pem', tls_private_key: 'client.key' };
  const world = await makeShared('valid', { ...identity, enable_tls: 'OpportunisticInsecure' });
  world.submit(['u1@a.test']);
  await world.runFor(10_000);
  assert.deepEqual(securities(world, 'a.test'), []);
  const deferred = world.witness.records.find(({ type }) => type === 'message.deferred');
  assert.match(deferred?.body ?? '', /tls_certificate or tls_private_key of the path/);
});

describe('broken TLS is remembered', { concurrency: 2 }, () => {
  /** Sends one mail at each of the minutes; answers how often STARTTLS was said by then. */
  async function tries(
    path: Record<string, unknown>,
    minutes: readonly number[],
  ): Promise<{ readonly starts: number[]; readonly found: string[] }> {
    const world = await makeShared('broken', path);
    let count = 0;
    const { exchanger } = world.hostOf('a.test');
    exchanger.manner = ({ stage }) => {
      if (stage === 'starttls') count += 1;
      return undefined;
    };
    const begin = world.now;
    const starts: number[] = [];
    for (const minute of minutes) {
      await world.run(begin + minute * MINUTE);
      world.submit([`u${minute}@a.test`]);
      await world.runFor(20_000);
      starts.push(count);
    }
    return { starts, found: securities(world, 'a.test') };
  }
  const reconnect = {
    enable_tls: 'Opportunistic',
    opportunistic_tls_reconnect_on_failed_handshake: true,
  };

  test('for as long as the path says, longer than its ready queue lives', async () => {
    const path = { ...reconnect, remember_broken_tls: '30m' };
    const { starts, found } = await tries(path, [0, 2, 20, 29, 31]);
    assert.deepEqual(starts, [1, 1, 1, 1, 2]);
    assert.equal(found.length, 5);
  });

  test('for a quarter of an hour where a reconnect in clear is allowed', async () => {
    const { starts } = await tries(reconnect, [0, 14, 16]);
    assert.deepEqual(starts, [1, 1, 2]);
  });

  test('not at all where nothing says so', async () => {
    const { starts } = await tries({ enable_tls: 'OpportunisticInsecure' }, [0, 1, 2]);
    assert.deepEqual(starts, [1, 2, 3]);
  });

  test('without a reconnect the next attempt is the one in clear', async () => {
    const path = { enable_tls: 'Opportunistic', remember_broken_tls: '10m' };
    const { starts, found } = await tries(path, [0, 3]);
    assert.deepEqual(starts, [1, 1]);
    assert.equal(found.length, 2);
    assert.ok(found.every((one) => one.endsWith('clear')));
  });

  test('and where TLS is required it is tried all the same', async () => {
    const path = { enable_tls: 'Required', remember_broken_tls: '10m' };
    const { starts, found } = await tries(path, [0, 3]);
    assert.ok((starts[1] as number) > (starts[0] as number));
    assert.deepEqual(found, []);
  });
});
