/**
 * Reports that we write, by example: which records make one, what is in it, and that two other
 * readers of mail find the same in it. Deliberately unknown here: how they are sent.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { generateRfc3464Message } from '../../src/reports/ndr.ts';
import { parseRfc3464 } from '../../src/reports/rfc3464.ts';
import { BOUNCE, ORIGINAL, PARAMS, write } from './ndr-kit.ts';

describe('a report', () => {
  it('goes to the sender from nobody, and says so', () => {
    const made = generateRfc3464Message(PARAMS, ORIGINAL, BOUNCE);
    assert.equal(made?.sender, '');
    assert.equal(made?.recipient, 'shop@sender.test');
    const text = write().toString();
    for (const line of [
      'Date: Wed, 18 Nov 2026 11:08:20 +0000',
      'From: Mail Delivery Subsystem <mailer-daemon@mx.sender.test>',
      'To: <shop@sender.test>',
      'Subject: Returned mail',
      'Message-ID: <42-00112233aabbccdd@mx.sender.test>',
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      'mx.dest.test refused it: 550 5.1.1 no such user',
    ]) {
      assert.ok(text.includes(`${line}\r\n`), line);
    }
    assert.doesNotMatch(text, /[^\r]\n/);
  });

  it('is read back by our own reader', async () => {
    const reading = await parseRfc3464(write({ recipient: ['anna@dest.test', 'bo@dest.test'] }));
    assert.ok(reading.kind === 'report');
    const { per_message, per_recipient, original_message } = reading.report;
    assert.deepEqual(per_message, {
      reporting_mta: { mta_type: 'dns', name: 'mx.sender.test' },
      original_envelope_id: undefined,
      dsn_gateway: undefined,
      received_from_mta: undefined,
      arrival_date: BOUNCE.created * 1000,
      extensions: {},
    });
    assert.deepEqual(
      per_recipient.map((one) => one.final_recipient.recipient),
      ['anna@dest.test', 'bo@dest.test'],
    );
    const [one] = per_recipient;
    assert.equal(one?.action, 'failed');
    assert.equal(one?.status, '5.1.1');
    assert.equal(one?.remote_mta?.name, 'mx.dest.test');
    assert.equal(one?.diagnostic_code?.diagnostic, '550 5.1.1 no such user');
    assert.equal(one?.last_attempt_date, BOUNCE.timestamp * 1000);
    assert.equal(one?.final_log_id, BOUNCE.id);
    assert.equal(original_message, ORIGINAL.toString().replaceAll('\r\n', '\n'));
  });

  it('is the same for the same record, and its boundary is nowhere else', () => {
    assert.deepEqual(write(), write());
    const hostile = Buffer.concat([ORIGINAL, Buffer.from('--=_42-00112233aabbccdd.0--\r\n')]);
    assert.match(write({}, {}, hostile).toString(), /boundary="=_42-00112233aabbccdd\.1"/);
  });

  it('brings back as much of the original as is asked for', () => {
    assert.match(write().toString(), /message\/rfc822[\s\S]*Thank you/);
    const headers = write({}, { include_original_message: 'HeadersOnly' }).toString();
    assert.match(headers, /text\/rfc822-headers[\s\S]*Subject: Your order\r\n/);
    assert.doesNotMatch(headers, /Thank you/);
    const none = write({}, { include_original_message: 'No' }).toString();
    assert.doesNotMatch(none, /rfc822[^;]/);
    const missing = generateRfc3464Message(PARAMS, undefined, BOUNCE);
    assert.ok(missing !== undefined);
  });

  it('of a message that grew too old names no attempt', () => {
    const text = write({
      type: 'Expiration',
      delivery_protocol: null,
      peer_address: null,
    }).toString();
    assert.match(text, /could not be delivered in time/);
    assert.doesNotMatch(text, /Last-Attempt-Date|Remote-MTA/);
  });

  it('has the class of the code where there is no status', () => {
    const response = { ...BOUNCE.response, enhanced_code: null };
    assert.match(write({ response }).toString(), /\r\nStatus: 5\.0\.0\r\n/);
    assert.match(write({ response: { ...response, code: 450 } }).toString(), /Status: 4\.0\.0\r\n/);
  });

  it('lets nobody write lines of his own', () => {
    const evil = 'x@a.test\r\nBcc: v@victim.test';
    const response = { ...BOUNCE.response, content: 'no\r\nAction: delivered\n\nx: y\u2028z' };
    const text = write({ sender: evil, recipient: [evil], response }).toString();
    assert.doesNotMatch(text, /^(?:Bcc|Action: delivered|x:)/m);
  });
});

describe('there is no report', () => {
  const NONE: readonly (readonly [string, Partial<LogRecord>, object])[] = [
    ['to the null sender', { sender: '' }, {}],
    ['of a bounce that is not asked for', {}, { enable_bounce: false }],
    [
      'of an end in time that is not asked for',
      { type: 'Expiration' },
      { enable_expiration: false },
    ],
    ['of a bounce that no server made', { delivery_protocol: null }, {}],
    ...(['Delivery', 'TransientFailure', 'AdminBounce', 'OOB', 'Delayed'] as const).map(
      (type) => [`of ${type}`, { type }, {}] as const,
    ),
  ];
  for (const [what, record, params] of NONE) {
    it(what, () => {
      const made = generateRfc3464Message({ ...PARAMS, ...params }, ORIGINAL, {
        ...BOUNCE,
        ...record,
      });
      assert.equal(made, undefined);
    });
  }

  it('with params that cannot be read', () => {
    const bad = (params: object) => () => generateRfc3464Message(params, undefined, BOUNCE);
    assert.throws(bad({}), /generateRfc3464Message: /);
    assert.throws(bad({ ...PARAMS, enable_delay: true }), /enable_delay: is not an option/);
    assert.throws(bad({ ...PARAMS, include_original_message: 'Some' }), /HeadersOnly/);
    assert.throws(bad({ ...PARAMS, reporting_mta: {} }), /reporting_mta.*name/);
  });
});

const PYTHON = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(m.iter_parts())
status = [dict((k, str(v)) for k, v in b.items()) for b in parts[1].get_payload()]
print(json.dumps({
  'type': m.get_content_type(), 'report': m.get_param('report-type'), 'to': str(m['To']),
  'parts': [p.get_content_type() for p in parts], 'status': status,
  'defects': [str(d) for p in m.walk() for d in p.defects],
  'subject': parts[2].get_payload(0)['Subject'],
}))`;

describe('Python reads', () => {
  const python = spawnSync('python3', ['-c', 'import email']).status === 0;
  it('the same', { skip: !python && 'there is no python3' }, () => {
    const content = `${'long '.repeat(60)}${'x'.repeat(600)} end`;
    const input = write({ response: { ...BOUNCE.response, content } });
    const { stdout, stderr } = spawnSync('python3', ['-c', PYTHON], { input });
    assert.equal(stderr.toString(), '');
    const { status, ...rest } = JSON.parse(stdout.toString()) as { status: object[] };
    assert.deepEqual(rest, {
      type: 'multipart/report',
      report: 'delivery-status',
      to: 'shop@sender.test',
      parts: ['text/plain', 'message/delivery-status', 'message/rfc822'],
      defects: [],
      subject: 'Your order',
    });
    assert.equal(status.length, 2);
    const [about, one] = status as Record<string, string>[];
    assert.equal(about?.['Reporting-MTA'], 'dns; mx.sender.test');
    assert.equal(one?.['Final-Recipient'], 'rfc822; anna@dest.test');
    assert.equal(one?.['Diagnostic-Code'], `smtp; 550 5.1.1 ${content}`);
  });
});
