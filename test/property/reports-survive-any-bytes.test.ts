/**
 * Law: whatever octets come as a report, they are a report, no report, or malformed with a reason,
 * and nothing is thrown; what is read is bounded, and what goes on record of it has the shape of
 * its event. The idea: samples of real kinds, cut, spliced and altered, reach places that noise
 * alone never does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { catalogue } from '../../src/events/catalogue.ts';
import { findMisshape } from '../../src/events/define.ts';
import { notesOf } from '../../src/intake/report-notes.ts';
import { BLOCKS_MAX } from '../../src/reports/fields.ts';
import { parseReport } from '../../src/reports/report.ts';
import { readSample, SAMPLES } from '../samples/reports.ts';
import { assertLaw } from '../world/law.ts';

type Edit = (message: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, noNaN: true });
const at = (message: Buffer, where: number): number => Math.floor(where * message.length);
const snippet = fc.constantFrom(
  '\r\n\r\n',
  '\r\n',
  '\n',
  '\r',
  '\0',
  ':',
  ';',
  '=_',
  '--',
  'Status: 5.1.1\r\n',
  'Action: failed\r\n',
  'Final-Recipient: rfc822;a@b\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Type: message/delivery-status\r\n',
  '__proto__: x\r\n',
  '\xff\xfe',
  'Diagnostic-Code: smtp; 99999 x\r\n',
);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(
    ([where, byte]): Edit =>
      (message) => {
        const changed = Buffer.from(message);
        if (changed.length > 0) changed[at(changed, where * 0.999)] = byte;
        return changed;
      },
  ),
  fc.tuple(place, snippet, fc.integer({ min: 1, max: 40 })).map(
    ([where, text, times]): Edit =>
      (message) => {
        const cut = at(message, where);
        const added = Buffer.from(text.repeat(times), 'latin1');
        return Buffer.concat([message.subarray(0, cut), added, message.subarray(cut)]);
      },
  ),
  fc.tuple(place, place).map(
    ([from, upto]): Edit =>
      (message) => {
        const [low, high] = [at(message, Math.min(from, upto)), at(message, Math.max(from, upto))];
        return Buffer.concat([message.subarray(0, low), message.subarray(high)]);
      },
  ),
  fc.tuple(place, fc.constantFrom(...SAMPLES)).map(
    ([where, other]): Edit =>
      (message) => {
        const second = readSample(other);
        return Buffer.concat([
          message.subarray(0, at(message, where)),
          second.subarray(at(second, where)),
        ]);
      },
  ),
);
const message = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(...SAMPLES), fc.array(edit, { maxLength: 4 }))
      .map(([name, edits]) => edits.reduce((bytes, change) => change(bytes), readSample(name))),
  },
);

const ARRIVAL = {
  from: '',
  recipients: ['u@b.test'],
  smtpUtf8: false,
  peer: '192.0.2.9',
  helo: 'mx.test',
  protocol: 'ESMTP',
  listener: '',
  hostname: 'mx.test',
  at: 0,
  session: '',
};
const MAIL = { arrival: ARRIVAL, size: 1, headers: undefined };
const MESSAGE = { id: '0'.repeat(32), to: ['u@b.test'] };
const shapes = new Map<string, unknown>(catalogue.map((one) => [one.type, one]));

test('any octets are a report, none, or malformed', async () => {
  const seen = { report: 0, none: 0, malformed: 0 };
  await assertLaw(
    fc.asyncProperty(message, async (bytes) => {
      const reading = await parseReport(bytes, { arf: true, oob: true });
      seen[reading.kind] += 1;
      if (reading.kind === 'malformed') assert.ok(reading.reason.length > 0);
      if (reading.kind !== 'report') return;
      const notes = notesOf(reading.report, MAIL, MESSAGE, true);
      assert.ok(notes.length <= BLOCKS_MAX + 1);
      for (const { type, body } of notes) {
        const shape = shapes.get(type) as Parameters<typeof findMisshape>[0];
        assert.equal(findMisshape(shape, body), undefined);
        const again = JSON.parse(JSON.stringify(body)) as { text?: string };
        assert.doesNotMatch(again.text ?? '', /[\r\n]/);
      }
    }),
    1,
    () => seen.report > 0 && seen.none > 0 && seen.malformed > 0,
  );
});
