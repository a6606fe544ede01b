/**
 * Law: the greatest K series and the one that sums the rest make the total of a family, the chosen
 * are the greatest, no two series have the same labels, and totals pass untouched. The idea: a
 * naive sort says what the bounded heap must find.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { greatest, nameFilter, OTHER } from '../../src/api/metrics/choosing.ts';
import type { Series } from '../../src/api/metrics/families.ts';
import { assertLaw } from '../world/law.ts';

const label = fc.oneof({ weight: 9, arbitrary: fc.string({ maxLength: 4 }) }, fc.constant(OTHER));
const family = fc.uniqueArray(
  fc.record({ label, value: fc.nat(50), isTotal: fc.boolean(), rests: fc.boolean() }),
  { selector: ({ label: text }) => text },
);

const sumOf = (all: readonly Series[]): number => all.reduce((sum, { value }) => sum + value, 0);

test('the greatest and the rest make the whole', async () => {
  let rests = 0;
  await assertLaw(
    fc.property(family, fc.integer({ min: 1, max: 12 }), (given, count) => {
      const plain = given.filter(({ isTotal }) => !isTotal);
      const totals = given.filter(({ isTotal, label: text }) => isTotal && text !== OTHER);
      function* read() {
        for (const { label: text, value, rests: mayRest } of plain) {
          yield mayRest ? undefined : { labels: [text], value };
          if (mayRest) yield { labels: [text], value };
        }
        for (const { label: text, value } of totals) yield { labels: [text], value, isTotal: true };
      }
      const shown: Series[] = [];
      for (const one of greatest(read(), count)) if (one !== undefined) shown.push(one);
      const own = shown.filter(({ isTotal }) => !isTotal);
      assert.deepEqual(
        shown.filter(({ isTotal }) => isTotal).map(({ labels }) => labels[0]),
        totals.map(({ label: text }) => text),
      );
      assert.equal(sumOf(own), sumOf(plain.map(({ value }) => ({ labels: [], value }))));
      const texts = own.map(({ labels }) => labels[0]);
      assert.equal(new Set(texts).size, texts.length);
      const chosen = own.filter(({ labels }) => labels[0] !== OTHER).map(({ value }) => value);
      const best = plain
        .filter(({ label: text }) => text !== OTHER)
        .map(({ value }) => value)
        .sort((a, b) => b - a)
        .slice(0, count);
      assert.deepEqual(chosen, best);
      const ages = [...greatest(read(), count, 'greatest')].filter((one) => one !== undefined);
      const left = ages.filter(({ isTotal }) => !isTotal).slice(best.length);
      // Where one of the family is a rest already, it is part of this one, whatever its value.
      const others = [
        ...plain.filter(({ label: text }) => text !== OTHER).map(({ value }) => value),
      ].sort((a, b) => b - a);
      const named = plain.find(({ label: text }) => text === OTHER)?.value;
      const expected = [...others.slice(count), ...(named === undefined ? [] : [named])];
      assert.deepEqual(
        left.map(({ labels, value }) => [labels[0], value]),
        expected.length === 0 ? [] : [[OTHER, Math.max(...expected)]],
      );
      if (texts.includes(OTHER)) rests += 1;
    }),
    0.7,
    () => rests > 20,
  );
});

test('patterns of names find what a regular expression finds', async () => {
  const unit = fc.constantFrom('a', 'b', '_');
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', '*'), maxLength: 6 });
  await assertLaw(
    fc.property(fc.array(pattern, { minLength: 1 }), fc.string({ unit }), (patterns, name) => {
      const isWanted = patterns.some((one) =>
        new RegExp(`^${one.replaceAll('*', '.*')}$`).test(name),
      );
      assert.equal(nameFilter(patterns)(name), isWanted);
    }),
    0.3,
  );
});
