/**
 * Long ways over very many things: each turn goes a share of them, and a way stops often enough for
 * the share to hold, however small it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Core } from '../../src/actors/core.ts';
import type { Input } from '../../src/actors/input.ts';
import type { Way } from '../../src/actors/rounds.ts';
import { goRound, looksAtOnce } from '../../src/actors/rounds.ts';

/** Goes a way over `things`; answers how many were looked at in each turn. */
function looksByTurn(things: number, sweepLooksMax: number): number[] {
  const inbox: Input[] = [];
  const turns = { push: (input: Input) => inbox.push(input) };
  const core = { limits: { sweepLooksMax }, isStopping: false, turns } as unknown as Core;
  let looks = 0;
  let isDone = false;
  function* way(): Way {
    const step = looksAtOnce(core);
    for (let thing = 0; thing < things; thing += 1) {
      if (thing % step === step - 1) yield step;
      looks += 1;
    }
  }
  goRound(core, way(), 0, () => {
    isDone = true;
  });
  const counts = [looks];
  for (let at = 1; !isDone; at += 1) {
    const before = looks;
    const input = inbox.shift();
    assert.ok(input?.kind === 'run', 'a way that is not through goes on in the next turn');
    input.run(at);
    counts.push(looks - before);
  }
  assert.equal(looks, things);
  assert.equal(inbox.length, 0);
  return counts;
}

test('a turn looks at no more of a long way than its share', () => {
  for (const [things, share] of [
    [10_000, 4_096],
    [1_000, 100],
    [50, 2],
    [7, 1],
  ] as const) {
    const counts = looksByTurn(things, share);
    // A way stops every 64 looks at the latest, so a share may be overdrawn by less than that.
    const most = share + Math.min(64, share);
    assert.ok(Math.max(...counts) <= most, `${Math.max(...counts)} looks, share ${share}`);
    assert.ok(counts.length >= Math.floor(things / most), `${counts.length} turns`);
  }
});
