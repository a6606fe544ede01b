/**
 * Stories of mail coming in over SMTP: what is accepted, how it is stored and what is answered.
 * The one idea: the client is bytes, so each reply is compared as it went over the wire. It does
 * not know the library below.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake, storedBody } from './intake-world.ts';

const MESSAGE = 'Subject: hello\r\n\r\nOne line.\r\n';
let world: IntakeWorld;
let client: RawClient;

async function begin(options: Record<string, unknown> = {}): Promise<void> {
  await world?.end();
  world = await openIntake(options);
  client = await world.greet();
}

async function offer(recipients: readonly string[]): Promise<string> {
  await client.talk('MAIL FROM:<from@a.test>');
  for (const recipient of recipients) await client.talk(`RCPT TO:<${recipient}>`);
  assert.match(await client.talk('DATA'), /^354 /);
  return client.talk(`${MESSAGE}.`);
}

describe('SMTP intake', () => {
  beforeEach(() => begin());
  afterEach(() => world.end());

  test('greets, and offers what it does', async () => {
    const dialled = await world.dial();
    assert.equal(await dialled.reply(), '220 mx.test ESMTP Waybill');
    const lines = (await dialled.talk('EHLO me.test')).split('\r\n').map((line) => line.slice(4));
    const offered = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'SIZE 20971520'];
    assert.deepEqual(lines, ['mx.test', ...offered]);
    assert.match(await dialled.talk('HELO me.test'), /^250 /);
  });

  test('says whose bodies may stay in memory', async () => {
    await offer(['to@b.test']);
    assert.deepEqual(world.bodies.mayDefer, [false]);
    await begin({ deferred_spool: true });
    await offer(['to@b.test']);
    assert.deepEqual(world.bodies.mayDefer, [true]);
    await begin({ deferred_spool: true, peer: { '127.0.0.0/8': { deferred_spool: false } } });
    await offer(['to@b.test']);
    assert.deepEqual(world.bodies.mayDefer, [false]);
  });

  test('takes a message and answers with its id', async () => {
    const id = '1'.padStart(32, '0');
    assert.equal(await offer(['to@b.test']), `250 2.0.0 OK ids=${id}`);
    const [submission] = world.host.submissions;
    assert.equal(submission?.from, 'from@a.test');
    assert.deepEqual(submission?.messages, [{ id, to: ['to@b.test'] }]);
    assert.equal(submission?.peer, '127.0.0.1');
    assert.equal(submission?.helo, 'client.test');
    assert.equal(submission?.bodyBytes, world.bodies.written[0]?.text.length);
    const bytes = Buffer.concat([...(submission?.chunks ?? [])]).toString('latin1');
    assert.equal(bytes, world.bodies.written[0]?.text);
    assert.equal(storedBody(world.bodies), MESSAGE);
  });

  test('keeps the envelopes beside the body', async () => {
    await offer(['x@b.test', 'y@c.test']);
    const header = JSON.parse(world.bodies.written[0]?.header ?? '');
    assert.deepEqual(header.to, [['x@b.test'], ['y@c.test']]);
    assert.equal(header.from, 'from@a.test');
    assert.equal(header.ids.length, 2);
  });

  test('adds a Received header, and names the recipient only if there is one', async () => {
    await offer(['x@b.test']);
    const form = new RegExp(
      [
        '^Received: from client\\.test \\(\\[127\\.0\\.0\\.1\\]\\)',
        '\tby mx\\.test with ESMTP id 0{31}1',
        '\tfor <x@b\\.test>;',
        '\t\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d \\+0000',
        'Subject:',
      ].join('\r\n'),
    );
    assert.match(world.bodies.written[0]?.text ?? '', form);
    await offer(['x@b.test', 'y@b.test']);
    assert.doesNotMatch(world.bodies.written[1]?.text ?? '', /\bfor </);
  });

  test('leaves the header out when told to', async () => {
    await begin({ trace_headers: { received_header: false, supplemental_header: false } });
    await offer(['x@b.test']);
    assert.equal(world.bodies.written[0]?.text, MESSAGE);
  });

  test('makes one message per recipient, or per domain', async () => {
    const recipients = ['a@x.test', 'b@y.test', 'c@X.test', 'a@x.test'];
    await offer(recipients);
    assert.equal(world.host.submissions[0]?.messages.length, 3);
    await begin({ batch_handling: 'BatchByDomain' });
    await offer(recipients);
    const batches = world.host.submissions[0]?.messages.map(({ to }) => to);
    assert.deepEqual(batches, [['a@x.test', 'c@X.test'], ['b@y.test']]);
  });

  test('answers many ids in lines that are not too long', async () => {
    const recipients = Array.from({ length: 40 }, (_, index) => `r${index}@b.test`);
    const lines = (await offer(recipients)).split('\r\n');
    assert.ok(lines.length > 1 && lines.every((line) => line.length <= 510));
    assert.equal(lines.join(' ').match(/[0-9a-f]{32}/g)?.length, 40);
    assert.match(lines[0] ?? '', /^250-2\.0\.0 OK ids=/);
    assert.match(lines.at(-1) ?? '', /^250 2\.0\.0 ids=/);
  });

  test('takes the null sender, and many messages pipelined in one write', async () => {
    const one = 'MAIL FROM:<>\r\nRCPT TO:<t@b.test>\r\nDATA\r\n.\r\n';
    client.send(one.repeat(2000));
    const expected = [/^250 2\.1\.0/, /^250 2\.1\.5/, /^354/, /^250 2\.0\.0 OK/];
    for (let at = 0; at < 2000 * 4; at += 1) {
      assert.match(await client.reply(), expected[at % 4] as RegExp);
    }
    assert.equal(world.host.submissions.length, 2000);
    assert.equal(world.host.submissions[299]?.from, '');
  });

  test('says nothing before body and event are durable', async () => {
    world.bodies.isHolding = true;
    world.host.isHolding = true;
    await client.talk('MAIL FROM:<from@a.test>');
    await client.talk('RCPT TO:<t@b.test>');
    await client.talk('DATA');
    client.send(`${MESSAGE}.\r\nNOOP\r\n`);
    while (world.bodies.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(world.host.submissions.length, 0);
    world.bodies.held.pop()?.();
    assert.equal(world.host.submissions.length, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(client.heard, '');
    world.host.held.pop()?.();
    assert.match(await client.reply(), /^250 2\.0\.0 OK ids=/);
    assert.match(await client.reply(), /^250 2\.0\.0 OK$/);
  });

  test('passes on what the engine refuses, at each step', async () => {
    const refusal = { code: 452, enhanced: '4.3.1', text: 'the disk is full' };
    world.host.refusal = refusal;
    const dialled = await world.dial();
    assert.match(await dialled.reply(), /^220 /);
    assert.equal(await client.talk('MAIL FROM:<a@a.test>'), '452 4.3.1 the disk is full');
    world.host.refusal = undefined;
    await client.talk('MAIL FROM:<a@a.test>');
    await client.talk('RCPT TO:<t@b.test>');
    world.host.refusal = refusal;
    assert.equal(await client.talk('DATA'), '452 4.3.1 the disk is full');
    world.host.refusal = undefined;
    world.host.submitRefusal = { code: 451, enhanced: '4.3.0', text: 'later' };
    await client.talk('DATA');
    assert.equal(await client.talk('x\r\n.'), '451 4.3.0 later');
    assert.match(await client.talk('DATA'), /^503 /);
    world.host.refusal = { code: 421, enhanced: '4.3.2', text: 'stopping' };
    const turnedAway = await world.dial();
    assert.equal(await turnedAway.reply(), '421 4.3.2 stopping');
    await turnedAway.over();
  });

  test('says 452 when the disk is full, 451 when the body cannot be written', async () => {
    const fault = { where: 'bodies', cause: 'no space', retryable: true };
    world.bodies.fault = { code: 'FAULT_DISK_FULL', ...fault };
    assert.match(await offer(['t@b.test']), /^452 4\.3\.1 /);
    world.bodies.fault = { code: 'FAULT_DISK_IO', ...fault };
    assert.match(await offer(['t@b.test']), /^451 4\.3\.0 /);
    assert.equal(world.host.submissions.length, 0);
    assert.match(world.log.join('\n'), /FAULT_DISK_IO bodies: no space/);
  });

  test('knows 8 bit content and SMTPUTF8', async () => {
    await client.talk('MAIL FROM:<from@a.test> BODY=8BITMIME SMTPUTF8');
    await client.talk(Buffer.from('RCPT TO:<jürgen@b.test>').toString('latin1'));
    await client.talk('DATA');
    assert.match(await client.talk('Gr\xfc\xdfe\r\n.'), /^250 /);
    const [submission] = world.host.submissions;
    assert.equal(submission?.eightBit, true);
    assert.equal(submission?.smtpUtf8, true);
    assert.deepEqual(submission?.messages[0]?.to, ['jürgen@b.test']);
    assert.equal(storedBody(world.bodies), 'Gr\xfc\xdfe\r\n');
    await offer(['t@b.test']);
    assert.equal(world.host.submissions[1]?.eightBit, false);
  });
});
