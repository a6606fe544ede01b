/**
 * Law: whatever a header looks like (odd folding, 8-bit bytes, lines without a name), editing it
 * changes the bytes of the fields that are meant and no others, and a value that is written is
 * read back.
 * The one idea: a model cuts lines by hand and edits a list of them. It does not know policy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutMessage, Header } from '../../src/mail/header.ts';
import { Message } from '../../src/mail/message.ts';
import { Metadata } from '../../src/mail/metadata.ts';
import { assertLaw } from '../world/law.ts';

const NAMES = ['X-A', 'x-a', 'X-Ab', 'Subject', 'Received'];
const byte = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 10 && code !== 13);
const junk = fc.array(byte, { minLength: 1, maxLength: 12 }).map((codes) => Buffer.from(codes));
const text = (bytes: Buffer): string => bytes.toString('latin1');
const field = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.constantFrom(':', ' :', ': '),
    fc.array(junk, { maxLength: 3 }),
  )
  .map(([name, colon, parts]) => `${name}${colon}${parts.map(text).join('\r\n\t')}`);
// Lines that are no fields, some of which continue what is before them.
const odd = fc.oneof(
  junk.map(text),
  junk.map((bytes) => ` ${text(bytes)}`),
  fc.constant('\t'),
);
const line = fc.oneof({ weight: 4, arbitrary: field }, { weight: 1, arbitrary: odd });
const header = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((one) => `${one}\r\n`));
const body = fc.oneof(
  fc.constant(''),
  junk.map((bytes) => `\r\n${text(bytes)}\r\n`),
);

/** Fields by hand: a line that begins with white space belongs to the one before it. */
function cutByHand(header: string): string[] {
  const raws: string[] = [];
  for (const one of header.match(/[^\n]*\n/g) ?? []) {
    if (/^[ \t]/.test(one) && raws.length > 0) raws[raws.length - 1] += one;
    else raws.push(one);
  }
  return raws;
}

const hasName = (raw: string, name: string): boolean =>
  raw
    .toLowerCase()
    .replace(/[ \t]*:/, ':')
    .startsWith(`${name.toLowerCase()}:`);

type Edit = readonly ['prepend' | 'append' | 'remove', string];
const edit: fc.Arbitrary<Edit> = fc.tuple(
  fc.constantFrom('prepend' as const, 'append' as const, 'remove' as const),
  fc.constantFrom(...NAMES),
);

const messageOf = (bytes: Buffer): Message =>
  new Message({
    id: 'm',
    sender: '',
    recipients: ['a@a.test'],
    chunks: [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)],
    meta: Metadata.of(),
    isUtf8: false,
  });

test('edits change what they mean, byte by byte', async () => {
  const edits = fc.array(edit, { maxLength: 6 });
  const property = fc.property(header, body, edits, (lines, rest, made) => {
    const head = lines.join('');
    const bytes = Buffer.from(head + rest, 'latin1');
    const cut = cutMessage(bytes);
    assert.equal(cut.header + cut.rest.toString('latin1'), text(bytes));
    assert.equal(new Header(cut.header).toString(), cut.header);
    const message = messageOf(bytes);
    let model = cutByHand(head);
    for (const [what, name] of made) {
      const raw = `${name}: v\r\n`;
      if (what === 'prepend') message.prepend_header(name, 'v');
      else if (what === 'append') message.append_header(name, 'v');
      else message.remove_all_named_headers(name);
      if (what === 'prepend') model = [raw, ...model];
      else if (what === 'append') model = [...model, raw];
      else model = model.filter((one) => !hasName(one, name));
      const found = message.get_all_named_header_values(name).length;
      assert.equal(found, model.filter((one) => hasName(one, name)).length, name);
    }
    assert.equal(text(message.get_data()), model.join('') + rest);
  });
  await assertLaw(property, 0.5);
});

test('what is written is read back, on lines that are not too long', async () => {
  const wide = fc.string({ unit: 'grapheme', maxLength: 200 });
  const plain = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '=?', 'é', '\t'),
    maxLength: 400,
  });
  const long = fc.integer({ min: 1, max: 2000 }).map((length) => 'x'.repeat(length));
  const value = fc.oneof(
    wide,
    plain,
    long,
    fc.tuple(plain, long).map((parts) => parts.join(' ')),
  );
  const name = fc.constantFrom('X-A', 'X-'.padEnd(70, 'n'));
  await assertLaw(
    fc.property(name, value, fc.boolean(), (named, given, isLong) => {
      const message = messageOf(Buffer.from('Subject: s\r\n\r\nb\r\n'));
      // As it stands a value must fit a line, and say nothing that would be decoded.
      const isPlain = given.length < 200 && !/[\r\n\0\ufffd]|=\?/.test(given);
      message.append_header(named, given, isLong || !isPlain);
      const back = message.get_first_named_header_value(named);
      assert.equal(back, given.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''));
      const data = text(message.get_data());
      // RFC 2047 section 2: a line with an encoded word has at most 76 characters.
      for (const one of data.split('\r\n')) {
        assert.ok(one.length <= (one.includes('=?utf-8?B?') ? 76 : 998), one);
      }
      assert.ok(data.startsWith('Subject: s\r\n') && data.endsWith('\r\n\r\nb\r\n'));
    }),
    0.5,
  );
});
