/**
 * Damaged data: logs cut short, bits flipped in log, write-ahead log, bodies, snapshot and mark.
 * The one idea: the start goes on without a hand, what was promised still arrives unaltered, and a
 * change of content is told by verify or by the start; silence is allowed where nothing changed.
 * Deliberately unknown here: checksums, chains, salvage.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Daemon } from './daemon.ts';
import type { Damage } from './damage.ts';
import { cutFile, flipBit } from './damage.ts';
import { readRows } from './ledger.ts';
import { makeProbe } from './probe-mail.ts';
import { makeProbes, Scenario, SHAPE } from './scenario.ts';
import type { Dice } from './scratch.ts';
import { inParallel, isFullRun, makeDice, makeScratch, seedOfRun, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import type { Fate } from './target.ts';
import { verifyData } from './verify.ts';

const MESSAGES = 30;
const LINES = 3;
const HANDS = 2;
const CUTS = isFullRun() ? 100 : 16;
const FLIPS = isFullRun() ? 200 : 32;
const SETTLE_MS = 60;
const GIVE_UP_MS = 1_500;
const LAST_WAIT_MS = 20_000;

/** Every second message stays in the queue. */
const halfFate = (number: number): Fate => (number % 2 === 0 ? 'take' : 'defer');

/** A sound data directory to damage copies of. */
interface Base {
  readonly name: string;
  readonly data: string;
  readonly waiting: readonly number[];
  readonly done: ReadonlySet<number>;
  readonly rows: string;
}

async function makeBase(folder: string, name: 'killed' | 'stopped'): Promise<Base> {
  mkdirSync(folder);
  const scenario = new Scenario(folder, halfFate);
  await scenario.open();
  const daemon = new Daemon(scenario.policy, scenario.data, { shape: 'single' });
  const answers: Answer[] = [];
  try {
    await daemon.demandPort();
    await sendAll(makeProbes(MESSAGES), {
      lines: LINES,
      port: () => daemon.port(),
      answered: (answer) => answers.push(answer),
    });
    await until(() => scenario.target.tries.size === MESSAGES, GIVE_UP_MS * 10);
    await until(() => scenario.target.quietMs > SETTLE_MS, GIVE_UP_MS);
    if (name === 'stopped') await daemon.stop();
  } finally {
    await daemon.kill();
    await scenario.target.close();
  }
  const numbers = answers.filter(({ kind }) => kind === 'taken').map(({ number }) => number);
  assert.equal(numbers.length, MESSAGES);
  return {
    name,
    data: scenario.data,
    waiting: numbers.filter((number) => halfFate(number) === 'defer'),
    done: new Set(numbers.filter((number) => halfFate(number) === 'take')),
    rows: dumpRows(scenario.data, join(folder, 'reading')),
  };
}

/** All rows of the log as text, read from a copy since reading may touch the files. */
function dumpRows(data: string, copy: string): string {
  cpSync(join(data, 'log'), join(copy, 'log'), { recursive: true });
  try {
    return JSON.stringify(readRows(copy));
  } catch (error) {
    return `unreadable: ${String(error)}`;
  }
}

interface Outcome {
  readonly damage: Damage;
  readonly isChanged: boolean;
  readonly isTold: boolean;
  readonly lost: readonly number[];
  readonly second: readonly number[];
  readonly altered: readonly number[];
}

async function tryDamage(
  base: Base,
  folder: string,
  hurt: (data: string, dice: Dice) => Damage,
  dice: Dice,
): Promise<Outcome> {
  mkdirSync(folder);
  const scenario = new Scenario(folder);
  // A socket is no data, and cannot be copied.
  const filter = (path: string): boolean => !path.endsWith('control.sock');
  cpSync(base.data, scenario.data, { recursive: true, filter });
  const damage = hurt(scenario.data, dice);
  const isChanged = dumpRows(scenario.data, join(folder, 'reading')) !== base.rows;
  const before = verifyData(scenario.data);
  await scenario.open();
  const { target } = scenario;
  const daemon = new Daemon(scenario.policy, scenario.data, { shape: 'single' });
  try {
    await daemon.demandPort();
    target.watch();
    const isArrived = (): boolean => base.waiting.every((number) => target.tries.has(number));
    // Only a message whose body was hit may stay away; for the others a busy machine is no excuse.
    const patienceMs = damage.kind === 'body' ? GIVE_UP_MS : LAST_WAIT_MS;
    const isOver = (): boolean => target.quietMs > (isArrived() ? SETTLE_MS : patienceMs);
    await until(isOver, LAST_WAIT_MS);
    const { code } = await daemon.stop();
    assert.equal(code, 0, `${damage.said}: ended with ${code}\n${daemon.tail}`);
  } finally {
    await daemon.kill();
    await target.close();
  }
  const isTold = before.code !== 0 || /"level":(?:[45]0|60)/.test(daemon.tail);
  const sums = new Map(makeProbes(MESSAGES).map(({ number, sum }) => [number, sum]));
  return {
    damage,
    isChanged,
    isTold,
    lost: base.waiting.filter((number) => {
      const reached = new Set(target.copies.flatMap(({ to }) => to));
      return makeProbe(number, SHAPE).to.some((to) => !reached.has(to));
    }),
    second: target.copies.map(({ number }) => number).filter((number) => base.done.has(number)),
    altered: target.copies
      .filter((copy) => sums.get(copy.number) !== copy.sum)
      .map((c) => c.number),
  };
}

/** What is wrong with an outcome; nothing, as a rule. */
function blame({ damage, isChanged, isTold, lost, second, altered }: Outcome): string[] {
  const faults: string[] = [];
  if (altered.length > 0) faults.push(`altered ${altered}`);
  // A body that is gone cannot arrive; anything else can be mended from the bodies.
  if (lost.length > 0 && damage.kind !== 'body') faults.push(`lost ${lost}`);
  if (lost.length > 0 && !isTold) faults.push(`lost ${lost} and nothing was said`);
  if (second.length > 0 && !isTold) faults.push(`sent ${second} again and nothing was said`);
  if (isChanged && !isTold) faults.push('the log differs and nothing was said');
  return faults.map((fault) => `${damage.said}: ${fault}`);
}

async function runCases(
  bases: readonly Base[],
  folder: string,
  count: number,
  hurt: (data: string, dice: Dice) => Damage,
): Promise<{ readonly said: string; readonly faults: readonly string[] }> {
  const seed = seedOfRun();
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  mkdirSync(folder);
  await inParallel(Array.from({ length: count }), HANDS, async (_, at) => {
    const base = bases[at % bases.length];
    if (base === undefined) throw new Error('no base');
    const place = join(folder, `${at}`);
    try {
      const outcome = await tryDamage(base, place, hurt, makeDice(seed + at));
      outcomes.push(outcome);
      faults.push(...blame(outcome).map((fault) => `${base.name} ${place}: ${fault}`));
    } catch (error) {
      faults.push(`${base.name} ${place}: ${String(error)}`);
    }
  });
  const tally = (isIt: (outcome: Outcome) => boolean): number => outcomes.filter(isIt).length;
  const said =
    `seed ${seed}: ${count} cases, ${tally((one) => one.isTold)} told, ` +
    `${tally((one) => one.isChanged)} changed the rows of the log, ` +
    `${tally((one) => one.lost.length > 0)} cost a message (its body was hit), ` +
    `${tally((one) => one.second.length > 0)} sent something again, ${faults.length} faults`;
  return { said, faults };
}

test('damaged data is survived and told', async (context) => {
  const scratch = makeScratch('log-damage');
  context.after(() => scratch.remove());
  const bases = [
    await makeBase(join(scratch.path, 'base-killed'), 'killed'),
    await makeBase(join(scratch.path, 'base-stopped'), 'stopped'),
  ];
  await context.test('logs cut short', async (inner) => {
    const { said, faults } = await runCases(bases, join(scratch.path, 'cuts'), CUTS, cutFile);
    inner.diagnostic(said);
    assert.deepEqual(faults, []);
  });
  await context.test('flipped bits', async (inner) => {
    const { said, faults } = await runCases(bases, join(scratch.path, 'flips'), FLIPS, flipBit);
    inner.diagnostic(said);
    assert.deepEqual(faults, []);
  });
});
