/**
 * Law: the label of a response is that of the first rule whose expression matches it by itself,
 * whatever was asked before. The idea: the joined machine and the caches are for speed alone, so
 * each rule, tried one by one, must say the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import type { BounceRule } from '../../src/domain/bounce-rules.ts';
import { formatResponse } from '../../src/domain/bounce-rules.ts';
import { Classifier } from '../../src/projections/classifier.ts';
import { assertLaw } from '../world/law.ts';

const atom = fc.constantFrom(
  'a',
  'b',
  '5',
  '\\.',
  '.',
  '\\d',
  '[^a]',
  '\\b',
  '^5',
  '$',
  'ü',
  '(?i)A',
);
const pattern = fc
  .array(fc.tuple(atom, fc.constantFrom('', '', '*', '+?', '{2}', '|')), { maxLength: 5 })
  .map((parts) =>
    parts.map(([one, times]) => one + (/^[\^$]|^\\b|\)$/.test(one) ? '' : times)).join(''),
  )
  .filter((text) => text !== '');
const enhanced = fc.option(
  fc.record({ class: fc.constantFrom(4, 5), subject: fc.nat(9), detail: fc.nat(12) }),
);
const response = fc.record({
  code: fc.constantFrom(421, 450, 550, 555),
  enhanced_code: enhanced,
  content: fc.stringMatching(/^[ab5A.ü ]{0,8}$/),
});

test('the label is that of the first rule that matches alone', async () => {
  let labelled = 0;
  await assertLaw(
    fc.property(
      fc.array(pattern, { maxLength: 12 }),
      fc.array(response, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 6 }),
      (patterns, responses, cacheSize) => {
        const rules: BounceRule[] = patterns.map((text, at) => ({
          label: `L${at}`,
          pattern: text,
          place: '',
        }));
        const classifier = new Classifier({ rules, cacheSize, uncategorizedCacheSize: cacheSize });
        const alone = patterns.map((text) => RE2JS.compile(text));
        for (const one of [...responses, ...responses]) {
          const line = formatResponse(one);
          const first = alone.findIndex((expression) => expression.matcher(line).find());
          const label = first < 0 ? 'Uncategorized' : `L${first}`;
          if (first > 0) labelled += 1;
          assert.equal(classifier.classify(one), label, `${line} by ${patterns.join(' , ')}`);
        }
      },
    ),
    0.5,
    () => labelled > 0,
  );
});
