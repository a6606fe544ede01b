/**
 * Stories of submissions whose messages differ: queues, times, metadata, and bodies of their own,
 * each given back exactly once. And one from a client through a policy to the log.
 * Deliberately unknown here: who submits.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { parseListenerConfig } from '../../src/domain/options-listener.ts';
import type { Letter, SubmittedMessage } from '../../src/intake/host.ts';
import { startSmtpListener } from '../../src/intake/smtp.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import type { BodyRef } from '../../src/ports/ports.ts';
import { isFault } from '../../src/ports/ports.ts';
import { accepting, sayingAt } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { projectAll } from '../world/records.ts';
import { RawClient } from './intake-world.ts';
import { offer } from './reception-kit.ts';

/** References of each body by its length; the first comes with the writing. */
function countReferences(world: World): Map<number, number> {
  const counts = new Map<number, number>();
  const { bodies } = world;
  const refer = bodies.refer.bind(bodies);
  bodies.refer = (segment, by, bytes) => {
    counts.set(bytes, (counts.get(bytes) ?? 0) + by);
    refer(segment, by, bytes);
  };
  return counts;
}

async function writeLetter(world: World, text: string): Promise<Letter> {
  const chunks = [Buffer.from(`Subject: ${text}\r\n\r\nx\r\n`)];
  let body: BodyRef | undefined;
  world.bodies.write('{}', chunks, (ref) => {
    if (!isFault(ref)) body = ref;
  });
  await world.runFor(50);
  assert.ok(body !== undefined);
  const from = `${text}@here.test`;
  return { from, body, chunks, bodyBytes: body.length, eightBit: false };
}

async function submit(
  world: World,
  first: Letter,
  messages: readonly Omit<SubmittedMessage, 'id'>[],
): Promise<string> {
  const ids = world.engine.allocateIds(messages.length);
  const given = messages.map((message, at) => ({ ...message, id: ids[at] as string }));
  let answer = 'none';
  const about = { service: 'http' as const, listener: 'l', peer: '', helo: '', smtpUtf8: false };
  const submission = { ...first, ...about, messages: given, receivedAt: world.now };
  world.engine.submit(submission, (refusal) => {
    answer = refusal === undefined ? 'ok' : String(refusal.code);
  });
  await world.runFor(200);
  return answer;
}

const start = async (): Promise<World> => {
  const manners = { 'a.test': accepting, 'b.test': accepting };
  const world = await World.start({ seed: 1, manners });
  await world.runFor(100);
  return world;
};

const acceptances = (world: World): Record<string, unknown>[] =>
  world.witness.records
    .filter(({ type }) => type === 'message.accepted')
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);

const typesOf = (world: World): string[] =>
  world.witness.records.map(({ type }) => type).filter((type) => type.startsWith('message.'));

test('each message has its own queue, letter, time and metadata', async () => {
  const world = await start();
  const counts = countReferences(world);
  const shared = await writeLetter(world, 'shared');
  const own = await writeLetter(world, 'by-itself');
  const dueAt = world.now + 60_000;
  const headers = { Subject: 's' };
  const answer = await submit(world, shared, [
    { to: ['u@a.test'], queue: 'c:t@a.test', meta: { tenant: 't' } },
    { to: ['u@b.test'], letter: own, headers },
    { to: ['v@b.test'], dueAt },
  ]);
  assert.equal(answer, 'ok');
  const bodies = acceptances(world).map(({ queue, from, due, meta, headers: kept, body }) => {
    return { queue, from, due, meta, kept, bytes: (body as number[])[2] };
  });
  const none = { due: undefined, meta: undefined, kept: undefined };
  const first = { ...none, from: shared.from, bytes: shared.bodyBytes };
  assert.deepEqual(bodies, [
    { ...first, queue: 'c:t@a.test', meta: { tenant: 't' } },
    { ...none, queue: 'b.test', from: own.from, kept: headers, bytes: own.bodyBytes },
    { ...first, queue: 'b.test', due: dueAt },
  ]);
  await world.runFor(5_000);
  assert.equal(typesOf(world).filter((type) => type === 'message.delivered').length, 2);
  assert.deepEqual([counts.get(shared.bodyBytes), counts.get(own.bodyBytes)], [1, 0]);
  await world.runFor(70_000);
  assert.equal(typesOf(world).filter((type) => type === 'message.delivered').length, 3);
  assert.deepEqual([...counts.values()], [0, 0]);
});

test('where each message has a letter of its own, that of the submission is let go', async () => {
  const world = await start();
  const counts = countReferences(world);
  const first = await writeLetter(world, 'nobody');
  const one = await writeLetter(world, 'one');
  const two = await writeLetter(world, 'and-two');
  const messages = [one, two].map((letter) => ({ to: ['u@a.test'], letter }));
  assert.equal(await submit(world, first, messages), 'ok');
  assert.equal(counts.get(first.bodyBytes), 0);
  await world.runFor(10_000);
  assert.deepEqual([...counts.values()], [0, 0, 0]);
});

test('handlers see the metadata when a message goes back to its queue', async () => {
  const seen: unknown[] = [];
  const world = await World.start({
    seed: 1,
    manners: { 'a.test': sayingAt('mail', '451 4.3.2 not now') },
    limits: { hotRowsMax: 1, drawRowsMax: 1 },
    handlers: {
      requeue_message: (message) => {
        seen.push(message.meta);
        return { tenant: String(message.meta?.['x_next'] ?? 'unseen') };
      },
    },
  });
  await world.runFor(100);
  const letter = await writeLetter(world, 'again');
  const to = ['u@a.test'];
  const messages = ['one', 'two'].map((x_next) => ({ to, meta: { x_next } }));
  assert.equal(await submit(world, letter, messages), 'ok');
  await world.runFor(3_000);
  const moves = world.witness.records
    .filter(({ type }) => type === 'message.rebound')
    .map(({ body }) => (JSON.parse(body) as { queue: string }).queue);
  // One of them was held in memory all the time, the other was read back from the log.
  assert.deepEqual(new Set(moves), new Set(['one@a.test', 'two@a.test']));
  assert.deepEqual(seen[0], { x_next: 'one' });
});

test('an engine that stops gives every letter back', async () => {
  const world = await start();
  const counts = countReferences(world);
  const first = await writeLetter(world, 'first');
  const own = await writeLetter(world, 'second-one');
  world.engine.core.isStopping = true;
  const answer = await submit(world, first, [
    { to: ['u@a.test'] },
    { to: ['v@a.test'], letter: own },
  ]);
  assert.equal(answer, '421');
  assert.deepEqual([...counts.values()], [0, 0]);
  assert.equal(acceptances(world).length, 0);
});

test('from a client through the policy: its queue, its metadata on the records', async (t) => {
  const world = await World.start({
    seed: 1,
    capture: { meta: ['x_lot'], headers: [] },
    manners: { 'a.test': accepting },
    handlers: {
      async smtp_server_message_received(message) {
        message.import_x_headers(['X-Lot']);
        message.set_meta('tenant', 'news');
      },
    },
  });
  await world.runFor(100);
  const config = parseListenerConfig({ listen: '127.0.0.1:0' }, 'test');
  const listener = await startSmtpListener(
    config,
    world.engine,
    world.bodies,
    createClock(),
    () => {},
  );
  const pump = setInterval(() => void world.runFor(50), 5);
  t.after(async () => {
    clearInterval(pump);
    await listener.stop(0);
  });
  const socket = connect(listener.port, '127.0.0.1');
  const client = new RawClient(socket);
  await once(socket, 'connect');
  await client.reply();
  await client.talk('EHLO client.test');
  assert.match(await offer(client, ['u@a.test'], 'X-Lot: 7\r\n\r\nb\r\n'), /^250 /);
  socket.destroy();
  for (let left = 200; left > 0 && !typesOf(world).includes('message.delivered'); left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const delivery = projectAll(world.witness.records).find(
    ({ record }) => record.type === 'Delivery',
  );
  assert.equal(delivery?.record.queue, 'news@a.test');
  assert.equal(delivery?.record.meta['x_lot'], '7');
  assert.equal(delivery?.record.meta['tenant'], 'news');
  assert.match(String(delivery?.record.meta['received_via']), /^127\.0\.0\.1:\d+$/);
});
