/**
 * Stories of clients that want too much: too many, too long, too large, too wrong, too slow.
 * The one idea: each bound is tried on both sides. It does not know why a bound has its value.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { parseListenerConfig, sessionSettings } from '../../src/domain/options-listener.ts';
import { DataReader } from '../../src/intake/data-reader.ts';
import { Desk } from '../../src/intake/desk.ts';
import {
  HELD_BYTES_MAX,
  OVERRUN_BYTES_MAX,
  SESSIONS_PER_ADDRESS_MAX,
} from '../../src/intake/limits.ts';
import { judge, OVERLOADED } from '../../src/intake/message-intake.ts';
import { COMMAND_BYTES_MAX } from '../../src/intake/parser.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake, wait } from './intake-world.ts';

const config = parseListenerConfig({}, 'test');
let world: IntakeWorld;

async function begin(options: Record<string, unknown> = {}): Promise<RawClient> {
  world = await openIntake(options);
  return world.greet();
}

async function offer(client: RawClient, body: string): Promise<string> {
  await client.talk('MAIL FROM:<a@a.test>');
  await client.talk('RCPT TO:<b@b.test>');
  await client.talk('DATA');
  return client.talk(`${body}\r\n.`);
}

describe('limits', () => {
  afterEach(() => world.end());

  test('max_message_size, counted and announced', async () => {
    const client = await begin({ max_message_size: 1000 });
    assert.match(await client.talk('MAIL FROM:<a@a.test> SIZE=1001'), /^552 5\.3\.4 /);
    assert.match(await client.talk('MAIL FROM:<a@a.test> SIZE=1000'), /^250 /);
    await client.talk('RSET');
    const line = `${'x'.repeat(98)}\r\n`;
    assert.match(await offer(client, line.repeat(10).slice(0, -2)), /^250 /);
    assert.match(await offer(client, `${line.repeat(10)}`), /^552 5\.3\.4 /);
    assert.equal(world.bodies.written.length, 1);
    assert.match(await client.talk('NOOP'), /^250 /);
  });

  test('line_length_hard_limit', async () => {
    const client = await begin();
    assert.match(await offer(client, 'x'.repeat(998)), /^250 /);
    assert.match(await offer(client, `.${'.'.repeat(998)}`), /^250 /);
    assert.match(await offer(client, 'x'.repeat(999)), /^500 5\.2\.3 /);
    assert.match(await offer(client, 'x'.repeat(3_000_000)), /^500 5\.2\.3 /);
    assert.equal(world.bodies.written.length, 2);
  });

  test('a message that has gone round in a loop', async () => {
    const client = await begin();
    const hops = (count: number): string => 'received: by x\r\n'.repeat(count);
    assert.match(await offer(client, `${hops(100)}\r\n${hops(9)}`), /^250 /);
    assert.match(await offer(client, `${hops(101)}\r\nx`), /^554 5\.4\.6 /);
  });

  test('a message without end is cut off', async () => {
    const client = await begin({ max_message_size: 1000 });
    await client.talk('MAIL FROM:<a@a.test>');
    await client.talk('RCPT TO:<b@b.test>');
    await client.talk('DATA');
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    for (let at = 0; at < OVERRUN_BYTES_MAX / chunk.length + 1; at += 1) client.send(chunk);
    assert.match(await client.reply(), /^421 4\.3\.2 /);
    assert.equal(world.bodies.written.length, 0);
  });

  test('bytes in transit, over all sessions', async () => {
    world = await openIntake();
    const desk = new Desk(config, world.host, world.bodies, createClock(), () => {}, 'mx.test');
    assert.equal(desk.hold(HELD_BYTES_MAX), true);
    assert.equal(desk.hold(1), false);
    assert.equal(desk.hold(-1), true);
    const reader = new DataReader(1000);
    reader.feed(Buffer.from('kept\r\n'));
    reader.drop();
    reader.feed(Buffer.from('not kept\r\n.\r\n'));
    assert.equal(reader.pieces.bytes, 0);
    const judged = judge(reader, sessionSettings(config, '127.0.0.1', '127.0.0.1'));
    assert.deepEqual(judged, OVERLOADED);
  });

  test('NUL is refused in every mode', async () => {
    for (const mode of ['Deny', 'Allow', 'Fix']) {
      const client = await begin({ invalid_line_endings: mode });
      assert.match(await offer(client, 'a\0b'), /^552 5\.6\.0 /);
      assert.equal(world.bodies.written.length, 0);
      await world.end();
    }
  });

  test('max_recipients_per_message', async () => {
    const client = await begin({ max_recipients_per_message: 2 });
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<1@b.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<2@b.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<3@b.test>'), /^452 4\.5\.3 /);
    assert.match(await client.talk('RCPT TO:<2@B.test>'), /^250 /);
    await client.talk('DATA');
    assert.match(await client.talk('x\r\n.'), /^250 /);
    assert.equal(world.host.submissions[0]?.messages.length, 2);
  });

  test('max_messages_per_connection', async () => {
    const client = await begin({ max_messages_per_connection: 2 });
    assert.match(await offer(client, 'x'), /^250 /);
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<1@b.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<2@b.test>'), /^452 4\.5\.3 /);
    await client.talk('DATA');
    assert.match(await client.talk('x\r\n.'), /^250 /);
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<1@b.test>'), /^421 4\.3\.2 mx\.test /);
    await client.over();
  });

  test('max_connections', async () => {
    const client = await begin({ max_connections: 2 });
    await world.greet();
    const third = await world.dial();
    const text = '421 4.3.2 mx.test too many concurrent sessions. Try later';
    assert.equal(await third.reply(), text);
    await third.over();
    await client.talk('QUIT');
    await client.over();
    while (world.listener.sessions() > 1) await wait(5);
    assert.match(await (await world.dial()).reply(), /^220 /);
  });

  test('sessions of one stranger', async () => {
    world = await openIntake({ relay_hosts: [] });
    const dialled = Array.from({ length: SESSIONS_PER_ADDRESS_MAX + 5 }, () => world.dial());
    const greetings = await Promise.all(
      (await Promise.all(dialled)).map((client) => client.reply()),
    );
    const welcomed = greetings.filter((line) => line.startsWith('220 '));
    const refused = greetings.filter((line) => line.startsWith('421 4.7.0 '));
    assert.deepEqual([welcomed.length, refused.length], [SESSIONS_PER_ADDRESS_MAX, 5]);
  });

  test('a stranger who talks before the greeting', async () => {
    world = await openIntake({ relay_hosts: [] });
    const client = await world.dial();
    client.send('EHLO early.test\r\n');
    assert.match(await client.reply(), /^421 /);
    await client.over();
  });

  test('the length of a command', async () => {
    const client = await begin();
    const pad = (bytes: number) => `NOOP ${'x'.repeat(bytes - 'NOOP '.length)}`;
    assert.match(await client.talk(pad(COMMAND_BYTES_MAX)), /^250 /);
    assert.match(await client.talk(pad(COMMAND_BYTES_MAX + 1)), /^500 5\.5\.2 /);
    assert.match(await client.reply(), /^421 4\.7\.0 /);
    const endless = await world.greet();
    endless.send('x'.repeat(COMMAND_BYTES_MAX + 1));
    assert.match(await endless.reply(), /^500 5\.5\.2 /);
  });

  test('ten errors, unless a message is accepted between', async () => {
    const client = await begin();
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 4; at += 1)
        assert.match(await client.talk('MAIL FROM:<>x'), /^501|^555/);
      assert.match(await offer(client, 'x'), /^250 /);
    }
    for (let at = 0; at < 9; at += 1) await client.talk('RCPT TO:<a@b.test>');
    assert.match(await client.talk('MAIL FROM:x'), /^501 /);
    assert.match(await client.reply(), /^421 4\.7\.0 mx\.test too many errors/);
    await client.over();
  });

  test('100,000 pipelined commands are answered and harm nothing', async () => {
    const client = await begin();
    client.send('NOOP\r\n'.repeat(100_000));
    let count = 0;
    while (count < 100_000) {
      await client.reply();
      const lines = client.heard.split('\n').length - 1;
      client.heard = client.heard.slice(client.heard.lastIndexOf('\n') + 1);
      count += lines + 1;
    }
    assert.equal(count, 100_000);
  });

  test('what a peer says is one harmless line in the log', async () => {
    const client = await begin();
    await client.talk('EHLO a\u001b[31m\x07');
    await client.talk('MAIL FROM:<\u001b[2J@b.test>');
    await client.talk(`MAIL FROM:<${'\xe2\x80\xae'}gro.live@b.test>`);
    await client.talk('RCPT TO:<a@b.test>\rX');
    assert.doesNotMatch(world.log.join(''), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    assert.match(world.log.join(''), /it said: MAIL FROM:<\\u001b\[2J@b\.test>/);
  });
});
