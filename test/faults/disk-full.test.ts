/**
 * A full disk: filled by the mail itself, and filled at once by somebody else amid traffic.
 * The one idea: what was promised stays promised and is delivered while the disk is full, what does
 * not fit is put off with 452, and intake comes back by itself as soon as there is space.
 * Deliberately unknown here: reserves, segments, how the daemon notices.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { judgeRun } from './conservation.ts';
import { Daemon, writePolicy } from './daemon.ts';
import { readLedger } from './ledger.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import { promisedOf, RETRY_INTERVAL } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';
import type { TinyDisk } from './tiny-disk.ts';
import { mountTinyDisk } from './tiny-disk.ts';
import { verifyData } from './verify.ts';

const DISK_OPTIONS = 'size=160m';
const FILLER = 'filler-of-the-test';
const LAST_FILLER = 'last-filler-of-the-test';
/** Leaves some 15 MB above the space below which no new mail is taken. */
const FILLER_BYTES = 72 * 1024 * 1024;
const LINES = 3;
const ROUND_MESSAGES = 12;
const FULL_REFUSALS = 24;
const ROUNDS_MAX = 60;
const FULL_MS = 2_000;
const DELIVER_MS_MAX = 30_000;
const INTAKE_MS_MAX = 15_000;
/** Between two tries of a submitter that was refused. */
const POLITE_MS = 40;

/** One daemon on a disk of its own, with a target that takes or defers everything. */
class TightWorld {
  readonly answers: Answer[] = [];
  readonly target = new Target(() => (this.isTaking ? 'take' : 'defer'));
  readonly disk: TinyDisk;
  readonly data: string;
  readonly #shape: ProbeShape;
  isTaking = true;
  #next = 1;
  #daemon: Daemon | undefined;

  constructor(disk: TinyDisk, bodyBytes: number) {
    this.disk = disk;
    this.data = join(disk.path, 'data');
    this.#shape = { domains: 5, bodyBytes, pairEvery: 0 };
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon was not started');
    return this.#daemon;
  }

  async start(folder: string): Promise<void> {
    const policy = join(folder, 'policy.ts');
    writePolicy(policy, await this.target.open(), RETRY_INTERVAL);
    mkdirSync(this.data);
    this.#daemon = new Daemon(policy, this.data, { shape: 'single' });
    await this.daemon.demandPort();
  }

  /** Sends the next few messages, each once; the answers of this round. */
  async sendRound(): Promise<readonly Answer[]> {
    const from = this.answers.length;
    const first = this.#next;
    this.#next += ROUND_MESSAGES;
    const probes = Array.from({ length: ROUND_MESSAGES }, (_, at) =>
      makeProbe(first + at, this.#shape),
    );
    await sendAll(probes, {
      lines: LINES,
      port: async () => {
        await pause(POLITE_MS);
        return this.daemon.isRunning ? await this.daemon.port() : undefined;
      },
      answered: (answer) => this.answers.push(answer),
    });
    assert.ok(this.daemon.isRunning, `the daemon ended\n${this.daemon.tail}`);
    return this.answers.slice(from);
  }

  /** Sends rounds until one is taken whole. */
  async sendUntilTaken(): Promise<void> {
    const end = performance.now() + INTAKE_MS_MAX;
    for (;;) {
      const round = await this.sendRound();
      if (round.every(({ kind }) => kind === 'taken')) return;
      assert.ok(performance.now() < end, `no intake after space came back\n${this.daemon.tail}`);
      await pause(POLITE_MS);
    }
  }

  get refused(): readonly Answer[] {
    return this.answers.filter(({ kind }) => kind !== 'taken');
  }

  /** How many promised messages have not arrived. */
  missing(): number {
    const arrived = new Set(this.target.copies.map(({ number }) => number));
    return promisedOf(this.answers).filter((number) => !arrived.has(number)).length;
  }

  /** Waits for everything promised; fails with what is missing. */
  async demandDelivered(when: string): Promise<void> {
    await until(() => this.missing() === 0, DELIVER_MS_MAX);
    assert.equal(this.missing(), 0, `not delivered ${when}\n${this.daemon.tail}`);
  }

  /** Stops, then compares submitter, log, target and the program's own proof. */
  async judge(): Promise<void> {
    for (const { text } of this.refused) assert.match(text, /^452 4\.3\.1 /);
    const { code } = await this.daemon.stop();
    assert.equal(code, 0, this.daemon.tail);
    const told = verifyData(this.data);
    assert.equal(told.code, 0, told.text);
    const { answers, target } = this;
    const evidence = { answers, copies: target.copies, ledger: readLedger(this.data) };
    const verdict = judgeRun({ ...evidence, shape: this.#shape });
    assert.deepEqual(verdict.breaches, []);
    assert.deepEqual([verdict.queued, verdict.second], [0, 0]);
  }

  async close(): Promise<void> {
    await this.#daemon?.kill();
    await this.target.close();
  }
}

/** Runs `work` in a world on a small disk and takes both away; skips where none can be had. */
async function onTinyDisk(
  context: TestContext,
  bodyBytes: number,
  work: (world: TightWorld) => Promise<void>,
): Promise<void> {
  const scratch = makeScratch('disk-full');
  const disk = mountTinyDisk(join(scratch.path, 'disk'), DISK_OPTIONS);
  if (typeof disk === 'string') {
    scratch.remove();
    context.skip(disk);
    return;
  }
  const world = new TightWorld(disk, bodyBytes);
  try {
    await world.start(scratch.path);
    await work(world);
  } finally {
    await world.close();
    disk.remove();
    scratch.remove();
  }
}

test('mail fills the disk: 452, delivery goes on, intake comes back', async (context) => {
  await onTinyDisk(context, 100_000, async (world) => {
    world.isTaking = false;
    world.disk.lay(FILLER, FILLER_BYTES);
    for (let round = 0; world.refused.length < FULL_REFUSALS; round += 1) {
      assert.ok(round < ROUNDS_MAX, 'the disk does not fill');
      await world.sendRound();
    }
    const promised = promisedOf(world.answers).length;
    const freeBytes = world.disk.freeBytes();
    assert.ok(promised > 0);
    // Somebody else takes the rest, to the last byte.
    world.disk.lay(LAST_FILLER);
    world.isTaking = true;
    await world.demandDelivered('while the disk is full');
    world.disk.lift(LAST_FILLER);
    world.disk.lift(FILLER);
    await world.sendUntilTaken();
    await world.demandDelivered('after space came back');
    await world.judge();
    const turnedAway = world.refused.length;
    context.diagnostic(`${promised} taken, ${turnedAway} put off, ${freeBytes} bytes were free`);
  });
});

test('the disk is filled at once amid traffic and freed after 2 s', async (context) => {
  await onTinyDisk(context, 20_000, async (world) => {
    await world.sendRound();
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) await world.sendRound();
    })();
    let laid = 0;
    try {
      await until(() => world.answers.length > 2 * ROUND_MESSAGES, DELIVER_MS_MAX);
      laid = world.disk.lay(FILLER);
      await pause(FULL_MS);
      assert.ok(world.daemon.isRunning, world.daemon.tail);
    } finally {
      world.disk.lift(FILLER);
      isOver = true;
      await traffic;
    }
    await world.sendUntilTaken();
    await world.demandDelivered('after the disk was freed');
    await world.judge();
    const taken = promisedOf(world.answers).length;
    assert.ok(world.refused.length > 0, 'nothing was put off: the disk was not full');
    context.diagnostic(`${laid} bytes laid; ${taken} taken, ${world.refused.length} put off`);
  });
});
