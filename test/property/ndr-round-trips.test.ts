/**
 * Law: a report that we write of any record is read back with the same recipients, status, reply
 * and original, has no line longer than mail may have, and no header that the record did not call
 * for. The idea: writer and reader were made apart, so what both agree on is the standard's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRfc3464 } from '../../src/reports/rfc3464.ts';
import { isAscii, oneLine } from '../../src/reports/writing.ts';
import { BOUNCE, write } from '../examples/ndr-kit.ts';
import { assertLaw } from '../world/law.ts';

const LINE_BYTES_MAX = 998;
const HEADER_NAMES = [
  'Date',
  'From',
  'To',
  'Subject',
  'Message-ID',
  'Auto-Submitted',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
];

const address = fc
  .tuple(fc.stringMatching(/^[a-z0-9+=._ü-]{1,60}$/), fc.stringMatching(/^[a-z0-9-]{1,30}$/))
  .map(([local, domain]) => `${local}@${domain}.test`);
const word = fc.string({ unit: 'grapheme-ascii', maxLength: 30, size: 'max' });
const words = fc.array(word, { maxLength: 80, size: 'max' });
const noise = fc.constantFrom('\r\n', '\n', '\r', '\u2028', '\0', ': ', '--', ' ');
const content = fc.tuple(words, noise).map(([some, between]) => some.join(between).slice(0, 1024));
const original = fc
  .array(fc.stringMatching(/^[ -~]{0,70}$/), { maxLength: 8 })
  .map((lines) => Buffer.from(`Subject: x\r\n\r\n${lines.map((line) => `${line}\r\n`).join('')}`));
const record = fc.record({
  sender: address,
  recipient: fc.array(address, { minLength: 1, maxLength: 5 }),
  code: fc.integer({ min: 500, max: 599 }),
  detail: fc.nat(99),
  content,
  original,
});

const single = (text: string): string => text.replace(/\s+/g, ' ').trim();

test('what is written is read back', async () => {
  await assertLaw(
    fc.asyncProperty(
      record,
      async ({ sender, recipient, code, detail, content: text, original: whole }) => {
        const enhanced_code = { class: 5, subject: 7, detail };
        const response = { code, enhanced_code, content: text, command: null };
        const data = write({ ...BOUNCE, sender, recipient, response }, {}, whole);
        const [header = ''] = data.toString().split('\r\n\r\n', 1);
        const names = header.split(/\r\n(?![ \t])/).map((line) => line.slice(0, line.indexOf(':')));
        assert.deepEqual(names, HEADER_NAMES);
        for (const line of data.toString('latin1').split('\r\n')) {
          assert.ok(line.length <= LINE_BYTES_MAX);
          assert.doesNotMatch(line, /[\r\n]/);
        }
        const reading = await parseRfc3464(data);
        assert.ok(reading.kind === 'report', JSON.stringify(reading));
        const { per_recipient, original_message } = reading.report;
        assert.deepEqual(
          per_recipient.map(({ final_recipient: one }) => one.recipient),
          recipient,
        );
        const isGlobal = ![sender, ...recipient].every(isAscii);
        const said = single(`${code} 5.7.${detail} ${oneLine(text)}`);
        for (const { status, diagnostic_code } of per_recipient) {
          assert.equal(status, `5.7.${detail}`);
          if (isGlobal || isAscii(said))
            assert.equal(single(diagnostic_code?.diagnostic ?? ''), said);
        }
        assert.equal(
          original_message?.trimEnd(),
          whole.toString().replaceAll('\r\n', '\n').trimEnd(),
        );
      },
    ),
    0.5,
  );
});
