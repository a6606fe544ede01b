/**
 * Kills in the midst of indexing: whenever the process dies, what it left of the index is gone on
 * with, and answers as one that is made anew; so does one whose files were cut short.
 * Deliberately unknown here: how the index keeps its entries.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LogTail } from '../../src/events/log-tail.ts';
import { openLogTail } from '../../src/events/log-tail.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import type { KeyKind } from '../../src/forensics/journey/keys.ts';
import { eachKey } from '../../src/forensics/journey/keys.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import { JOURNEY_FOLDER } from '../../src/forensics/reading.ts';
import { makeHistory } from '../world/erasure.ts';
import { makeDice, makeScratch, seedOfRun } from './scratch.ts';

const PROGRAM = fileURLToPath(new URL('./journey-run.ts', import.meta.url));
const MESSAGES = 300;
const KILLS = Number(process.env['JOURNEY_KILLS'] ?? 8);
const STEPS_MAX = 30;
/** A step with its files takes about so long, µs. */
const DELAY_US_MAX = 2_000;
/** No kill comes. */
const NEVER = -1;

/** Every key of the log, once. */
function keysIn(log: LogTail): readonly (readonly [KeyKind, string])[] {
  const keys = new Map<string, readonly [KeyKind, string]>();
  for (const record of log.read(0, log.upto()).records) {
    eachKey(record, (kind, text) => keys.set(`${kind} ${text}`, [kind, text]));
  }
  return [...keys.values()];
}

/** What an index has of each key, after it has gone on to the end. */
function answersOf(log: LogTail, folder: string): readonly (readonly number[])[] {
  const index = new JourneyIndex(log, openRunFolder(folder));
  while (index.step(1_000));
  return keysIn(log).map(([kind, text]) => [...index.find(kind, text)]);
}

/** Runs it until it is killed at a step, or to its end; answers what it said. */
function run(dir: string, steps: number, delayUs: number): string[] {
  const words = ['--import', 'tsx', PROGRAM, dir, String(steps), String(delayUs)];
  const { stdout, stderr, signal, status } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
  });
  assert.ok(signal === 'SIGKILL' || status === 0, stderr);
  return stdout.trim().split('\n');
}

const journeyIn = (dir: string): string => join(dir, JOURNEY_FOLDER);

/** What a kill of the system would leave of a file: its beginning. */
function cutShort(dir: string): void {
  const name = readdirSync(journeyIn(dir))
    .filter((one) => one.endsWith('.run'))
    .at(-1);
  if (name === undefined) return;
  const path = join(journeyIn(dir), name);
  truncateSync(path, Math.floor(statSync(path).size / 2));
}

test('an index whose process was killed answers as one that is made anew', async (t) => {
  const scratch = makeScratch('journey-kill');
  t.after(() => scratch.remove());
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const dice = makeDice(seed);
  const dir = join(scratch.path, 'data');
  await makeHistory(dir, { seed: seed % 1_000, messages: MESSAGES });
  rmSync(journeyIn(dir), { recursive: true, force: true });
  const log = openLogTail({ dir });
  const wanted = answersOf(log, join(scratch.path, 'nowhere', 'journey'));
  assert.ok(wanted.some((positions) => positions.length > 10) && wanted.length > MESSAGES);
  let cut = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const said = run(dir, dice.below(STEPS_MAX), dice.below(DELAY_US_MAX));
    const isCut = said.at(-1) !== 'whole';
    if (isCut) cut += 1;
    const copy = join(scratch.path, `copy-${kill}`);
    cpSync(journeyIn(dir), journeyIn(copy), { recursive: true });
    const left = `seed ${seed}, kill ${kill}`;
    assert.deepEqual(answersOf(log, journeyIn(copy)), wanted, left);
    cutShort(copy);
    assert.deepEqual(answersOf(log, journeyIn(copy)), wanted, `${left}, and a file cut short`);
    if (!isCut) break;
  }
  assert.ok(cut > 0, 'no kill came in time');
  const said = run(dir, NEVER, 0);
  assert.equal(said.at(-1), 'whole');
  assert.notEqual(said[0], `from ${log.upto()}`, 'what was kept is gone on with');
  assert.deepEqual(answersOf(log, journeyIn(dir)), wanted);
  log.close();
});
