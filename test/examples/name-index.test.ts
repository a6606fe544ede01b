/**
 * Names of queues to slots: as one map would do it, but no single map of it ever holds many names,
 * whatever the names look like.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NameIndex } from '../../src/domain/name-index.ts';

test('an index of names answers as one map does', () => {
  const name = fc.constantFrom('', 'a', 'b', 'a@b', 'büro.example', 'x'.repeat(300));
  const step = fc.tuple(name, fc.option(fc.nat(), { nil: undefined }));
  const steps = fc.array(step, { maxLength: 40 });
  fc.assert(
    fc.property(steps, (taken) => {
      const index = new NameIndex(4);
      const map = new Map<string, number>();
      for (const [key, slot] of taken) {
        if (slot === undefined) index.delete(key);
        else index.set(key, slot);
        if (slot === undefined) map.delete(key);
        else map.set(key, slot);
        assert.equal(index.size, map.size);
        assert.equal(index.get(key), map.get(key));
        assert.equal(index.has(key), map.has(key));
      }
      for (const [key, slot] of map) assert.equal(index.get(key), slot);
    }),
  );
});

test('names alike but for a number spread over the maps', () => {
  for (const nameOf of [
    (number: number) => `domain-${number}.example`,
    (number: number) => `c${number}:tenant@example.com`,
    (number: number) => String.fromCharCode(97 + (number % 26)).repeat(1 + number / 26),
  ]) {
    const index = new NameIndex();
    const names = 26_000;
    for (let number = 0; number < names; number += 1) {
      index.set(nameOf(number).slice(0, 200), number);
    }
    const fair = index.size / 256;
    assert.ok(index.fullest < 2 * fair + 32, `${index.fullest} names in one of 256 maps`);
  }
});
