/**
 * SIGKILL between any two instructions: nothing that was acknowledged is missing.
 * The one idea: a real process over the real thread, killed after a random number of turns, many
 * times over one directory, with small segments so that rolls and checkpoints are hit, too.
 * Deliberately unknown here: power loss, which takes what was not synced as well.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { walkLog } from '../../src/events/log-verify.ts';
import { withDir } from '../contracts/log-place.ts';
import { startWriter } from './log-process.ts';

const KILLS = 4;
/** Enough turns between two kills that segments are begun whatever chance says. */
const TURNS_MIN = 60;
const TURNS_MAX = 250;

const lastDurable = (lines: readonly string[]): number =>
  Number(lines.findLast((line) => line.startsWith('durable'))?.split(' ')[1] ?? 0);

test('after every SIGKILL all acknowledged turns are there, and the next start is clean', () =>
  withDir(async (dir) => {
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const writer = startWriter([dir]);
      const opened = await writer.until(/^opened/);
      const [, turn, reports] = opened.split(' ');
      assert.ok(Number(turn) >= acknowledged, `turn ${acknowledged} is missing: ${opened}`);
      assert.equal(reports, '', opened);
      const turns = TURNS_MIN + Math.floor(Math.random() * (TURNS_MAX - TURNS_MIN));
      const goal = Number(turn) + turns;
      await writer.until(new RegExp(`^durable ${goal}$`));
      await writer.kill();
      acknowledged = Math.max(acknowledged, lastDurable(writer.lines));
    }
    const turns = new Set<number>();
    const walk = walkLog(dir, (records) => {
      for (const record of records) turns.add(record.turn);
    });
    assert.deepEqual(walk.reports, []);
    assert.ok(walk.segments > 1, `${walk.segments} segments, ${acknowledged} turns`);
    for (let turn = 1; turn <= acknowledged; turn++) assert.ok(turns.has(turn), `turn ${turn}`);
  }));
