/**
 * Stories of mail inside mail: byte sequences that some server takes for the end of data, cut into
 * packets at every place. None may end the message, and none may reach a next hop as it is.
 * The one idea: two commands follow each sequence, and no second envelope may come of them.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { DataReader } from '../../src/intake/data-reader.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake, storedBody, wait } from './intake-world.ts';

const ENDS = ['\n.\n', '\r\n.\n', '\n.\r\n', '\r.\r', '\r.\n', '\n.\r', '\r\n.\r', '\r\n\0.\r\n'];
const INNER = 'MAIL FROM:<evil@evil.test>\r\nRCPT TO:<v@victim.test>\r\nDATA\r\nevil\r\n';

let world: IntakeWorld;

/** Sends the data phase in two packets, and a QUIT that must be answered as a command. */
async function sendInTwo(client: RawClient, body: string, at: number): Promise<string> {
  await client.talk('MAIL FROM:<a@a.test>');
  await client.talk('RCPT TO:<b@b.test>');
  await client.talk('DATA');
  const bytes = `${body}\r\n.\r\n`;
  client.send(bytes.slice(0, at));
  await wait(1);
  client.send(bytes.slice(at));
  return client.reply();
}

describe('smuggling', () => {
  afterEach(() => world?.end());

  for (const end of ENDS) {
    const name = JSON.stringify(end);
    test(`${name} ends nothing, wherever it is cut`, () => {
      for (const head of ['', 'x', 'text\r\n', 'text']) {
        const sent = `${head}${end}${INNER}\r\n.\r\n`;
        for (let first = 0; first <= sent.length; first += 1) {
          const reader = new DataReader(1e6);
          const chunks = [sent.slice(0, first), sent.slice(first)].map((part) => Buffer.from(part));
          const [one, two] = chunks.map((chunk) => reader.feed(chunk));
          const isEnded = first === sent.length ? one === first : one === -1 && two !== -1;
          assert.ok(isEnded, `head ${JSON.stringify(head)} cut at ${first}`);
          assert.ok(reader.hasBareLineEnds || reader.hasNul, `${JSON.stringify(head)} ${first}`);
        }
      }
    });

    test(`${name} is refused over the wire, and mended when told to`, async () => {
      world = await openIntake();
      const body = `text${end}${INNER}`;
      for (let at = 3; at < 'text'.length + end.length + 3; at += 1) {
        const client = await world.greet();
        assert.match(await sendInTwo(client, body, at), /^552 5\.6\.0 /);
        assert.match(await client.talk('NOOP'), /^250 2\.0\.0 OK$/);
        client.socket.destroy();
      }
      assert.equal(world.bodies.written.length, 0);
      await world.end();
      if (end.includes('\0')) return;
      for (const mode of ['Fix', 'Allow']) {
        world = await openIntake({ invalid_line_endings: mode });
        const client = await world.greet();
        assert.match(await sendInTwo(client, body, 6), /^250 2\.0\.0 /);
        assert.match(await client.talk('NOOP'), /^250 2\.0\.0 OK$/);
        assert.equal(world.host.submissions.length, 1);
        assert.doesNotMatch(storedBody(world.bodies), /\r(?!\n)|(?<!\r)\n/);
        await world.end();
      }
    });
  }

  test('a first line of two dots, cut anywhere, is a line of one dot', async () => {
    world = await openIntake();
    const body = '..\r\nMAIL FROM:<evil@evil.test>\r\n...\r\n.x\r\nend';
    for (let at = 1; at < body.length + 5; at += 1) {
      const client = await world.greet();
      assert.match(await sendInTwo(client, body, at), /^250 2\.0\.0 /);
      const stored = storedBody(world.bodies, world.bodies.written.length - 1);
      assert.equal(stored, '.\r\nMAIL FROM:<evil@evil.test>\r\n..\r\nx\r\nend\r\n');
      client.socket.destroy();
    }
    assert.equal(world.host.submissions.length, body.length + 4);
  });

  test('an empty message is a message, byte by byte', async () => {
    world = await openIntake();
    const client = await world.greet();
    for (const bytes of ['.\r\n', 'x\r\n.\r\n']) {
      await client.talk('MAIL FROM:<a@a.test>');
      await client.talk('RCPT TO:<b@b.test>');
      await client.talk('DATA');
      for (const byte of bytes) {
        client.send(byte);
        await wait(2);
      }
      assert.match(await client.reply(), /^250 2\.0\.0 /);
    }
    assert.deepEqual([storedBody(world.bodies, 0), storedBody(world.bodies, 1)], ['', 'x\r\n']);
  });

  test('a connection that ends before the dot leaves nothing', async () => {
    world = await openIntake();
    const full = 'MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nx\r\n.\r';
    for (let upto = 1; upto <= full.length; upto += 3) {
      for (const leave of ['end', 'resetAndDestroy'] as const) {
        const client = await world.greet();
        client.send(full.slice(0, upto));
        await wait(1);
        client.socket[leave]();
        await client.over();
      }
    }
    while (world.listener.sessions() > 0) await wait(5);
    assert.equal(world.bodies.written.length, 0);
  });
});
