/**
 * Reports by example: what is read out of those of real kinds of servers, and why others are none.
 * Deliberately unknown here: what a listener does with them.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatMailDate } from '../../src/domain/instant.ts';
import { BLOCKS_MAX } from '../../src/reports/fields.ts';
import { parseMailDate } from '../../src/reports/mail-date.ts';
import { mayBeReport, ORIGINAL_BYTES_MAX } from '../../src/reports/parts.ts';
import type { DsnReport } from '../../src/reports/rfc3464.ts';
import { parseRfc3464 } from '../../src/reports/rfc3464.ts';
import type { FeedbackReport } from '../../src/reports/rfc5965.ts';
import { parseRfc5965 } from '../../src/reports/rfc5965.ts';
import { readSample } from '../samples/reports.ts';

async function dsn(message: Buffer): Promise<DsnReport> {
  const reading = await parseRfc3464(message);
  return reading.kind === 'report' ? reading.report : assert.fail(JSON.stringify(reading));
}
async function arf(message: Buffer): Promise<FeedbackReport> {
  const reading = await parseRfc5965(message);
  return reading.kind === 'report' ? reading.report : assert.fail(JSON.stringify(reading));
}
/** A sample in which one text was replaced by another. */
function altered(name: string, from: string | RegExp, to: string): Buffer {
  const text = readSample(name).toString();
  const changed = text.replace(from, to);
  assert.notEqual(changed, text, 'the sample has that text');
  return Buffer.from(changed);
}

describe('delivery status notifications', () => {
  it('of Postfix', async () => {
    const { per_message, per_recipient, original_message } = await dsn(readSample('postfix'));
    assert.deepEqual(per_message.reporting_mta, { mta_type: 'dns', name: 'mx.relay.test' });
    assert.equal(per_message.arrival_date, Date.parse('2026-11-22T09:15:01Z'));
    assert.deepEqual(per_message.extensions['x-postfix-queue-id'], ['4XyZ1n0Q0Yz9sP']);
    assert.equal(per_recipient.length, 1);
    const [one] = per_recipient;
    assert.deepEqual(one?.original_recipient, {
      recipient_type: 'rfc822',
      recipient: 'anna.alias@relay.test',
    });
    assert.equal(one?.status, '5.1.1');
    assert.deepEqual(one?.diagnostic_code, {
      diagnostic_type: 'smtp',
      diagnostic: '550 5.1.1 <anna@dest.test>: Recipient address rejected:    User unknown',
    });
    assert.match(original_message ?? '', /^Received: from app\.sender\.test[^\r]*Thank you\.\n+$/);
  });

  it('of Exchange, Gmail and Exim', async () => {
    const exchange = await dsn(readSample('exchange'));
    assert.equal(exchange.per_message.received_from_mta?.name, 'edge.corp.test');
    assert.deepEqual(exchange.per_recipient[0]?.extensions, { 'x-display-name': ['Carl'] });
    const gmail = await dsn(readSample('gmail'));
    assert.equal(gmail.per_recipient[0]?.last_attempt_date, Date.parse('2026-11-22T09:30:02Z'));
    assert.match(gmail.per_recipient[0]?.diagnostic_code?.diagnostic ?? '', /^550-5\.1\.1 .*test$/);
    const exim = await dsn(readSample('exim'));
    assert.equal(exim.per_recipient[0]?.status, '5.0.0');
    assert.equal(exim.per_recipient[0]?.original_recipient, undefined);
  });

  it('of an old server, for several recipients', async () => {
    const { per_message, per_recipient, original_message } = await dsn(readSample('several'));
    assert.equal(per_message.original_envelope_id, 'QQ314159');
    assert.equal(per_message.dsn_gateway?.name, 'gate.old.test');
    assert.equal(per_message.arrival_date, Date.parse('1994-07-02T21:10:28Z'));
    assert.deepEqual(
      per_recipient.map(({ action, status }) => `${action} ${status}`),
      ['failed 4.0.0', 'delivered 2.0.0', 'failed 5.3.0'],
    );
    assert.equal(per_recipient[0]?.final_recipient.recipient, 'louisl@larry.test');
    assert.equal(per_recipient[2]?.last_attempt_date, Date.parse('1994-07-07T21:15:49Z'));
    assert.equal(original_message?.trim(), 'From: owner-list@b.sender.test\nSubject: a list');
  });

  it('of internationalized mail', async () => {
    const { per_recipient, original_message } = await dsn(readSample('global'));
    assert.equal(per_recipient[0]?.final_recipient.recipient, 'jürgen@welt.test');
    assert.match(original_message ?? '', /Subject: Grüße/);
  });

  it('are read from the beginning, however long the original is', async () => {
    const long = altered('postfix', 'Thank you.', 'Thank you.\r\n'.repeat(100_000));
    const { original_message } = await dsn(long);
    assert.equal(original_message?.startsWith('Received: from app.sender.test'), true);
    assert.ok((original_message?.length ?? 0) <= ORIGINAL_BYTES_MAX);
  });

  const MALFORMED: readonly (readonly [string, string | RegExp, string, RegExp])[] = [
    ['a field twice', 'Status: 5.1.1', 'Status: 5.1.1\r\nStatus: 5.1.1', /status is there 2 times/],
    ['a bad date', /Arrival-Date: .*/, 'Arrival-Date: yesterday', /arrival-date is no date/],
    ['an action that is none', 'Action: failed', 'Action: bounced', /action is none/],
    ['no action', 'Action: failed\r\n', '', /action is missing/],
    ['a bad status', 'Status: 5.1.1', 'Status: 5.1.1x', /status is no status code/],
    ['a status of another class', 'Status: 5.1.1', 'Status: 3.1.1', /status is no status code/],
    ['no reporter', 'Reporting-MTA: dns; mx.relay.test\r\n', '', /reporting-mta is missing/],
    ['a reporter of no type', 'Reporting-MTA: dns;', 'Reporting-MTA:', /does not say its type/],
    ['no part for machines', 'message/delivery-status', 'text/x-status', /no delivery status/],
    ['a line that is no field', 'Status: 5.1.1', 'Status 5.1.1', /no field/],
  ];
  for (const [what, from, to, reason] of MALFORMED) {
    it(`with ${what} are none`, async () => {
      const reading = await parseRfc3464(altered('postfix', from, to));
      assert.equal(reading.kind, 'malformed');
      assert.match(reading.kind === 'malformed' ? reading.reason : '', reason);
    });
  }

  // RFC 5234 section 2.3: words of a grammar are the same in any case.
  it('with an action in capitals are like others', async () => {
    const reading = await parseRfc3464(altered('postfix', 'Action: failed', 'Action: FAILED'));
    assert.equal(reading.kind, 'report');
  });

  it('about more recipients than are read are none', async () => {
    const block = '\r\nFinal-Recipient: rfc822; u@a.test\r\nAction: failed\r\nStatus: 5.1.1\r\n';
    const many = (count: number) =>
      altered('exim', '\r\nAction: failed', `${block.repeat(count)}\r\nAction: failed`);
    const most = await dsn(Buffer.from(many(BLOCKS_MAX - 2)));
    assert.equal(most.per_recipient.length, BLOCKS_MAX - 1);
    const reading = await parseRfc3464(many(BLOCKS_MAX - 1));
    assert.deepEqual(reading, { kind: 'malformed', reason: 'the report has too many blocks' });
  });

  it('are not the texts that qmail writes', async () => {
    assert.deepEqual(await parseRfc3464(readSample('qmail')), { kind: 'none' });
    assert.deepEqual(await parseRfc5965(readSample('qmail')), { kind: 'none' });
  });
});

describe('complaints', () => {
  it('with everything a provider can say', async () => {
    const report = await arf(readSample('arf-yahoo'));
    const { original_message, ...rest } = report;
    assert.deepEqual(rest, {
      feedback_type: 'abuse',
      user_agent: 'Portal-FeedbackLoop/2.0',
      version: '0.1',
      arrival_date: '2026-11-22T11:00:00.000Z',
      incidents: null,
      original_envelope_id: null,
      original_mail_from: 'bounce+u13@b.sender.test',
      reporting_mta: null,
      source_ip: '198.51.100.7',
      authentication_results: ['portal.test; dkim=pass header.d=sender.test;\tspf=pass'],
      original_rcpto_to: ['gita@portal.test'],
      reported_domain: ['sender.test'],
      reported_uri: ['http://shop.sender.test/a', 'http://shop.sender.test/b'],
      extensions: { 'x-portal-bucket': ['7'] },
      supplemental_trace: { recipient: 'gita@portal.test', tenant: 'acme' },
    });
    assert.match(original_message ?? '', /^Received: .*\nX-Mailer: /);
  });

  it('with a date that is none, and with headers alone', async () => {
    const report = await arf(readSample('arf-comcast'));
    assert.equal(report.arrival_date, null);
    assert.equal(report.incidents, 3);
    assert.deepEqual(report.reporting_mta, { mta_type: 'dns', name: 'fbl.cable.test' });
    assert.equal(report.original_envelope_id, 'e-77');
    assert.equal(report.supplemental_trace, null);
  });

  it('with the least that is allowed', async () => {
    const report = await arf(readSample('arf-minimal'));
    assert.equal(report.original_message, null);
    assert.deepEqual(report.extensions, {});
  });

  it('are none without their fields, or of another type', async () => {
    const twice = altered('arf-minimal', '\nVersion: 1', '\nVersion: 1\r\nVersion: 2');
    assert.equal((await parseRfc5965(twice)).kind, 'malformed');
    const agentless = altered('arf-minimal', /User-Agent: .*\r\n/, '');
    assert.deepEqual(await parseRfc5965(agentless), {
      kind: 'malformed',
      reason: 'user-agent is missing',
    });
    const other = altered('arf-minimal', 'report-type=feedback-report', 'report-type=x');
    assert.deepEqual(await parseRfc5965(other), { kind: 'none' });
    assert.deepEqual(await parseRfc5965(readSample('postfix')), { kind: 'none' });
  });

  it('ignore a trace without its mark, or in no base64', async () => {
    const mark = Buffer.from('{"_@_":"no","a":1}').toString('base64');
    for (const value of [mark, `${mark}*`, Buffer.from('[1]').toString('base64')]) {
      const report = await arf(
        altered('arf-yahoo', /X-KumoRef: .*\r\n\t.*/, `X-KumoRef: ${value}`),
      );
      assert.equal(report.supplemental_trace, null);
    }
  });
});

describe('what is looked at', () => {
  it('begins with the header', () => {
    assert.equal(mayBeReport('From: a\r\nCONTENT-TYPE : Multipart/Report; x=y'), true);
    assert.equal(mayBeReport('Content-Type:\r\n\tmultipart/report'), true);
    assert.equal(mayBeReport('Content-Type: multipart/reports'), false);
    assert.equal(mayBeReport('X-Content-Type: multipart/report'), false);
  });

  it('dates are those of mail', () => {
    const at = Date.parse('2026-11-02T23:01:02Z');
    assert.equal(formatMailDate(at), 'Mon, 02 Nov 2026 23:01:02 +0000');
    assert.equal(parseMailDate(formatMailDate(at)), at);
    assert.equal(parseMailDate('2 Nov 26 18:01:02 EST'), at);
    assert.equal(parseMailDate('31 Feb 2026 00:00:00 +0000'), undefined);
    assert.equal(parseMailDate('2 Nov 2026 24:01:02 +0000'), undefined);
    assert.equal(parseMailDate('2026-11-02T23:01:02Z'), undefined);
  });
});

// Processor time of this thread alone; what is measured is some 40 ms, and was up to 1.7 s.
const COST_MS_MAX = 400;

describe('reports that are meant to cost', () => {
  const padded = (place: string, padding: string): Buffer =>
    altered('postfix', place, `${padding}${place}`);
  const cases: Record<string, Buffer> = {
    'empty lines': padded('This is the mail system', '\r\n'.repeat(60_000)),
    'folded lines': padded('Reporting-MTA:', `X-Long: a\r\n${' b\r\n'.repeat(30_000)}`),
    boundaries: padded('This is the mail system', '--x\r\n'.repeat(20_000)),
  };
  for (const [name, message] of Object.entries(cases)) {
    it(name, async () => {
      await parseRfc3464(message);
      const before = process.cpuUsage();
      await parseRfc3464(message);
      const { user } = process.cpuUsage(before);
      assert.ok(user / 1000 < COST_MS_MAX, `${Math.round(user / 1000)} ms`);
    });
  }

  it('a report is read whose own header is long, or begins oddly', async () => {
    const long = `X-Folded: a\r\n${' b\r\n'.repeat(500)}Resent-To: <a@b.test>\r\n`;
    const { per_recipient } = await dsn(padded('MIME-Version:', long));
    assert.equal(per_recipient.length, 1);
    const bare = Buffer.concat([Buffer.from('\r\n'), readSample('postfix')]);
    assert.equal((await parseRfc3464(bare)).kind, 'none', 'it has no header');
  });
});
