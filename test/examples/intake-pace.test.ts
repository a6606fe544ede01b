/**
 * Stories of slow clients and of a listener that stops: who drips is cut off, who is receiving an
 * answer gets it, and no accepted message is lost.
 * The one idea: client_timeout is a deadline for progress, not for silence. It does not know
 * how the sweep works.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { DATA_BYTES_PER_SECOND_MIN, ENVELOPE_MS_MAX, SWEEP_MS } from '../../src/intake/limits.ts';
import { Pace } from '../../src/intake/pace.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake, wait } from './intake-world.ts';

const TIMEOUT_MS = 1000;
let world: IntakeWorld;

const openSlow = async (): Promise<RawClient> => {
  world = await openIntake({ client_timeout: '1s' });
  return world.greet();
};

async function openData(client: RawClient): Promise<void> {
  await client.talk('MAIL FROM:<a@a.test>');
  await client.talk('RCPT TO:<b@b.test>');
  assert.match(await client.talk('DATA'), /^354 /);
}

/** Sends a byte at a time until the connection ends; answers how long it lived. */
async function drip(client: RawClient, byte: string): Promise<number> {
  const from = performance.now();
  while (!client.isOver && performance.now() - from < 5 * TIMEOUT_MS) {
    client.send(byte);
    await wait(100);
  }
  return performance.now() - from;
}

const isInTime = (ms: number) => ms >= TIMEOUT_MS - 100 && ms < TIMEOUT_MS + SWEEP_MS + 900;

describe('pace', () => {
  afterEach(() => world?.end());

  test('silence, a dripped command and a dripped message end alike', async () => {
    const silent = await openSlow();
    const dripping = await world.greet();
    const sending = await world.greet();
    await openData(sending);
    const from = performance.now();
    const over = silent.over().then(() => performance.now() - from);
    const spans = await Promise.all([over, drip(dripping, 'N'), drip(sending, 'x')]);
    assert.ok(spans.every(isInTime), String(spans));
    for (const client of [silent, dripping, sending]) {
      assert.match(client.heard, /^421 4\.3\.2 mx\.test took too long\r\n$/);
    }
    while (world.listener.sessions() > 0) await wait(10);
    assert.equal(world.bodies.written.length, 0);
  });

  test('a client that reads no replies is dropped', async () => {
    const client = await openSlow();
    client.socket.pause();
    client.send('HELP\r\n'.repeat(200_000));
    const from = performance.now();
    while (world.listener.sessions() > 0) await wait(20);
    assert.ok(performance.now() - from < 10_000);
  });

  test('a steady sender above the least pace is heard to the end', async () => {
    const client = await openSlow();
    await openData(client);
    for (let at = 0; at < 20; at += 1) {
      client.send(`${'x'.repeat(DATA_BYTES_PER_SECOND_MIN / 4)}\r\n`);
      await wait(100);
    }
    assert.match(await client.talk('.'), /^250 /);
  });

  test('work of ours is not held against the client, until it takes too long', async () => {
    world = await openIntake({ client_timeout: '1s', data_processing_timeout: '2s' });
    const client = await world.greet();
    world.host.isHolding = true;
    await openData(client);
    client.send('x\r\n.\r\n');
    await wait(3000);
    assert.equal(client.heard, '');
    world.host.held.pop()?.();
    assert.match(await client.reply(), /^250 /);
    world.bodies.isHolding = true;
    await openData(client);
    assert.match(await client.talk('x\r\n.'), /^451 4\.4\.5 /);
    world.bodies.held.pop()?.();
    assert.equal(world.host.submissions.length, 1);
    assert.match(await client.talk('NOOP'), /^250 /);
  });

  test('an envelope has its own deadline, however busy', () => {
    const pace = new Pace({ client_timeout: 60_000, data_processing_timeout: 1000 }, 0);
    pace.envelopeBegan();
    for (let now = 0; now < ENVELOPE_MS_MAX; now += 30_000) {
      pace.replied(now);
      assert.equal(pace.isOverdue(now, 0), false);
    }
    assert.equal(pace.isOverdue(ENVELOPE_MS_MAX, 0), true);
  });
});

describe('stopping', () => {
  test('turns away, lets messages finish, and loses none that was answered', async () => {
    world = await openIntake();
    const idle = await world.greet();
    const half = await world.greet();
    await half.talk('MAIL FROM:<a@a.test>');
    const sending = await world.greet();
    await openData(sending);
    const waiting = await world.greet();
    world.host.isHolding = true;
    await openData(waiting);
    waiting.send('x\r\n.\r\n');
    while (world.host.held.length === 0) await wait(5);
    const from = performance.now();
    const stopped = world.listener.stop(60_000);
    const farewell = '421 4.3.2 mx.test shutting down';
    assert.deepEqual([await idle.reply(), await half.reply()], [farewell, farewell]);
    await assert.rejects(world.dial());
    sending.send('y\r\n.\r\n');
    while (world.host.held.length < 2) await wait(5);
    for (const answer of world.host.held.splice(0)) answer();
    for (const client of [sending, waiting]) {
      assert.match(await client.reply(), /^250 2\.0\.0 OK/);
      assert.equal(await client.reply(), farewell);
    }
    await stopped;
    assert.ok(performance.now() - from < 30_000, 'nobody waited for the grace to end');
    assert.equal(world.listener.sessions(), 0);
    assert.equal(world.host.submissions.length, 2);
  });

  test('evicts what is unfinished when the grace is over', async () => {
    world = await openIntake();
    const sending = await world.greet();
    await openData(sending);
    sending.send('half a message\r\n');
    const from = performance.now();
    await world.listener.stop(300);
    assert.ok(performance.now() - from < 20_000);
    assert.match(await sending.reply(), /^421 /);
    assert.equal(world.bodies.written.length, 0);
  });
});
