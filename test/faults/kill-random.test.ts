/**
 * SIGKILL at random moments while mail passes through, in the middle of work and of start-up alike.
 * The one idea: the daemon is started again by nobody's hand but the harness's, without asking
 * anything, and at the end every promise is checked against log and target.
 * Deliberately unknown here: why a kill might hurt.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { judgeRun } from './conservation.ts';
import type { Shape } from './daemon.ts';
import { Daemon, writePolicy } from './daemon.ts';
import { readLedger } from './ledger.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import type { Dice } from './scratch.ts';
import { isFullRun, makeDice, makeScratch, pause, seedOfRun, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import type { Fate } from './target.ts';
import { Target } from './target.ts';
import { verifyData } from './verify.ts';

const MESSAGES = isFullRun() ? 5000 : 2000;
const KILLS = isFullRun() ? 36 : 12;
const LINES = 10;
const STARTUP_MS_MAX = 400;
const DRAIN_MS_MAX = 60_000;
/** Three retry intervals: what is deferred would have been tried again. */
const QUIET_MS = 3_000;
const SHAPE: ProbeShape = { domains: 7, bodyBytes: 3000, pairEvery: 20 };

/** Defers one try in ten, refuses one message in twenty for good. */
const fateBy =
  (dice: Dice) =>
  (number: number): Fate => {
    if (number % 20 === 7) return 'refuse';
    return dice.below(10) === 0 ? 'defer' : 'take';
  };

class Run {
  readonly answers: Answer[] = [];
  readonly dice: Dice;
  readonly policy: string;
  readonly data: string;
  daemon: Daemon;
  kills = 0;
  startKills = 0;
  slowestStartMs = 0;

  readonly #shape: Shape;

  constructor(folder: string, seed: number, targetPort: number, shape: Shape) {
    this.#shape = shape;
    this.dice = makeDice(seed);
    this.policy = join(folder, 'policy.ts');
    this.data = join(folder, 'data');
    writePolicy(this.policy, targetPort);
    this.daemon = this.#start();
  }

  #start(): Daemon {
    return new Daemon(this.policy, this.data, { shape: this.#shape });
  }

  /** The port of whichever life of the daemon is ready next. */
  async findPort(): Promise<number | undefined> {
    const end = performance.now() + DRAIN_MS_MAX;
    while (performance.now() < end) {
      const port = await this.daemon.port();
      if (port !== undefined && this.daemon.isRunning) return port;
      await pause(10);
    }
    return undefined;
  }

  /** Kills after a random number of answers, sometimes again while it starts. */
  async killInTurns(): Promise<void> {
    for (let due = 0; this.kills < KILLS && this.answers.length < MESSAGES; ) {
      // Of what is left, so that a run of long waits cannot leave too little for the last kills.
      const left = Math.max(0, MESSAGES * 0.9 - this.answers.length);
      const stride = Math.max(1, Math.floor((2 * left) / (KILLS - this.kills)));
      due = this.answers.length + this.dice.below(stride);
      await this.daemon.demandPort();
      this.slowestStartMs = Math.max(this.slowestStartMs, this.daemon.readyMs);
      await until(() => this.answers.length >= Math.min(due, MESSAGES), DRAIN_MS_MAX);
      await pause(this.dice.below(20));
      await this.daemon.kill();
      this.kills += 1;
      this.daemon = this.#start();
      if (this.dice.below(4) === 0) {
        await pause(this.dice.below(STARTUP_MS_MAX));
        await this.daemon.kill();
        this.startKills += 1;
        this.daemon = this.#start();
      }
    }
  }
}

for (const shape of ['single', 'managed'] as const) {
  test(`kills at random moments lose nothing, ${shape}`, (context) => killAndJudge(context, shape));
}

async function killAndJudge(context: TestContext, shape: Shape): Promise<void> {
  const seed = seedOfRun();
  const scratch = makeScratch('kill-random');
  const target = new Target(fateBy(makeDice(seed + 1)));
  const run = new Run(scratch.path, seed, await target.open(), shape);
  context.after(async () => {
    await run.daemon.kill();
    await target.close();
    scratch.remove();
  });
  const probes = Array.from({ length: MESSAGES }, (_, at) => makeProbe(at + 1, SHAPE));
  await Promise.all([
    run.killInTurns(),
    sendAll(probes, {
      lines: LINES,
      port: () => run.findPort(),
      answered: (answer) => run.answers.push(answer),
    }),
  ]);
  await run.daemon.demandPort();
  const isDrained = (): boolean => target.quietMs > QUIET_MS && isAllTried(run.answers, target);
  await until(isDrained, DRAIN_MS_MAX);
  assert.deepEqual(await run.daemon.stop(), { code: 0, signal: null }, run.daemon.tail);

  const told = verifyData(run.data);
  const ledger = readLedger(run.data);
  const { answers } = run;
  const verdict = judgeRun({ answers, copies: target.copies, ledger, shape: SHAPE });
  const unanswered = answers.filter(({ kind }) => kind === 'unanswered').length;
  context.diagnostic(
    `seed ${seed}: ${run.kills} kills and ${run.startKills} during start, ` +
      `slowest start ${Math.round(run.slowestStartMs)} ms; ${verdict.promised} promised, ` +
      `${unanswered} unanswered, ${target.copies.length} copies, ${verdict.queued} queued, ` +
      `${verdict.second} second copies, ${verdict.unknown} unknown attempts, ` +
      `${ledger.events} events; verify exit ${told.code}`,
  );
  assert.deepEqual(verdict.breaches, []);
  assert.equal(told.code, 0, told.text);
  const unknown = [...ledger.messages.values()].flatMap((message) =>
    Array.from({ length: message.unknown }, () => message.stream),
  );
  assert.deepEqual(told.unknown, unknown.sort(), 'verify lists what the log says is unknown');
  assert.equal(verdict.queued, 0, 'everything was drained');
  assert.ok(run.kills + run.startKills >= KILLS, `${run.kills} kills`);
}

const isAllTried = (answers: readonly Answer[], target: Target): boolean =>
  answers.every(({ number, kind }) => kind !== 'taken' || target.tries.has(number));
