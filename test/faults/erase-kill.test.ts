/**
 * Kills in the midst of an erasure: whenever the process dies, the log is one that starts and
 * balances, and the order, taken up again, is carried out to its end as if nothing had been.
 * Deliberately unknown here: what an erasure consists of, beyond the steps that it says.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { verifyLog } from '../../src/cli/verify-log.ts';
import { createRandom } from '../../src/domain/prng.ts';
import { eraseRecipients } from '../../src/erasing/erase.ts';
import { readPending } from '../../src/erasing/pending.ts';
import { LogPast } from '../../src/events/log-past.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore } from '../contracts/log-store-place.ts';
import { filesWith, makeHistory, PEOPLE, staleRuns } from '../world/erasure.ts';

const SEED = Number(process.env['LAW_SEED'] ?? Date.now());
const KILLS_MAX = Number(process.env['ERASE_KILLS'] ?? 8);
/** A kill comes this long after a step was said, at most, ms. */
const DELAY_MS_MAX = 12;
const WHO = PEOPLE[3];
const ORDER = {
  id: '5d0c0ffe-1111-4222-8333-444455556666',
  addresses: [WHO],
  by: 'dpo',
  cause: 'request 2',
};
const PROGRAM = fileURLToPath(new URL('./erase-run.ts', import.meta.url));

/** Runs it until it has said `steps` steps, and kills it a moment later; answers what it said. */
const runAndKill = async (dir: string, steps: number, delayMs: number): Promise<string[]> => {
  const words = ['--import', 'tsx', PROGRAM, dir, JSON.stringify(ORDER)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.split('\n').length > steps) {
      void pause(delayMs).then(() => child.kill('SIGKILL'));
    }
  });
  await new Promise((resolve) => child.on('close', resolve));
  return said.trim().split('\n');
};

const countsOf = (dir: string) => {
  const { recipients, messages, imbalance, differences } = verifyLog(dir);
  return { recipients, messages, imbalance, differences };
};

/** All but the events of the erasure itself, which depend on where it was cut. */
const textsOf = (dir: string): string[] => {
  const past = new LogPast(dir);
  return [...past.walk(past.first, past.last)]
    .flat()
    .filter(({ type }) => !type.startsWith('erasure.'))
    .map((record) => JSON.stringify(record));
};

test('an erasure that is killed at any step is taken up again and comes to its end', () =>
  withDir(async (scratch) => {
    const origin = join(scratch, 'origin');
    const whole = join(scratch, 'whole');
    await makeHistory(origin, { seed: SEED % 1000, messages: 50 });
    const counts = countsOf(origin);
    cpSync(origin, whole, { recursive: true });
    const steps: string[] = [];
    const world = { now: () => Date.now() };
    await eraseRecipients(whole, ORDER, { ...world, shown: (step) => steps.push(step) });
    const wanted = textsOf(whole);
    const random = createRandom(SEED);
    const stride = Math.max(1, Math.ceil(steps.length / KILLS_MAX));
    let cut = 0;
    for (
      let step = 1 + Math.floor(random.uniform() * stride);
      step <= steps.length;
      step += stride
    ) {
      const dir = join(scratch, `killed-${step}`);
      cpSync(origin, dir, { recursive: true });
      const said = await runAndKill(dir, step, random.uniform() * DELAY_MS_MAX);
      const where = `seed ${SEED}, killed after ${said.at(-1)}`;
      const pending = readPending(dir);
      if (pending !== undefined) cut += 1;
      // A daemon may start on it before anybody takes the order up.
      const opened = openStore(dir);
      assert.deepEqual(opened.reports, [], where);
      assert.ok(opened.replay().length > 0, where);
      opened.store.close();
      assert.deepEqual(countsOf(dir), counts, where);
      const damage = verifyLog(dir).damage.map(({ kind }) => kind);
      assert.ok(
        damage.every((kind) => kind === 'erasure-undone'),
        `${where}: ${damage}`,
      );
      await eraseRecipients(dir, pending ?? ORDER, world);
      assert.equal(readPending(dir), undefined, where);
      for (const form of [WHO, WHO.replace('@', '=')]) {
        assert.deepEqual(filesWith(dir, form), [], where);
      }
      assert.equal(staleRuns(dir), 0, where);
      assert.deepEqual([countsOf(dir), verifyLog(dir).damage], [counts, []], where);
      assert.deepEqual(verifyLog(dir).erasures.unfinished, [], where);
      assert.deepEqual(textsOf(dir), wanted, where);
    }
    assert.ok(cut > 0, 'no kill came in the midst of it');
  }));
