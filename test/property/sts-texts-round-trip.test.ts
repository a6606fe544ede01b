/**
 * Law: what a domain says about MTA-STS reads back as it was written, and whatever else its records
 * and files hold is no policy: no text, however made, throws or is believed in part.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StsPolicy } from '../../src/domain/mta-sts.ts';
import { allowsHost, parseStsPolicy, parseStsRecord } from '../../src/domain/mta-sts.ts';
import { formatKept, parseKept } from '../../src/domain/mta-sts-kept.ts';
import type { KeptPolicy } from '../../src/domain/mta-sts-policies.ts';
import { assertLaw } from '../world/law.ts';

const letters = 'abcxyz019-';
const label = fc
  .string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 8 })
  .filter((text) => !text.startsWith('-'));
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const pattern = fc.tuple(fc.boolean(), host).map(([isWild, name]) => (isWild ? `*.${name}` : name));
const policy: fc.Arbitrary<StsPolicy> = fc.record({
  mode: fc.constantFrom('enforce' as const, 'testing' as const, 'none' as const),
  maxAgeMs: fc.nat(31_557_600).map((seconds) => seconds * 1_000),
  patterns: fc.array(pattern, { minLength: 1, maxLength: 6 }),
});
const space = fc.constantFrom('', ' ', '\t', '  ');
const lineEnd = fc.constantFrom('\n', '\r\n');

const write = ({ mode, maxAgeMs, patterns }: StsPolicy, gap: string, end: string): string =>
  [
    'version: STSv1',
    `mode:${gap}${mode}${gap}`,
    ...patterns.map((text) => `mx${gap}:${gap}${text}`),
    'x-later.field: anything: at all ✓',
    `max_age: ${maxAgeMs / 1_000}`,
    'mode: none',
  ].join(end) + end;

test('a policy file reads back as it was written', () =>
  assertLaw(
    fc.property(policy, space, lineEnd, (given, gap, end) => {
      assert.deepEqual(parseStsPolicy(write(given, gap, end)), { ...given });
    }),
    0.3,
  ));

const id = fc.string({
  unit: fc.constantFrom(...'abcXYZ0189'),
  minLength: 1,
  maxLength: 32,
});

test('a record reads back as it was written, among others that are none', () =>
  assertLaw(
    fc.property(id, space, fc.array(fc.string()), fc.boolean(), (given, gap, others, isOpen) => {
      const text = `v=STSv1${gap};${gap}a=b${gap};${gap}id=${given}${isOpen ? '' : ';'}`;
      const rest = others.filter((other) => !/^v=STSv1[ \t]*;/.test(other));
      assert.deepEqual(parseStsRecord([...rest, text]), { kind: 'found', id: given });
      assert.equal(parseStsRecord([text, ...rest, text]).kind, 'invalid', 'two are none');
      assert.deepEqual(parseStsRecord(rest), { kind: 'absent' });
    }),
    0.3,
  ));

// Any text, and texts that are nearly right: one character of a good one is another.
const nearly = fc
  .tuple(policy, fc.nat(), fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }))
  .map(([given, at, other]) => {
    const text = write(given, ' ', '\n');
    const cut = at % text.length;
    return text.slice(0, cut) + other + text.slice(cut + 1);
  });
const anyText = fc.oneof(fc.string({ unit: 'binary' }), nearly);

test('whatever a domain says is a policy within its bounds, or none', () =>
  assertLaw(
    fc.property(anyText, fc.array(fc.string({ unit: 'binary' })), (text, texts) => {
      const read = parseStsPolicy(text);
      if ('why' in read) assert.match(read.why, /^[ -~]+$/);
      else {
        assert.ok(read.maxAgeMs >= 0 && read.maxAgeMs <= 31_557_600_000);
        assert.ok(read.mode === 'none' || read.patterns.length > 0);
        for (const each of read.patterns) assert.match(each, /^(\*\.)?[a-z0-9_.-]+$/);
      }
      const record = parseStsRecord(texts);
      if (record.kind === 'found') assert.match(record.id, /^[A-Za-z0-9]{1,32}$/);
      assert.ok(Array.isArray(parseKept(text)));
    }),
    0.4,
  ));

test('a pattern allows itself, or one label more, and nothing else', () =>
  assertLaw(
    fc.property(host, label, label, (name, one, two) => {
      assert.ok(allowsHost([name], name));
      assert.ok(allowsHost([name], `${name.toUpperCase()}.`));
      assert.ok(allowsHost([`*.${name}`], `${one}.${name}`));
      assert.ok(!allowsHost([`*.${name}`], name));
      assert.ok(!allowsHost([`*.${name}`], `${two}.${one}.${name}`));
      assert.ok(!allowsHost([name], `${one}.${name}`));
    }),
    0.2,
  ));

const kept: fc.Arbitrary<KeptPolicy> = fc
  .tuple(policy, host, id, fc.nat())
  .map(([given, domain, known, fetchedAt]) => ({ ...given, domain, id: known, fetchedAt }));

test('kept policies read back, also beside damage', () =>
  assertLaw(
    fc.property(fc.array(kept, { maxLength: 8 }), fc.nat(), (all, at) => {
      assert.deepEqual(parseKept(formatKept(all)), all);
      const text = formatKept(all);
      const cut = text.slice(0, at % (text.length + 1));
      const left = parseKept(cut);
      assert.deepEqual(left, all.slice(0, left.length), 'what is left is a beginning');
    }),
    0.3,
  ));
