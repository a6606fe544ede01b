/**
 * Schedules of messages, by example: what is read and what is refused with which sentence, windows
 * where clocks change, and a message that brings its hours and its expiry to the engine.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBodyHeader, readHeader } from '../../src/domain/body-header.ts';
import { Books } from '../../src/domain/books.ts';
import { nextAttempt } from '../../src/domain/retry.ts';
import { decodeBooks, encodeBooks } from '../../src/domain/snapshot.ts';
import { Calendar, readTimeWindow } from '../../src/domain/time-window.ts';
import { parseScheduleText, readSchedule } from '../../src/mail/scheduling.ts';
import { makeWorld } from '../world/law.ts';

const at = (text: string): number => Date.parse(text);
const HOURS = { dow: 'Mon,Tue', tz: 'Europe/Berlin', start: '09:00', end: '17:00:00' };

describe('a schedule', () => {
  it('is read into one way of writing', () => {
    assert.deepEqual(
      readSchedule({
        ...HOURS,
        dow: ['tuesday', 'Mon'],
        first_attempt: '2026-03-01T00:00:00Z',
        expires: '2026-03-02T00:00:00+01:00',
      }),
      {
        dueAt: at('2026-03-01T00:00:00Z'),
        schedule: {
          expires: at('2026-03-01T23:00:00Z'),
          window: { dow: 'Mon,Tue', tz: 'Europe/Berlin', start: '09:00:00', end: '17:00:00' },
        },
      },
    );
    assert.deepEqual(readSchedule({}), { dueAt: undefined, schedule: undefined });
  });

  it('is refused with a sentence that names the key', () => {
    const refused = (raw: unknown): RegExp => {
      let text = '';
      assert.throws(
        () => readSchedule(raw),
        (error: Error) => {
          text = error.message;
          return true;
        },
      );
      return new RegExp(`^${text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')}$`);
    };
    assert.match(
      'schedule: tz, end missing; give dow, tz, start and end',
      refused({ dow: 'Mon', start: '09:00' }),
    );
    assert.match(
      "dow: 'Mo' is no day; write it like 'Mon,Tue,Fri'",
      refused({ ...HOURS, dow: 'Mo' }),
    );
    assert.match(
      "tz: 'Europe/Atlantis' is no time zone; write a name like 'Europe/Berlin' or 'UTC'",
      refused({ ...HOURS, tz: 'Europe/Atlantis' }),
    );
    assert.match(
      "start: '24:00' is no time of day; write '09:00:00'",
      refused({ ...HOURS, start: '24:00' }),
    );
    assert.match(
      "end: '24:01' is no time of day; write '09:00:00'",
      refused({ ...HOURS, end: '24:01' }),
    );
    assert.match(
      "start and end are both 09:00:00; for whole days write start '00:00:00' and end '24:00:00'",
      refused({ ...HOURS, end: '09:00' }),
    );
    assert.match('schedule: until is unknown', refused({ until: 'tomorrow' }));
    assert.match(
      'schedule: expires is not after first_attempt',
      refused({ first_attempt: '2026-03-01T00:00:00Z', expires: '2026-03-01T00:00:00Z' }),
    );
    assert.throws(() => parseScheduleText('{'), /the schedule is no JSON/);
    assert.throws(() => readSchedule({ expires: 9e15 }), /9000000000000000 is no time/);
  });
});

describe('a window', () => {
  const calendar = new Calendar();
  const opens = (window: Record<keyof typeof HOURS, unknown>, text: string): string =>
    new Date(calendar.opens(readTimeWindow(window), at(text))).toISOString().slice(0, 19);

  it('waits over nights, weekends and the turn of summer time', () => {
    // Tuesday evening; the next Monday is after the change of the clocks.
    assert.equal(opens(HOURS, '2026-03-24T16:30:00Z'), '2026-03-30T07:00:00');
    assert.equal(opens(HOURS, '2026-03-23T07:59:59Z'), '2026-03-23T08:00:00');
    assert.equal(opens(HOURS, '2026-03-23T15:59:59Z'), '2026-03-23T15:59:59');
    assert.equal(opens(HOURS, '2026-03-23T16:00:00Z'), '2026-03-24T08:00:00');
  });

  it('over midnight belongs to the day on which it opens', () => {
    const night = { ...HOURS, dow: 'Fri', start: '22:00', end: '06:00' };
    assert.equal(opens(night, '2026-01-10T04:59:00Z'), '2026-01-10T04:59:00');
    assert.equal(opens(night, '2026-01-10T05:00:00Z'), '2026-01-16T21:00:00');
  });

  it('in an hour that is skipped stays shut, in one that comes twice opens twice', () => {
    const early = { ...HOURS, dow: 'Sun', start: '02:15', end: '02:45' };
    assert.equal(opens(early, '2026-03-28T12:00:00Z'), '2026-04-05T00:15:00');
    assert.equal(opens(early, '2026-10-24T12:00:00Z'), '2026-10-25T00:15:00');
    assert.equal(opens(early, '2026-10-25T00:45:00Z'), '2026-10-25T01:15:00');
    // One that begins before the gap goes on behind it: an hour of it is missing.
    const long = readTimeWindow({ ...early, start: '01:30', end: '03:30' });
    assert.equal(calendar.closes(long, at('2026-03-29T00:30:00Z')), at('2026-03-29T01:30:00Z'));
  });

  it('in a zone that the machine does not know is that of UTC, and nothing ends', () => {
    const window = { dow: 'Mon', tz: 'Mars/Olympus', start: '09:00:00', end: '10:00:00' };
    assert.equal(calendar.opens(window, at('2026-01-05T00:00:00Z')), at('2026-01-05T09:00:00Z'));
  });
});

describe('a message with a schedule', () => {
  const window = readTimeWindow({ ...HOURS, tz: 'UTC' });

  it('retries within its window, and expires when that comes too late', () => {
    const calendar = new Calendar();
    const limits = { retry_interval: 1_200_000, max_age: 86_400_000 * 7 };
    const now = at('2026-01-06T16:50:00Z');
    const opens = (due: number): number => calendar.opens(window, due);
    const waiting = { createdAt: now, now, opens };
    const monday = at('2026-01-12T09:00:00Z');
    assert.deepEqual(
      nextAttempt(limits, waiting, 0, () => 0.5),
      { expired: false, dueAt: monday },
    );
    const late = nextAttempt(limits, { ...waiting, expiresAt: monday }, 0, () => 0.5);
    assert.match(late.expired ? late.text : '', /2026-01-12T09:00:00.000Z, which is not before/);
  });

  it('keeps it beside its body and in a snapshot', () => {
    const schedule = { expires: 5_000_000_000_000, window };
    const messages = [{ id: 'a', to: ['u@a.test'], schedule }];
    const shared = { from: '', at: 1, peer: '', helo: '', isEightBit: false, smtpUtf8: false };
    const text = formatBodyHeader({ ...shared, messages });
    const body = { segment: 0, offset: 0, length: 1, sum: 0 };
    assert.deepEqual(readHeader(text, body)[0]?.schedule, schedule);
    const books = new Books();
    const queue = books.openQueue('a.test', 0);
    const place = { bodySegment: 0, bodyOffset: 0, bodyBytes: 1, bodySum: 0, queue: queue.slot };
    for (const number of [7, 8, 9]) {
      const times = { acceptedAt: 1, dueAt: 2, position: number };
      const slot = books.rows.add({ number, ...times, ...place, recipients: 1, flags: 0 });
      books.link(slot, queue);
      if (number === 8) books.rows.schedules.set(slot, schedule);
    }
    const again = decodeBooks(encodeBooks(books)) as Books;
    assert.equal(again.rows.schedules.size, 1);
    assert.deepEqual(again.rows.schedules.get(again.rows.find(8)), schedule);
    again.rows.remove(again.rows.find(8));
    assert.equal(again.rows.schedules.size, 0);
  });

  it('that waits for room when its window shuts is put back, and says so', async () => {
    // The world begins on a Thursday at midnight; an operator's suspension lasts too long.
    const hours = { dow: 'Thu', tz: 'UTC', start: '00:00:00', end: '00:01:00' };
    const world = await makeWorld({ seed: 1 }, false);
    world.submit(['first@a.test']);
    await world.runFor(5_000);
    world.command({ kind: 'queue.suspend', queue: 'a.test', until: world.now + 90_000, why: '' });
    const timing = { schedule: { window: readTimeWindow(hours) } };
    world.submit(['u@a.test'], 200, timing);
    await world.runFor(120_000);
    const [, id = ''] = world.witness.messages.keys();
    const story = world.witness.records.filter(({ stream }) => stream === id);
    const types = story.map(({ type }) => type);
    assert.deepEqual(types, ['message.accepted', 'message.postponed']);
    const { due } = JSON.parse(story[1]?.body ?? '{}') as { due: number };
    assert.equal(new Date(due).toISOString(), '2026-01-08T00:00:00.000Z');
    const told = world.engine.explain({ kind: 'message', name: id });
    assert.match(JSON.stringify(told), /it may go Thu 00:00:00 to 00:01:00 UTC/);
  });
});
