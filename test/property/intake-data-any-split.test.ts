/**
 * Law: however a data phase is cut into chunks, the message found in it is the same, and it is the
 * one that RFC 5321 section 4.5.2 describes.
 * The one idea: a slow model on whole strings says what the fast reader must find. It does not
 * know sockets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataReader, measureLongestLine } from '../../src/intake/data-reader.ts';
import { fixLineEnds } from '../../src/mail/line-ends.ts';

interface Found {
  readonly end: number;
  readonly content: string;
  readonly hasBareLineEnds: boolean;
  readonly hasNul: boolean;
  readonly isEightBit: boolean;
}

/** The whole data phase at once; only CRLF ends a line. */
function model(sent: string): Found {
  const at = `\r\n${sent}`.indexOf('\r\n.\r\n');
  const end = at === -1 ? -1 : at + 3;
  const text = at === -1 ? sent : sent.slice(0, at);
  const content = `\r\n${text}`.replace(/\r\n\./g, '\r\n').slice(2);
  return {
    end,
    content,
    hasBareLineEnds: /\r(?!\n)|(?<!\r)\n/.test(text),
    hasNul: text.includes('\0'),
    isEightBit: /[^\0-\x7f]/.test(text),
  };
}

function read(chunks: readonly Buffer[]): Found {
  const reader = new DataReader(1e9);
  let end = -1;
  let before = 0;
  for (const chunk of chunks) {
    const at = reader.feed(chunk);
    if (at !== -1) {
      end = before + at;
      break;
    }
    before += chunk.length;
  }
  const { hasBareLineEnds, hasNul, isEightBit, pieces } = reader;
  const content = Buffer.concat(pieces.take()).toString('latin1');
  return { end, content, hasBareLineEnds, hasNul, isEightBit };
}

// Mostly the bytes that matter, so that the interesting sequences come up at once.
const sentBytes = fc
  .array(fc.constantFrom('\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', 'a', '\0', '\xe9', 'xx.'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));

const cutAt = (sent: string, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (sent.length + 1)))].sort((a, b) => a - b);
  const from = [0, ...places];
  return from.map((place, at) => Buffer.from(sent.slice(place, from[at + 1]), 'latin1'));
};

test('any split of a data phase yields the message of the model', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(
    fc.property(sentBytes, cuts, (body, places) => {
      const sent = `${body}\r\n.\r\nNOOP\r\n`;
      assert.deepEqual(read(cutAt(sent, places)), model(sent));
    }),
    { numRuns: 3000 },
  );
});

test('byte by byte is like at once', () => {
  fc.assert(
    fc.property(sentBytes, (body) => {
      const sent = `${body}\r\n.\r\n`;
      const bytes = [...sent].map((byte) => Buffer.from(byte, 'latin1'));
      assert.deepEqual(read(bytes), read([Buffer.from(sent, 'latin1')]));
    }),
    { numRuns: 1000 },
  );
});

test('without an end nothing but the undecided last bytes is missing', () => {
  const endless = sentBytes.filter((sent) => model(sent).end === -1);
  fc.assert(
    fc.property(endless, fc.array(fc.nat(), { maxLength: 8 }), (sent, places) => {
      const found = read(cutAt(sent, places));
      const whole = model(sent).content;
      assert.equal(found.end, -1);
      assert.ok(whole.startsWith(found.content) && whole.length - found.content.length <= 2);
    }),
    { numRuns: 1000 },
  );
});

test('the longest line is measured, whatever the split', () => {
  const lines = fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(), { maxLength: 6 }), (lengths, places) => {
      const text = lengths.map((length) => `${'x'.repeat(length)}\r\n`).join('');
      const reader = new DataReader(1e9);
      for (const chunk of cutAt(`${text}.\r\n`, places)) reader.feed(chunk);
      assert.equal(reader.lineBytesMax, Math.max(...lengths));
      assert.equal(measureLongestLine(Buffer.from(text)), Math.max(...lengths));
    }),
    { numRuns: 500 },
  );
});

test('mended line ends are canonical, and mending them again changes nothing', () => {
  fc.assert(
    fc.property(sentBytes, (text) => {
      const fixed = fixLineEnds([Buffer.from(text, 'latin1')]);
      assert.doesNotMatch(fixed.toString('latin1'), /\r(?!\n)|(?<!\r)\n/);
      assert.deepEqual(fixLineEnds([fixed]), fixed);
      const bare = (value: string) => value.replace(/[\r\n]/g, '');
      assert.equal(bare(fixed.toString('latin1')), bare(text));
    }),
    { numRuns: 1000 },
  );
});

test('a limit is kept to the byte, and bytes beyond it are not held', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 40 }),
      (bytes, step) => {
        const text = 'x'.repeat(bytes);
        for (const room of [0, 1, -1]) {
          const reader = new DataReader(bytes + 2 + room);
          const sent = Buffer.from(`${text}\r\n.\r\n`);
          for (let at = 0; at < sent.length; at += step) reader.feed(sent.subarray(at, at + step));
          assert.equal(reader.isTooLarge, room < 0);
          assert.equal(reader.pieces.bytes, room < 0 ? 0 : bytes + 2);
        }
      },
    ),
    { numRuns: 300 },
  );
});
