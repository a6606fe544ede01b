/**
 * Records of reports, by example: a sample is read, the engine takes what it says, and subscribers
 * are told. The one idea: events and records come from the engine itself. It does not know SMTP.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numberOfMessageId } from '../../src/domain/message-id.ts';
import type { ReportNote, Submission } from '../../src/intake/host.ts';
import type { Arrival } from '../../src/intake/message-intake.ts';
import { notesOf } from '../../src/intake/report-notes.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { parseReport } from '../../src/reports/report.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { readSample } from '../samples/reports.ts';
import { assertSchema } from '../world/record-schema.ts';
import { projectAll } from '../world/records.ts';

describe('records of reports', () => {
  const ARRIVAL: Arrival = {
    from: '',
    recipients: ['bounce+u7@b.sender.test'],
    smtpUtf8: false,
    peer: '192.0.2.9',
    helo: 'mx.relay.test',
    protocol: 'ESMTP',
    listener: '127.0.0.1:25',
    hostname: 'mx.test',
    at: 0,
    session: '0b7e1c52-1111-4222-8333-444455556666',
  };

  /** What readers are told once the engine has taken the report of a sample. */
  async function tell(sample: string, isDropped: boolean): Promise<LogRecord[]> {
    const reading = await parseReport(readSample(sample), { arf: true, oob: true });
    assert.ok(reading.kind === 'report');
    const engine = await World.start({ seed: 1, manners: { 'b.sender.test': accepting } });
    await engine.runFor(100);
    const mail = { arrival: ARRIVAL, size: 1_234, headers: { Subject: 'x' } };
    const [id = ''] = engine.engine.allocateIds(1);
    const message = { id, to: ARRIVAL.recipients };
    const notes = notesOf(reading.report, mail, message, isDropped);
    let answered = 0;
    const answer = (): void => {
      answered += 1;
      engine.witness.read(engine.store);
      assert.ok(
        engine.witness.records.some(({ stream }) => stream === id),
        'it is durable',
      );
    };
    if (isDropped) engine.engine.takeReports?.(notes, answer);
    else hand(engine, message, notes, answer);
    await engine.runFor(60_000);
    assert.equal(answered, 1);
    assert.ok(engine.engine.core.books.engine.number > numberOfMessageId(id), 'the id is spent');
    const records = projectAll(engine.witness.records).map(({ record }) => record);
    for (const record of records) assertSchema(record);
    return records.filter((record) => record.id === id);
  }

  function hand(
    engine: World,
    message: Submission['messages'][number],
    reports: readonly ReportNote[],
    answer: () => void,
  ): void {
    const chunks = [Buffer.from('Subject: x\r\n\r\nHello\r\n')];
    engine.bodies.write('{}', chunks, (body) => {
      assert.ok('segment' in body);
      const { peer, helo, session } = ARRIVAL;
      engine.engine.submit(
        {
          service: 'esmtp',
          listener: '',
          from: '',
          messages: [message],
          body,
          chunks,
          bodyBytes: body.length,
          eightBit: false,
          smtpUtf8: false,
          peer,
          helo,
          session,
          receivedAt: engine.now,
          reports,
        },
        answer,
      );
    });
  }
  const typesIn = (records: readonly LogRecord[]): string[] => records.map(({ type }) => type);

  test('a report of failures: Reception, then OOB', async () => {
    const records = await tell('gmail', true);
    assert.deepEqual(typesIn(records), ['Reception', 'OOB']);
    const [reception, oob] = records as [LogRecord, LogRecord];
    assert.equal(reception.size, 1_234);
    assert.equal(oob.id, reception.id);
    assert.notEqual(oob.event_id, reception.event_id);
    const { sender, recipient, size, site, queue, peer_address, response, headers } = oob;
    assert.deepEqual(
      { sender, recipient, size, site, queue, peer_address, headers },
      {
        sender: 'bounce+u7@b.sender.test',
        recipient: 'dora@custom.test',
        size: 0,
        site: '',
        queue: 'b.sender.test',
        peer_address: { name: 'big.test', addr: '192.0.2.9' },
        headers: { Subject: 'x' },
      },
    );
    assert.deepEqual(response.enhanced_code, { class: 5, subject: 1, detail: 1 });
    assert.deepEqual([response.code, response.command], [550, null]);
    assert.match(response.content, /^550-5\.1\.1 The email account/);
    assert.equal(oob.event_time, '2026-11-22T09:30:02.000Z');
    assert.equal(oob.timestamp, Date.parse('2026-11-22T09:30:02Z') / 1000);
    assert.equal(oob.reception_protocol, 'ESMTP');
    assert.equal(oob.session_id, ARRIVAL.session);
    assert.equal(oob.created, reception.created);
  });

  test('the same where it goes on: its delivery follows', async () => {
    assert.deepEqual(typesIn(await tell('exim', false)).sort(), ['Delivery', 'OOB', 'Reception']);
  });

  test('a report of delays alone: Reception', async () => {
    assert.deepEqual(typesIn(await tell('postfix-delayed', true)), ['Reception']);
  });

  test('a complaint: Feedback in place of Reception', async () => {
    const [feedback, ...rest] = await tell('arf-yahoo', true);
    assert.deepEqual(rest, []);
    assert.equal(feedback?.type, 'Feedback');
    assert.equal(feedback?.response.code, 250);
    assert.deepEqual(feedback?.peer_address, { name: 'mx.relay.test', addr: '192.0.2.9' });
    const report = feedback?.feedback_report as { readonly supplemental_trace: object };
    assert.deepEqual(report.supplemental_trace, { recipient: 'gita@portal.test', tenant: 'acme' });
    assert.deepEqual(typesIn(await tell('arf-comcast', false)), ['Feedback', 'Delivery']);
  });
});
