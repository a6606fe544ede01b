/**
 * Stories of reports that come in by SMTP: who may bring one, what the client hears, what is stored
 * and what goes on record. The one idea: the listener is real, what it hands over is looked at.
 * It does not know what becomes of it: see report-records.test.ts.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { ReportNote, Submission } from '../../src/intake/host.ts';
import { readSample } from '../samples/reports.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake } from './intake-world.ts';

const STRANGER = { relay_hosts: ['192.0.2.0/24'] };
const DOMAINS: Readonly<Record<string, object>> = {
  'b.sender.test': { log_oob: 'LogThenDrop' },
  'keep.test': { log_oob: true, log_arf: true },
  'f.sender.test': { log_arf: 'LogThenDrop' },
  'open.test': { relay_to: true, log_oob: 'LogThenDrop' },
};
const NO_REPORT = /^550 5\.7\.1 only reports of failures and complaints/;

let world: IntakeWorld;
const open = async (options: object = STRANGER): Promise<RawClient> => {
  world = await openIntake({ ...options });
  world.host.domains = (domain) => DOMAINS[domain];
  return world.greet();
};

/** Sends a message; the reply to its dot, or to the recipient that was refused. */
async function send(client: RawClient, message: Buffer | string, ...to: string[]): Promise<string> {
  await client.talk('MAIL FROM:<>');
  for (const recipient of to) {
    const reply = await client.talk(`RCPT TO:<${recipient}>`);
    if (!reply.startsWith('250')) return reply;
  }
  await client.talk('DATA');
  client.send(message.toString().replace(/^\./gm, '..'));
  return client.talk('\r\n.');
}
const typesOf = (notes: readonly ReportNote[] | undefined): string[] =>
  (notes ?? []).map(({ type }) => type);

describe('a report that is logged and dropped', () => {
  afterEach(() => world.end());

  test('is answered with 250 and stored nowhere', async () => {
    const client = await open();
    const reply = await send(client, readSample('postfix'), 'bounce+u7@b.sender.test');
    assert.match(reply, /^250 2\.0\.0 OK ids=[0-9a-f]{32}$/);
    assert.equal(world.bodies.written.length, 0);
    assert.equal(world.host.submissions.length, 0);
    const { reports } = world.host;
    assert.deepEqual(typesOf(reports), ['report.received', 'report.bounced']);
    assert.equal(reports[0]?.stream, reply.slice(-32));
    const [, bounced] = reports;
    assert.ok(bounced?.type === 'report.bounced');
    const { reporter, recipient, status, code, text, to, queue } = bounced.body;
    assert.deepEqual(
      { reporter, recipient, status, code, to, queue },
      {
        reporter: 'mx.relay.test',
        recipient: 'anna.alias@relay.test',
        status: '5.1.1',
        code: 550,
        to: ['bounce+u7@b.sender.test'],
        queue: 'b.sender.test',
      },
    );
    assert.match(text, /^5\.1\.1 <anna@dest\.test>: Recipient/);
  });

  test('is promised only when that is durable', async () => {
    const client = await open();
    world.host.isHolding = true;
    const reply = send(client, readSample('postfix'), 'x@b.sender.test');
    while (world.host.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.heard, '');
    for (const answer of world.host.held.splice(0)) answer();
    assert.match(await reply, /^250 /);
  });

  test('is not promised when it cannot be', async () => {
    const client = await open();
    world.host.submitRefusal = { code: 421, enhanced: '4.3.2', text: 'stopping' };
    assert.match(await send(client, readSample('postfix'), 'x@b.sender.test'), /^421 4\.3\.2 /);
  });

  test('makes an event for each recipient that was not reached', async () => {
    const client = await open();
    await send(client, readSample('several'), 'x@b.sender.test');
    const bounced = world.host.reports.filter((note) => note.type === 'report.bounced');
    assert.deepEqual(
      bounced.map(({ body: { recipient, code, text } }) => [recipient, code, text]),
      [
        ['louisl@larry.test', 426, 'connection timed out'],
        ['lost', 550, ''],
      ],
    );
  });

  test('is dropped also where mail may be relayed', async () => {
    const client = await open({ relay_hosts: ['127.0.0.1'] });
    assert.match(await send(client, readSample('exim'), 'x@open.test'), /^250 /);
    assert.equal(world.host.submissions.length, 0);
    assert.match(await send(client, 'Subject: no report\r\n\r\nHello', 'x@open.test'), /^250 /);
    assert.equal(world.host.submissions.length, 1);
  });
});

describe('a report that is logged and relayed', () => {
  afterEach(() => world.end());

  test('is stored and goes on, its events with it', async () => {
    const client = await open();
    assert.match(await send(client, readSample('gmail'), 'x@keep.test'), /^250 /);
    const [submission] = world.host.submissions as [Submission];
    assert.deepEqual(typesOf(submission.reports), ['report.bounced']);
    assert.equal(submission.reports?.[0]?.stream, submission.messages[0]?.id);
    assert.match(world.bodies.written[0]?.text ?? '', /Address not found/);
  });

  test('is a complaint before it is anything else', async () => {
    const client = await open();
    assert.match(await send(client, readSample('arf-yahoo'), 'x@keep.test'), /^250 /);
    assert.deepEqual(typesOf(world.host.submissions[0]?.reports), ['report.complained']);
  });

  test('may be dropped for one recipient and go on for another', async () => {
    const client = await open();
    const reply = await send(client, readSample('exim'), 'x@b.sender.test', 'y@keep.test');
    assert.match(reply, /^250 /);
    const [{ messages, reports }] = world.host.submissions as [Submission];
    assert.deepEqual(
      messages.map(({ to }) => to),
      [['y@keep.test']],
    );
    assert.deepEqual(typesOf(reports), ['report.received', 'report.bounced', 'report.bounced']);
    assert.equal(new Set(reports?.map(({ stream }) => stream)).size, 2);
  });
});

describe('what is no report', () => {
  afterEach(() => world.end());

  test('is refused by a domain for reports alone, after its dot', async () => {
    const client = await open();
    assert.match(await send(client, 'Subject: x\r\n\r\nHello', 'x@b.sender.test'), NO_REPORT);
    assert.match(await send(client, readSample('qmail'), 'x@b.sender.test'), NO_REPORT);
    const broken = readSample('postfix').toString().replace('Action: failed', 'Action: lost');
    assert.match(await send(client, broken, 'x@b.sender.test'), NO_REPORT);
    assert.match(world.log.join('\n'), /taken for mail: action is none of those there are/);
    assert.equal(world.host.reports.length + world.host.submissions.length, 0);
  });

  test('is what the domain does not ask for', async () => {
    const client = await open();
    assert.match(await send(client, readSample('arf-yahoo'), 'x@b.sender.test'), NO_REPORT);
    assert.match(await send(client, readSample('postfix'), 'x@f.sender.test'), NO_REPORT);
    assert.match(await send(client, readSample('arf-yahoo'), 'x@f.sender.test'), /^250 /);
  });

  test('is refused for all where one of several domains does not ask for it', async () => {
    const client = await open();
    const reply = await send(client, readSample('arf-yahoo'), 'x@f.sender.test', 'y@b.sender.test');
    assert.match(reply, NO_REPORT);
    assert.equal(world.host.reports.length, 0);
  });

  test('goes to nobody where one recipient takes reports alone', async () => {
    const client = await open();
    const reply = await send(client, 'Subject: x\r\n\r\nHello', 'x@open.test', 'y@b.sender.test');
    assert.match(reply, NO_REPORT);
    assert.equal(world.host.submissions.length, 0);
  });

  test('is ordinary mail from those who may relay', async () => {
    const client = await open({ relay_hosts: ['127.0.0.1'] });
    assert.match(await send(client, 'Subject: x\r\n\r\nHello', 'x@b.sender.test'), /^250 /);
    assert.match(await send(client, readSample('postfix'), 'x@elsewhere.test'), /^250 /);
    assert.equal(world.host.submissions.length, 2);
    assert.equal(world.host.submissions[1]?.reports, undefined);
  });

  test('other domains and routed addresses stay closed', async () => {
    const client = await open();
    for (const to of ['x@elsewhere.test', 'v%victim.test@b.sender.test']) {
      assert.match(await send(client, readSample('postfix'), to), /^550 5\.7\.1 relaying/);
      await client.talk('RSET');
    }
  });

  test('waits while the policy cannot say', async () => {
    const client = await open();
    world.host.domains = () => 'failed';
    assert.match(await send(client, readSample('postfix'), 'x@b.sender.test'), /^451 4\.3\.0 /);
    await client.talk('RSET');
  });
});
