/**
 * `npm run swarm -- --minutes N [--seed S] [--turns N] [--jobs N] [--keep]`: random worlds with
 * random subsets of faults, a child process a core, until the time is over; what fails is printed
 * small, with the line that repeats it. `--seed S` without minutes plays that one; `--tell` tells
 * it, `--history FILE` writes its log. Exit code 1 on any failure. Knows no law.
 */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { keep } from '../test/swarm/kept.ts';
import type { Failure } from '../test/swarm/swarm.ts';
import { playSeed, TURNS_DEFAULT } from '../test/swarm/swarm.ts';
import { playAsChild, runCrew } from './swarm/crew.ts';
import { makeTeller } from './swarm/telling.ts';

const SHRINK_MS = 60_000;
const SEED_MAX = 2 ** 30;
const EXIT_USAGE = 64;

const OPTIONS = {
  minutes: { type: 'string' },
  seed: { type: 'string' },
  turns: { type: 'string' },
  jobs: { type: 'string' },
  keep: { type: 'boolean' },
  tell: { type: 'boolean' },
  history: { type: 'string' },
} as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function refuse(why: string): never {
  process.stderr.write(
    `${why}\nnpm run swarm -- --minutes N [--seed S] [--turns N] [--jobs N] [--keep]\n` +
      'npm run swarm -- --seed S [--turns N] [--tell] [--history FILE] [--keep]\n',
  );
  process.exit(EXIT_USAGE);
}

function readArgs() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** A number of an option; whole ones only, but for minutes. */
function numberOf(name: string, text: string | undefined, isWhole = true): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const isGood = text !== '' && value >= 0 && (isWhole ? Number.isSafeInteger(value) : value > 0);
  return isGood ? value : refuse(`--${name} ${text}: write a number above or equal to 0`);
}

/** What failed, for people: the seed, the law, the play as small as it is, and how to repeat it. */
function tellFailure({ seed, turns, law, says, play, actsBefore }: Failure): void {
  say(`\nseed ${seed}: ${law} is broken: ${says}`);
  say(`  world ${JSON.stringify(play.knobs)}`);
  for (const [at, act] of play.acts.entries()) say(`  ${at + 1}. ${JSON.stringify(act)}`);
  say(`  ${play.acts.length} steps, before shrinking ${actsBefore}`);
  const bound = turns === TURNS_DEFAULT ? '' : ` --turns ${turns}`;
  say(`Again: npm run swarm -- --seed ${seed}${bound}`);
}

async function playOne(seed: number, turns: number): Promise<readonly Failure[]> {
  const teller = args.tell === true || args.history !== undefined ? makeTeller(say) : undefined;
  const eyes = teller?.eyes;
  const { failure, turns: made } = await playSeed(seed, { turns, shrinkMs: SHRINK_MS, eyes });
  teller?.end();
  if (args.history !== undefined) teller?.write(args.history);
  if (failure === undefined) say(`seed ${seed}: every law held, ${made} turns`);
  return failure === undefined ? [] : [failure];
}

const args = readArgs();
const turns = numberOf('turns', args.turns) ?? TURNS_DEFAULT;
const seed = numberOf('seed', args.seed);
const minutes = numberOf('minutes', args.minutes, false);

if (process.send !== undefined) await playAsChild(SHRINK_MS);
else {
  if (minutes === undefined && seed === undefined) refuse('how long, or which seed?');
  const jobs = numberOf('jobs', args.jobs) ?? availableParallelism();
  const from = seed ?? Math.floor(Math.random() * SEED_MAX);
  const failures =
    minutes === undefined
      ? await playOne(from, turns)
      : await runCrew(
          { from, turns, jobs: Math.max(1, jobs), endAt: Date.now() + minutes * 60_000 },
          say,
        );
  for (const failure of failures) tellFailure(failure);
  if (args.keep === true) say(`${keep(failures)} kept in test/property/swarm-seeds.json`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
