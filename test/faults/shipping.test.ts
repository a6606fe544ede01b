/**
 * The judge of the runs with hooks is judged: it passes what a hook may do, and names what it may
 * not. Knows no daemon.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Shipping } from './shipping.ts';
import { judgeShipping } from './shipping.ts';

const wanted = ['a', 'b', 'c', 'd', 'e', 'f'];
const judge = (arrivals: string, more: Partial<Shipping> = {}) =>
  judgeShipping({ wanted, arrivals: [...arrivals], batchMax: 2, faults: 1, ...more });

describe('what arrived, against the log', () => {
  test('each once and in order is in order', () => {
    assert.deepEqual(judge('abcdef', { faults: 0 }), {
      held: 6,
      repeats: 0,
      batches: 0,
      breaches: [],
    });
  });

  test('a batch that was under way may come again, and as often as it must', () => {
    assert.deepEqual(judge('abcdcdcdef'), { held: 6, repeats: 4, batches: 1, breaches: [] });
  });

  test('a part of it may have come first', () => {
    assert.deepEqual(judge('abccdef'), { held: 6, repeats: 1, batches: 1, breaches: [] });
  });

  test('what became a dead letter need not arrive', () => {
    assert.deepEqual(judge('abdef', { buried: ['c'] }).breaches, []);
  });

  const breaches: readonly (readonly [string, string, Partial<Shipping>, RegExp])[] = [
    ['a record that is missing', 'abdef', {}, /^c is missing$/],
    ['one that the log has not', 'abcxdef', {}, /^x arrived and is not of the log$/],
    ['one that came too late', 'abdcef', {}, /^c arrived after a later one$/],
    ['more than a batch that came again', 'abcbcdef', { batchMax: 1 }, /^b came again 2 records/],
    ['more batches than faults', 'aabcdcdef', {}, /^2 batches came again, 1 faults$/],
    ['a dead letter of nobody', 'abcdef', { buried: ['y'] }, /^y is dead, not of the log$/],
  ];
  for (const [what, arrivals, more, breach] of breaches) {
    test(`${what} is named`, () => {
      const found = judge(arrivals, more).breaches;
      assert.equal(found.length, 1, found.join());
      assert.match(String(found[0]), breach);
    });
  }
});
