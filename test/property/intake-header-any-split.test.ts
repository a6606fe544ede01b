/**
 * Law: the header of a message is the same however its bytes came in pieces, and it is what stands
 * before the first empty line of its first 64 KiB.
 * The one idea: a slow model on the whole string. It does not know sockets or what fields mean.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readHeader } from '../../src/intake/message-intake.ts';

const HEADER_BYTES_MAX = 65_536;

function model(text: string): string {
  const head = text.slice(0, HEADER_BYTES_MAX);
  if (head.startsWith('\r\n')) return '';
  const end = head.indexOf('\r\n\r\n');
  return end === -1 ? head : head.slice(0, end);
}

function cutAt(text: string, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const from = [0, ...places];
  return from.map((place, at) => Buffer.from(text.slice(place, from[at + 1]), 'latin1'));
}

const part = fc.constantFrom('\r', '\n', '\r\n', '\r\n\r\n', 'a: b', '\xe9', '.');

test('any split yields the header of the model', () => {
  const texts = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      assert.equal(readHeader(cutAt(text, cuts)), model(text));
    }),
    { numRuns: 2000 },
  );
});

test('the empty line may lie across any step and any limit', () => {
  // Around the edges of the steps and of the limit, to the byte.
  const edges = fc.constantFrom(2048, 4096, 20_480, HEADER_BYTES_MAX);
  const around = fc.tuple(edges, fc.integer({ min: -6, max: 6 })).map(([at, by]) => at + by);
  fc.assert(
    fc.property(around, around, fc.array(fc.nat(), { maxLength: 4 }), (first, second, cuts) => {
      const text = `${'x'.repeat(first)}\r\n\r\n${'y'.repeat(second)}\r\n\r\nz`;
      assert.equal(readHeader(cutAt(text, cuts)), model(text));
      assert.equal(readHeader([Buffer.from(text)]), model(text));
    }),
    { numRuns: 500 },
  );
});
