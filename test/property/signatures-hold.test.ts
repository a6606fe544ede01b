/**
 * Law: a DKIM signature says the same however the message was cut into pieces; canonical forms are
 * those of a plainly written second implementation; a relaxed signature survives folding and blanks
 * made otherwise, and no signature survives one octet made another.
 */
import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalField, feedBody } from '../../src/dkim/canonical.ts';
import { signMessage } from '../../src/dkim/sign.ts';
import type { Canonicalization, DkimSigning } from '../../src/domain/options-dkim.ts';
import { ED25519, octets, signingBy } from '../examples/dkim-kit.ts';
import { assertLaw } from '../world/law.ts';

const AT = 1_795_000_000;
const kinds = fc.constantFrom<Canonicalization>('Relaxed', 'Simple');

// Texts made mostly of what canonical forms care about, CR and LF alone included.
const bodyText = fc
  .array(fc.constantFrom(' ', '\t', '\r\n', '\r', '\n', 'a', 'b.', '\xff', '\0', '  ', '\r\n\r\n'))
  .map((parts) => parts.join(''));
const valueText = fc
  .array(fc.constantFrom(' ', '\t', '\r\n ', '\r\n\t', 'a', 'B:', ';', '\xe9', '\r', '\n  x'))
  .map((parts) => parts.join(''));
const fieldName = fc.constantFrom('From', 'to', 'SUBJECT', 'X-a', 'Date ', 'from');
// A field of blanks alone ends like a folded line, so each ends in text.
const field = fc.tuple(fieldName, valueText).map(([name, value]) => `${name}:${value}z`);
const message = fc
  .tuple(fc.array(field, { maxLength: 8 }), bodyText)
  .map(([fields, body]) => `From: a@example.com\r\n${fields.join('\r\n')}\r\n\r\n${body}`);

// The second implementation: texts, lines and expressions, as RFC 6376 section 3.4 says it.
const plainBody = (body: string, kind: Canonicalization): string => {
  const lines = body.split('\r\n');
  const made = lines.map((line) =>
    kind === 'Simple' ? line : line.replace(/[ \t]+/g, ' ').replace(/ $/, ''),
  );
  while (made.length > 0 && made.at(-1) === '') made.pop();
  if (made.length === 0) return kind === 'Simple' ? '\r\n' : '';
  return `${made.join('\r\n')}\r\n`;
};
const plainField = (raw: string, kind: Canonicalization): string => {
  if (kind === 'Simple') return raw;
  const [name = '', ...rest] = raw.split(':');
  const value = rest
    .join(':')
    .split('\r\n')
    .join('')
    .replace(/[ \t]+/g, ' ');
  return `${name.toLowerCase().replace(/[ \t]+$/, '')}:${value.replace(/^ | $/g, '')}`;
};

const cutAt = (whole: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  const ends = [...places, whole.length];
  return ends.map((end, at) => whole.subarray(at === 0 ? 0 : ends[at - 1], end));
};
const cuts = fc.array(fc.nat(), { maxLength: 12 });

const bodyFed = (chunks: readonly Uint8Array[], kind: Canonicalization): string => {
  let text = '';
  feedBody(chunks, kind, (piece) => {
    text += Buffer.from(piece).toString('latin1');
  });
  return text;
};

test('a body in pieces has the canonical form of the second implementation', () =>
  assertLaw(
    fc.property(bodyText, kinds, cuts, (body, kind, where) => {
      assert.equal(bodyFed(cutAt(octets(body), where), kind), plainBody(body, kind));
    }),
    0.2,
  ));

test('a long body, too, and it is fed in pieces of a bounded size', () =>
  assertLaw(
    fc.property(bodyText, fc.integer({ min: 1, max: 40_000 }), kinds, (body, times, kind) => {
      const long = `${body.slice(0, 24)}w`.repeat(times);
      assert.equal(bodyFed([octets(long)], kind), plainBody(long, kind));
    }),
    0.1,
  ));

test('a field has the canonical form of the second implementation', () =>
  assertLaw(
    fc.property(field, kinds, (raw, kind) => {
      assert.equal(canonicalField(raw, kind), plainField(raw, kind));
    }),
    0.1,
  ));

const optionsOf = (header: Canonicalization, body: Canonicalization, over_sign: boolean) => ({
  header_canonicalization: header,
  body_canonicalization: body,
  over_sign,
  headers: ['From', 'To', 'Subject', 'X-A', 'Date'],
});
const signing = fc
  .tuple(kinds, kinds, fc.boolean())
  .map((way) => signingBy(ED25519, optionsOf(...way)));
const sign = (chunks: readonly Uint8Array[], how: DkimSigning): string =>
  signMessage(chunks, [{ signing: how, key: ED25519.key }], AT);

test('however a message was cut, its signature is the same', () =>
  assertLaw(
    fc.property(message, signing, cuts, (text, how, where) => {
      const whole = octets(text);
      assert.equal(sign(cutAt(whole, where), how), sign([whole], how));
    }),
    0.2,
  ));

// The second implementation of a verifier; whatever it does not understand it does not believe.
const publicKey = createPublicKey(ED25519.key);
const believes = (lines: string, text: string): boolean => {
  const tags = new Map(
    lines
      .slice('DKIM-Signature:'.length)
      .split(';')
      .map((tag) => /^\s*(\w+)=([\s\S]*)$/.exec(tag) ?? [])
      .map(([, name = '', value = '']) => [name, value.replace(/\s+/g, '')] as const),
  );
  const [header, body] = (tags.get('c') ?? '')
    .split('/')
    .map((kind): Canonicalization => (kind === 'simple' ? 'Simple' : 'Relaxed'));
  const end = text.indexOf('\r\n\r\n');
  const bodyHash = createHash('sha256')
    .update(plainBody(text.slice(end + 4), body ?? 'Simple'), 'latin1')
    .digest('base64');
  if (bodyHash !== tags.get('bh')) return false;
  const fields = text.slice(0, end).split(/\r\n(?![ \t])/);
  let data = '';
  for (const name of (tags.get('h') ?? '').toLowerCase().split(':')) {
    const at = fields.findLastIndex((raw) => raw.split(':')[0]?.trim().toLowerCase() === name);
    if (at >= 0) data += `${plainField(fields.splice(at, 1)[0] ?? '', header ?? 'Simple')}\r\n`;
  }
  const unsigned = lines.slice(0, lines.lastIndexOf('b=') + 2);
  data += plainField(unsigned, header ?? 'Simple');
  const digest = createHash('sha256').update(data, 'latin1').digest();
  return verify(null, digest, publicKey, Buffer.from(tags.get('b') ?? '', 'base64'));
};

const refold = (text: string, seed: readonly number[]): string => {
  let at = 0;
  const end = text.indexOf('\r\n\r\n');
  const header = text.slice(0, end).replace(/(?:\r\n)?[ \t]+(?![ \t:])/g, () => {
    at += 1;
    return [' ', '\t \t', '\r\n ', '\r\n\t ', '   '][(seed[at % seed.length] ?? 0) % 5] ?? ' ';
  });
  const body = text
    .slice(end)
    .replace(/[ \t]+/g, '\t  ')
    .replace(/\r\n/g, ' \r\n');
  return header + body.replace(/^ \r\n \r\n/, '\r\n\r\n');
};

test('a relaxed signature survives other folds and blanks, a simple one does not', () =>
  assertLaw(
    fc.property(message, fc.array(fc.nat(4), { minLength: 1 }), (text, seed) => {
      const other = refold(text, seed);
      const [relaxed, simple] = (['Relaxed', 'Simple'] as const).map((kind) =>
        signingBy(ED25519, optionsOf(kind, kind, true)),
      );
      assert.ok(relaxed !== undefined && simple !== undefined);
      const lines = sign([octets(text)], relaxed);
      assert.ok(believes(lines, text));
      assert.ok(believes(lines, other));
      const strict = sign([octets(text)], simple);
      assert.ok(believes(strict, text));
      assert.equal(believes(strict, other), isMeantTheSame(text, other, simple));
    }),
    0.3,
  ));

test('a signature does not survive one octet made another', () =>
  assertLaw(
    fc.property(
      message,
      signing,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (text, how, at, by) => {
        const lines = sign([octets(text)], how);
        const changed = octets(text);
        const place = at % changed.length;
        changed[place] = (changed[place] ?? 0) ^ by;
        const other = changed.toString('latin1');
        if (isMeantTheSame(text, other, how)) return;
        assert.equal(believes(lines, other), false, JSON.stringify(other));
      },
    ),
    0.3,
  ));

// What canonical forms are there to overlook, and fields that nobody asked to be signed.
const isMeantTheSame = (text: string, other: string, how: DkimSigning): boolean =>
  formOf(text, how) === formOf(other, how);
const formOf = (text: string, how: DkimSigning): string => {
  const end = text.indexOf('\r\n\r\n');
  const names = how.headers.map((name) => name.toLowerCase());
  const fields = text
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .map((raw) => ({ raw, name: raw.split(':')[0]?.trim().toLowerCase() ?? '' }))
    .filter(({ raw, name }) => raw.includes(':') && names.includes(name));
  const sorted = names.flatMap((name) => fields.filter((one) => one.name === name));
  const made = sorted.map(({ raw }) => plainField(raw, how.header_canonicalization));
  return [...made, plainBody(text.slice(end + 4), how.body_canonicalization)].join('\r\n');
};
