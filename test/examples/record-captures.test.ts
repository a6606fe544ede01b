/**
 * Header fields and metadata that readers of the log ask for, and what clients are refused: from
 * real clients through listener and engine to the public records. The one idea: the sockets are
 * real, the world behind the engine is not, so that delivery is there without a network.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { parseListenerConfig } from '../../src/domain/options-listener.ts';
import type { SmtpListener } from '../../src/intake/smtp.ts';
import { startSmtpListener } from '../../src/intake/smtp.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import { captureFor } from '../../src/projections/log-record/capture.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { projectAll } from '../world/records.ts';
import { RawClient } from './intake-world.ts';

const CAPTURE = {
  meta: ['received_via', 'received_from', 'hostname', 'team', 'x_*'],
  headers: ['Subject', 'X-*', 'received'],
};

let world: World;
let listener: SmtpListener;
let pump: NodeJS.Timeout;

const records = (type: LogRecord['type']): LogRecord[] =>
  projectAll(world.witness.records)
    .map(({ record }) => record)
    .filter((record) => record.type === type);

/** Waits until there are `count` records of a type. */
async function wait(type: LogRecord['type'], count: number): Promise<readonly LogRecord[]> {
  for (let left = 200; left > 0 && records(type).length < count; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const found = records(type);
  assert.ok(found.length >= count, `${found.length} of ${count} ${type}`);
  return found;
}

async function dial(): Promise<RawClient> {
  const socket = connect(listener.port, '127.0.0.1');
  const client = new RawClient(socket);
  await once(socket, 'connect');
  await client.reply();
  await client.talk('EHLO client.test');
  return client;
}

before(async () => {
  world = await World.start({ seed: 3, capture: CAPTURE, manners: { 'a.test': accepting } });
  await world.runFor(100);
  const raw = {
    listen: '127.0.0.1:0',
    hostname: 'mx.test',
    relay_hosts: ['127.0.0.1'],
    meta: { team: 'news', x_lot: 7, other: 'no' },
  };
  const config = parseListenerConfig(raw, 'test');
  const note = (): void => {};
  listener = await startSmtpListener(config, world.engine, world.bodies, createClock(), note);
  pump = setInterval(() => void world.runFor(50), 5);
});
after(async () => {
  clearInterval(pump);
  await listener.stop(0);
});

describe('what is asked for', () => {
  test('is on every record of the message, with its own spelling', async () => {
    const transport = createTransport({ host: '127.0.0.1', port: listener.port, secure: false });
    await transport.sendMail({
      from: 's@x.test',
      to: 'u@a.test',
      subject: 'Grüße',
      headers: { 'X-Campaign-ID': 'spring', 'X-Tag': ['one', 'two'], Precedence: 'bulk' },
      text: 'Subject: not a header',
    });
    transport.close();
    const [delivery] = await wait('Delivery', 1);
    const [reception] = records('Reception');
    for (const record of [reception as LogRecord, delivery as LogRecord]) {
      const { Received: received, ...own } = record.headers;
      assert.match(String(received), /^from .*\sby mx\.test with ESMTP id [0-9a-f]{32}/s);
      assert.deepEqual(own, {
        'X-Campaign-ID': 'spring',
        'X-Tag': ['one', 'two'],
        Subject: '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
      });
      const { received_from, ehlo_domain: _, ...meta } = record.meta;
      assert.match(String(received_from), /^127\.0\.0\.1:\d+$/);
      assert.deepEqual(meta, {
        reception_protocol: 'ESMTP',
        received_via: `127.0.0.1:${listener.port}`,
        hostname: 'mx.test',
        team: 'news',
        x_lot: 7,
      });
    }
    const session = String(reception?.session_id);
    assert.match(session, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(delivery?.session_id, session);
    const seen = captureFor(delivery as LogRecord, ['x_*'], ['x-tag']);
    assert.deepEqual([seen.meta, seen.headers], [{ x_lot: 7 }, { 'X-Tag': ['one', 'two'] }]);
  });

  test('folded lines are unfolded, and what is too long is left out', async () => {
    const client = await dial();
    await client.talk('MAIL FROM:<folding@x.test>');
    await client.talk('RCPT TO:<u@a.test>');
    await client.talk('DATA');
    const long = `X-Long: ${'y'.repeat(400)}\r\n`.repeat(30);
    await client.talk(`X-FOLD: one\r\n two\r\n\tthree\r\nSubject : spaced\r\n${long}\r\nbody\r\n.`);
    await wait('Reception', 2);
    const found = records('Reception').find(({ sender }) => sender === 'folding@x.test');
    const { Received: _, 'X-FOLD': fold, Subject: subject, 'X-Long': kept } = found?.headers ?? {};
    assert.deepEqual([fold, subject], ['one two\tthree', 'spaced']);
    assert.ok(Array.isArray(kept) && kept.length > 10 && kept.length < 30);
    client.socket.destroy();
  });
});

describe('what is refused', () => {
  test('is a record with the line, the transaction and the session, without secrets', async () => {
    const client = await dial();
    await client.talk('MAIL FROM:<s@x.test>');
    await client.talk('RCPT TO:<u@a.test>');
    await client.talk('RCPT TO:<bad@@a.test>');
    await client.talk('AUTH PLAIN c2VjcmV0');
    await client.talk('c2VjcmV0IHR3aWNl');
    await client.talk('VRFY u');
    const told = await wait('Rejection', 3);
    const [bad, auth, line] = told as [LogRecord, LogRecord, LogRecord];
    assert.equal(bad.id, '');
    assert.equal(bad.sender, 's@x.test');
    assert.equal(bad.recipient, 'u@a.test');
    assert.deepEqual(bad.response, {
      code: 501,
      enhanced_code: { class: 5, subject: 1, detail: 3 },
      content: 'bad recipient address syntax',
      command: 'RCPT TO:<bad@@a.test>',
    });
    assert.deepEqual(bad.peer_address, { name: 'client.test', addr: '127.0.0.1' });
    assert.equal(bad.meta['team'], 'news');
    assert.deepEqual(bad.headers, {});
    assert.equal(bad.reception_protocol, null);
    assert.equal(auth.response.command, 'AUTH PLAIN');
    assert.equal(line.response.command, '***');
    assert.equal(new Set(told.map(({ session_id }) => session_id)).size, 1);
    client.socket.destroy();
  });

  test('too many are counted, not written', async () => {
    const client = await dial();
    const before = { ...world.engine.refusals };
    const refused = { listener: 'l', peer: 'p', helo: 'h', session: 's', command: 'NOPE' };
    for (let times = 0; times < 500; times += 1) {
      world.engine.noteRefused?.({ ...refused, code: 500, enhanced: '5.5.1', text: 'no' });
    }
    const { told, missed } = world.engine.refusals;
    assert.equal(told - before.told + (missed - before.missed), 500);
    assert.ok(told - before.told <= 100 && missed - before.missed >= 400);
    client.socket.destroy();
  });
});
