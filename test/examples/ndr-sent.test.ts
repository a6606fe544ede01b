/**
 * Senders are told of failures, by example: which ends of messages make a report, what policy may
 * say about it, and that what was sent is kept no longer than it takes.
 * Deliberately unknown here: how a report is written (ndr.test.ts), and kills (test/faults).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Core } from '../../src/actors/core.ts';
import { newNdrDuty } from '../../src/actors/ndr-notes.ts';
import { lowestOwed } from '../../src/actors/ndrs.ts';
import { Books } from '../../src/domain/books.ts';
import { reject } from '../../src/domain/reject.ts';
import { NDRS_AT_ONCE } from '../../src/intake/ndr/limits.ts';
import type { Message } from '../../src/mail/message.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { parseRfc3464 } from '../../src/reports/rfc3464.ts';
import { sayingAt } from '../../src/testing/world/manners.ts';
import type { Letter, NdrKnobs, NdrWorld } from './ndr-world.ts';
import { openNdrWorld } from './ndr-world.ts';

async function inWorld(knobs: NdrKnobs, run: (world: NdrWorld) => Promise<void>): Promise<void> {
  const world = await openNdrWorld(knobs);
  try {
    await run(world);
  } finally {
    await world.stop();
  }
}

const REPORT =
  'Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x--\r\n';
const ANSWER = 'Subject: away\r\nAuto-Submitted: auto-replied (vacation)\r\n\r\nI am away.\r\n';

describe('the sender is told', () => {
  it('once, of all recipients that failed together, each with its own reason', () =>
    inWorld({}, async (world) => {
      const id = await world.submit({ to: ['bad1@a.test', 'good@a.test', 'bad2@a.test'] });
      await world.until(() => world.reports.length > 0, 'a report is delivered');
      const [copy] = world.reports;
      assert.equal(copy?.from, '');
      assert.deepEqual(copy?.to, ['s@here.test']);
      const reading = await parseRfc3464(Buffer.from(copy?.body ?? '', 'latin1'));
      assert.ok(reading.kind === 'report');
      const { per_message, per_recipient, original_message } = reading.report;
      assert.equal(per_message.reporting_mta.name, 'mx.here.test');
      assert.deepEqual(
        per_recipient.map(({ final_recipient, status, action, final_log_id }) => [
          final_recipient.recipient,
          action,
          status,
          final_log_id,
        ]),
        [
          ['bad1@a.test', 'failed', '5.1.1', id],
          ['bad2@a.test', 'failed', '5.1.1', id],
        ],
      );
      assert.equal(original_message, 'From: s@here.test\nSubject: Your order\n');
      await world.settled(1);
      const [made] = world.events('ndr.generated');
      const receptions = world.records('Reception').filter(({ sender }) => sender === '');
      assert.deepEqual(
        receptions.map((record) => [record.id, record.recipient, record.meta['ndr_of']]),
        [[made?.['id'], 's@here.test', id]],
      );
      assert.equal(receptions[0]?.reception_protocol, null);
      await world.until(() => world.records('Delivery').length === 2, 'both are delivered');
      assert.equal(world.world.bodies.usage().liveBytes, 0);
    }));

  it('of reasons that differ', () =>
    inWorld({}, async (world) => {
      world.world.hostOf('a.test').exchanger.manner = ({ stage, recipient }) =>
        stage === 'rcpt'
          ? { say: `55${recipient[0]} 5.7.${recipient[0]} no ${recipient}` }
          : undefined;
      await world.submit({ to: ['1@a.test', '2@a.test'] });
      await world.until(() => world.reports.length > 0, 'a report is delivered');
      const body = world.reports[0]?.body ?? '';
      const reading = await parseRfc3464(Buffer.from(body, 'latin1'));
      assert.ok(reading.kind === 'report');
      assert.deepEqual(
        reading.report.per_recipient.map(({ status }) => status),
        ['5.7.1', '5.7.2'],
      );
      assert.match(body, /no 1@a\.test[\s\S]*no 2@a\.test[\s\S]*Reporting-MTA/);
      assert.equal(world.events('ndr.owed').length, 1);
    }));

  it('of mail that grew too old, and of a domain that takes none', () =>
    inWorld({ queue: { max_age: '5s', retry_interval: '1s' } }, async (world) => {
      world.world.zone.mx.set('null.test', 'nullMx');
      await world.submit({ to: ['later@a.test'] });
      await world.submit({ to: ['x@null.test'] });
      await world.until(() => world.reports.length === 2, 'both reports are delivered');
      const texts = world.reports.map(({ body }) => body).join('');
      assert.match(texts, /could not be delivered in time: 551 5\.4\.7/);
      assert.match(texts, /It cannot be delivered: 556 5\.1\.10/);
    }));
});

describe('nobody is told', () => {
  const NEVER: readonly (readonly [string, Letter, RegExp | undefined])[] = [
    ['of mail without a sender', { from: '', to: ['bad@a.test'] }, undefined],
    ['of a report', { to: ['bad@a.test'], text: REPORT }, /^it is a report itself$/],
    ['of an answer of a machine', { to: ['bad@a.test'], text: ANSWER }, /^it is an automatic/],
    ['of a complaint', { to: ['bad@a.test'], complaint: true }, /^it is a complaint$/],
  ];
  for (const [what, letter, cause] of NEVER) {
    it(what, () =>
      inWorld({}, async (world) => {
        await world.submit(letter);
        await world.until(() => world.records('Bounce').length === 1, 'it bounces');
        await world.settled(cause === undefined ? 0 : 1);
        const causes = world.events('ndr.waived').map((event) => String(event['cause']));
        if (cause === undefined) assert.deepEqual(world.events('ndr.owed'), []);
        else assert.match(causes.join(), cause);
        assert.deepEqual(world.reports, []);
      }),
    );
  }

  it('of a report of ours that fails', () =>
    inWorld({}, async (world) => {
      world.world.hostOf('here.test').exchanger.manner = sayingAt('mail', '550 5.7.1 no');
      await world.submit({ to: ['bad@a.test'] });
      await world.until(() => world.records('Bounce').length === 2, 'both bounce');
      assert.equal(world.events('ndr.owed').length, 1);
    }));

  it('of what the setting leaves out', () =>
    inWorld({ ndr: { enable_bounce: false } }, async (world) => {
      await world.submit({ to: ['bad@a.test'] });
      await world.until(() => world.records('Bounce').length === 1, 'it bounces');
      assert.deepEqual(world.events('ndr.owed'), []);
    }));
});

describe('the policy', () => {
  it('says for each message whether, and how', async () => {
    const asked: LogRecord[][] = [];
    const get_ndr_config = async (failures: readonly LogRecord[]) => {
      asked.push([...failures]);
      const [{ recipient } = {}] = failures;
      return String(recipient).startsWith('bad-no')
        ? false
        : { include_original_message: 'FullContent', reporting_mta: { name: 'other.test' } };
    };
    await inWorld({ handlers: { get_ndr_config } }, async (world) => {
      await world.submit({ to: ['bad-no@a.test'] });
      await world.submit({ to: ['bad-yes@a.test'] });
      await world.settled(2);
      await world.until(() => world.reports.length === 1, 'one report is delivered');
      assert.match(world.reports[0]?.body ?? '', /dns; other\.test[\s\S]*Thank you\./);
      const [waived] = world.events('ndr.waived');
      assert.equal(waived?.['cause'], 'get_ndr_config wants none');
      assert.equal(asked.length, 2);
      assert.equal(asked[0]?.[0]?.type, 'Bounce');
      assert.equal(asked[0]?.[0]?.response.content, 'no such user');
    });
  });

  it('may change the report, and say where it goes', async () => {
    const ndr_message_generated = (message: Message) => {
      message.prepend_header('X-Ours', 'yes');
      message.set_meta('tenant', 'postmaster');
      message.set_sender('someone@here.test');
    };
    await inWorld({ handlers: { ndr_message_generated } }, async (world) => {
      await world.submit({ to: ['bad@a.test'] });
      await world.until(() => world.reports.length === 1, 'a report is delivered');
      const [copy] = world.reports;
      assert.match(copy?.body ?? '', /^X-Ours: yes\r\n/);
      // RFC 3464 section 2: whatever policy says, nobody is to be told of it.
      assert.equal(copy?.from, '');
      const [reception] = world.records('Reception').filter(({ sender }) => sender === '');
      assert.equal(reception?.queue, 'postmaster@here.test');
    });
  });

  it('may say when it goes out', async () => {
    const window = { dow: 'Sun', tz: 'UTC', start: '03:00:00', end: '04:00:00' };
    const expires = '2200-01-01T00:00:00Z';
    const ndr_message_generated = (message: Message) =>
      message.set_scheduling({ ...window, expires });
    await inWorld({ handlers: { ndr_message_generated } }, async (world) => {
      await world.submit({ to: ['bad@a.test'] });
      await world.settled(1);
      const report = world.events('message.accepted').find(({ service }) => service === 'ndr');
      assert.deepEqual(report?.['schedule'], { expires: Date.parse(expires), window });
    });
  });

  it('holds up no other reports where it puts some off', async () => {
    const get_ndr_config = ([{ recipient }]: readonly [LogRecord]) =>
      String(recipient).startsWith('bad-no') ? reject(451, 'later') : {};
    await inWorld({ handlers: { get_ndr_config }, waitMs: 60_000 }, async (world) => {
      for (let n = 0; n < 3 * NDRS_AT_ONCE; n += 1) await world.submit({ to: ['bad-no@a.test'] });
      await world.submit({ to: ['bad-yes@a.test'] });
      await world.until(() => world.reports.length === 1, 'the last is delivered');
      assert.deepEqual(world.events('ndr.waived'), []);
    });
  });

  it('may refuse it for good', async () => {
    const ndr_message_generated = () => reject(550, '5.7.1 not to them');
    await inWorld({ handlers: { ndr_message_generated } }, async (world) => {
      await world.submit({ to: ['bad@a.test'] });
      await world.settled(1);
      const [waived] = world.events('ndr.waived');
      assert.match(String(waived?.['cause']), /^the policy refused it: 550 5\.7\.1 not to them$/);
      assert.equal(world.world.bodies.usage().liveBytes, 0);
    });
  });

  it('is asked again a few times where it fails, and then there is none', async () => {
    let asked = 0;
    const ndr_message_generated = () => {
      asked += 1;
      throw new Error('broken');
    };
    await inWorld({ handlers: { ndr_message_generated } }, async (world) => {
      await world.submit({ to: ['bad@a.test'] });
      await world.settled(1);
      assert.equal(asked, 5);
      assert.match(world.said.join('\n'), /^error: nobody is told .* 421 4\.3\.0 technical/m);
    });
  });
});

describe('the log is kept', () => {
  it('for what failed earlier in the turn in which a picture is taken', () => {
    const ndrs = newNdrDuty();
    const core = { books: new Books(), ndrs } as Partial<Core> as Core;
    assert.equal(lowestOwed(core), Number.POSITIVE_INFINITY);
    ndrs.failed.set('id', { origin: 7, body: [1, 0, 0, 0], failures: [90] });
    assert.equal(lowestOwed(core), 7);
  });
});
