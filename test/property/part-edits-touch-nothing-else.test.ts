/**
 * Law: text that is put into a part is read back from it behind (or, in HTML, within) what was
 * there, and what is mended keeps its meaning; all other parts keep their bytes, and so does what
 * is around them; a message of any bytes is read without an error, and what is signed stays.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PROBLEMS } from '../../src/mail/conformance.ts';
import { Message } from '../../src/mail/message.ts';
import { Metadata } from '../../src/mail/metadata.ts';
import type { MimePart } from '../../src/mail/mime-part.ts';
import { parseMime } from '../../src/mail/mime-part.ts';
import { decodeTransfer, encodeTransfer, encodingOf } from '../../src/mail/transfer-encoding.ts';
import { assertLaw } from '../world/law.ts';

const ID = `${Date.parse('2026-01-02T03:04:05Z').toString(16).padStart(12, '0')}${'0'.repeat(20)}`;

const word = fc.oneof(
  fc.constantFrom('plain', 'Grüße', 'a=b', '=3D', ' . ', '東京', '</p>', '--b0', 'x'.repeat(90)),
  fc.string({ minLength: 1, maxLength: 12 }).map((text) => text.replace(/[^ -~]/g, '?')),
);
const prose = fc
  .array(fc.array(word, { maxLength: 4 }), { maxLength: 4 })
  .map((lines) => lines.map((words) => words.join(' ')).join('\r\n'));
const ascii = (text: string): string => text.replace(/[^\x00-\x7f]/g, '?');

interface Made {
  readonly header: string;
  readonly body: Buffer;
}

const leaf: fc.Arbitrary<Made> = fc
  .record({
    type: fc.constantFrom('text/plain', 'text/html', 'image/png', 'text/x-amp-html', ''),
    encoding: fc.constantFrom('', '7bit', '8bit', 'quoted-printable', 'Base64'),
    charset: fc.constantFrom('', 'utf-8', 'UTF-8', 'us-ascii', 'iso-8859-1', 'utf-16le'),
    disposition: fc.constantFrom('', '', 'inline', 'attachment; filename="a;b.txt"'),
    text: prose,
    tail: fc.constantFrom('', '\r\n', '</BODY></html>\r\n'),
  })
  .map(({ type, encoding, charset, disposition, text, tail }) => {
    const is = (name: string): boolean => charset.toLowerCase() === name;
    const said = is('utf-8') || is('utf-16le') ? text + tail : ascii(text + tail);
    const octets = Buffer.from(said, is('utf-16le') ? 'utf16le' : 'utf8');
    const isWide = is('utf-16le') && !/^(quoted|base64)/i.test(encoding);
    const [way, own] = isWide
      ? ['base64', 'Content-Transfer-Encoding: base64\r\n']
      : [encoding, ''];
    const named = encoding === '' || isWide ? own : `Content-Transfer-Encoding: ${encoding}\r\n`;
    const kind =
      type === '' ? '' : `Content-Type: ${type}${charset && `;\r\n charset="${charset}"`}\r\n`;
    const shown = disposition === '' ? '' : `Content-Disposition: ${disposition}\r\n`;
    const isBare = type === '' && !is('utf-8') && !is('us-ascii') && charset !== '';
    const body = isBare ? Buffer.from('bare') : octets;
    return {
      header: `${kind}${named}${shown}`,
      body: encodeTransfer(body, encodingOf(way)),
    };
  });

const many = (inner: fc.Arbitrary<Made>, depth: number): fc.Arbitrary<Made> =>
  fc
    .record({
      kind: fc.constantFrom('mixed', 'alternative', 'related'),
      parts: fc.array(inner, { minLength: 1, maxLength: 3 }),
      preamble: fc.constantFrom('', 'This is MIME.\r\n', `--b${depth}x\r\n`),
      isClosed: fc.boolean(),
    })
    .map(({ kind, parts, preamble, isClosed }) => ({
      header: `Content-Type: multipart/${kind}; boundary="b${depth}"\r\n`,
      body: Buffer.concat([
        Buffer.from(preamble),
        ...parts.flatMap(({ header, body }) => [
          Buffer.from(`--b${depth}\r\n${header}\r\n`),
          body,
          Buffer.from('\r\n'),
        ]),
        Buffer.from(isClosed ? `--b${depth}--\r\nepilogue\r\n` : ''),
      ]),
    }));

const mail = fc
  .tuple(
    fc.oneof(leaf, many(leaf, 1), many(fc.oneof(leaf, many(leaf, 2)), 1)),
    fc.constantFrom('', 'Subject: Grüße\r\n', 'Odd : x\r\nFrom: <a@a.test>\r\n', 'Date: x\r\n'),
  )
  .map(([{ header, body }, more]) =>
    Buffer.concat([Buffer.from(`${more}${header}\r\n`), body, Buffer.from('\r\n')]),
  );

const open = (bytes: Buffer): Message =>
  new Message({
    id: ID,
    sender: '',
    recipients: ['u@a.test'],
    chunks: [bytes],
    meta: Metadata.of(),
    isUtf8: true,
  });

const textOf = ({ body }: MimePart): string => (typeof body === 'string' ? body : body.toString());
const lined = (text: string): string => text.replace(/\r?\n$/, '');

function isAround(before: Buffer, after: Buffer, part: MimePart): void {
  const tail = before.length - part.bodyUpto;
  assert.deepEqual(after.subarray(0, part.headerFrom), before.subarray(0, part.headerFrom));
  assert.deepEqual(after.subarray(after.length - tail), before.subarray(part.bodyUpto));
}

function othersAreSame(before: Buffer, after: Buffer, but: (index: number) => boolean): void {
  const [old, now] = [[...parseMime(before).leaves()], [...parseMime(after).leaves()]];
  assert.equal(now.length, old.length);
  for (const [index, part] of old.entries()) {
    if (but(index)) continue;
    assert.equal(now[index]?.header.toString(), part.header.toString());
    assert.deepEqual(now[index]?.raw, part.raw);
  }
}

test('text appended is read back, and nothing else changes', async () => {
  const added = fc.tuple(fc.constantFrom('text/plain', 'text/html'), prose);
  let appended = 0;
  const property = fc.property(mail, added, (before, [kind, text]) => {
    const structure = parseMime(before).get_simple_structure();
    const part = kind === 'text/html' ? structure.html_part : structure.text_part;
    const message = open(before);
    const isHtml = kind === 'text/html';
    const did = isHtml ? message.append_text_html(text) : message.append_text_plain(text);
    assert.equal(did, part !== undefined);
    const after = message.get_data();
    if (part === undefined) return assert.deepEqual(after, before);
    const index = [...parseMime(before).leaves()].findIndex(
      ({ headerFrom }) => headerFrom === part.headerFrom,
    );
    isAround(before, after, part);
    othersAreSame(before, after, (one) => one === index);
    const old = textOf(part);
    const at = isHtml ? old.search(/<\/BODY[\s>](?!.*<\/BODY[\s>])/is) : -1;
    const wanted = at < 0 ? old + text : old.slice(0, at) + text + old.slice(at);
    const now = [...parseMime(after).leaves()][index] as MimePart;
    assert.equal(lined(textOf(now)), lined(wanted));
    appended += 1;
  });
  await assertLaw(property, 0.6, () => appended > 0);
});

test('what is mended keeps its meaning', async () => {
  const property = fc.property(mail, fc.subarray([...PROBLEMS]), (before, fixes) => {
    const message = open(before);
    const found = open(before).check_fix_conformance(PROBLEMS.join('|'), '');
    const said = message.check_fix_conformance('', fixes.join('|'));
    const after = message.get_data();
    if (said !== undefined) return assert.deepEqual(after, before, said);
    assert.equal(open(after).check_fix_conformance(fixes.join('|'), ''), undefined);
    if (found === undefined) assert.deepEqual(after, before);
    const [old, now] = [[...parseMime(before).leaves()], [...parseMime(after).leaves()]];
    othersAreSame(
      before,
      after,
      (index) => old.length === 1 || old[index]?.encoding === 'identity',
    );
    for (const [index, part] of old.entries()) {
      const is = now[index] as MimePart;
      if (part.isText) assert.equal(lined(textOf(is)), lined(textOf(part)));
      else assert.deepEqual(is.octets, part.octets);
    }
  });
  await assertLaw(property, 0.6);
});

test('any bytes are read, and octets survive their encoding', async () => {
  const junk = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const marks = fc.constantFrom(
    '\r\n',
    '--b1',
    '--b1--',
    '\r\n\r\n',
    'Content-Type: ',
    'multipart/mixed; boundary=b1',
    'charset=x',
    ' : ',
  );
  const bytes = fc
    .array(
      fc.oneof(
        junk,
        marks.map((text) => Buffer.from(text)),
      ),
      { maxLength: 12 },
    )
    .map((pieces) => Buffer.concat(pieces));
  const property = fc.property(bytes, (one) => {
    const structure = parseMime(one).get_simple_structure();
    for (const { part } of structure.attachments) assert.ok(part.bodyUpto <= one.length);
    for (const part of parseMime(one).leaves()) assert.ok(part.body !== undefined);
    open(one).append_text_plain('more');
    open(one).check_fix_conformance('', PROBLEMS.join('|'));
    for (const encoding of ['quoted-printable', 'base64'] as const) {
      const coded = encodeTransfer(one, encoding);
      assert.deepEqual(decodeTransfer(coded, encoding), one);
      for (const line of coded.toString('latin1').split('\r\n')) assert.ok(line.length <= 76);
    }
  });
  await assertLaw(property, 0.4);
});

test('a signature comes last', async () => {
  const message = open(Buffer.from('From: <a@a.test>\r\n\r\ntext\r\n'));
  message.append_text_plain('before\r\n');
  await message.dkim_sign({ sign: async () => 'DKIM-Signature: v=1\r\n' });
  const signed = message.get_data();
  assert.throws(() => message.append_text_plain('x'), /append_text_plain: .* call dkim_sign last/);
  assert.throws(() => message.append_text_html('x'), /call dkim_sign last/);
  assert.throws(() => message.check_fix_conformance('', 'MISSING_DATE_HEADER'), /dkim_sign last/);
  const part = message.split('b', ['v@a.test'], message.pieces());
  assert.throws(() => part.append_text_plain('x'), /call dkim_sign last/);
  assert.equal(message.check_fix_conformance('LINE_TOO_LONG', ''), undefined);
  assert.deepEqual(message.get_data(), signed);
});
