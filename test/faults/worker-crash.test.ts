/**
 * What the manager is for: a worker that is killed is replaced and mail goes on; a handler that
 * loops costs its version, not the mail; a manager that is killed leaves nobody behind and the next
 * start works. The one idea: real processes, judged by what their pids and the mail show.
 * Deliberately unknown here: how the manager notices.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { askManager } from '../../src/manager/control-client.ts';
import type { DaemonStatus } from '../../src/manager/status.ts';
import { Daemon, programCommand, writePolicy } from './daemon.ts';
import { makeProbes } from './scenario.ts';
import { makeScratch, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';
import { verifyData } from './verify.ts';

const MESSAGES = 40;
const WAIT_MS_MAX = 60_000;
/** A worker notices within a second that its manager is gone; the machine may be busy. */
const ORPHAN_MS_MAX = 1_500;

interface RunFile {
  readonly pid: number;
  readonly workers: readonly { readonly pid: number }[];
  readonly listeners: readonly string[];
}

/** A process that ended and waits for somebody to ask how is not alive. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** A daemon with its manager, a target, and what was handed over. */
class Life {
  readonly scratch = makeScratch('worker-crash');
  readonly data = join(this.scratch.path, 'data');
  readonly policy = join(this.scratch.path, 'policy.ts');
  readonly target = new Target();
  readonly answers: Answer[] = [];
  targetPort = 0;
  #daemon: Daemon | undefined;
  #sent = 0;

  async open(): Promise<void> {
    this.targetPort = await this.target.open();
    writePolicy(this.policy, this.targetPort);
  }

  get daemon(): Daemon {
    assert.ok(this.#daemon);
    return this.#daemon;
  }

  get run(): RunFile {
    return JSON.parse(readFileSync(join(this.data, 'run.json'), 'utf8')) as RunFile;
  }

  get workerPid(): number {
    return this.run.workers[0]?.pid ?? Number.NaN;
  }

  async start(): Promise<void> {
    this.#daemon = new Daemon(this.policy, this.data);
    await this.#daemon.demandPort();
  }

  async status(): Promise<DaemonStatus> {
    return (await askManager(this.data, { do: 'status' })) as unknown as DaemonStatus;
  }

  /** Waits for a worker other than `pid` that takes mail. */
  async nextWorker(pid: number): Promise<void> {
    const isOther = (): boolean => this.workerPid !== pid;
    assert.ok(await until(isOther, WAIT_MS_MAX), this.daemon.tail);
  }

  /** Hands mail over to whichever worker is there, and waits until all of it arrived. */
  async pass(): Promise<void> {
    const probes = makeProbes(this.#sent + MESSAGES).slice(this.#sent);
    this.#sent += MESSAGES;
    const port = async (): Promise<number> => Number(this.run.listeners[0]?.split(':')[1]);
    await sendAll(probes, { lines: 2, port, answered: (one) => this.answers.push(one) });
    const isTried = (): boolean => probes.every(({ number }) => this.target.tries.has(number));
    assert.ok(await until(isTried, WAIT_MS_MAX), this.daemon.tail);
  }

  async close(): Promise<void> {
    await this.#daemon?.kill();
    await this.target.close();
    this.scratch.remove();
  }
}

describe('a worker that is killed', () => {
  const life = new Life();
  after(() => life.close());

  test('is replaced, and mail goes on', async () => {
    await life.open();
    await life.start();
    await life.pass();
    const killed = life.workerPid;
    process.kill(killed, 'SIGKILL');
    await life.nextWorker(killed);
    await life.pass();
    const { workers, pid } = await life.status();
    assert.equal(pid, life.run.pid);
    assert.equal(workers[0]?.restarts, 1);
    assert.match(workers[0]?.lastCrash?.sentence ?? '', /SIGKILL/);
  });

  test('is shown by waybill status', () => {
    const [name = '', ...args] = programCommand('waybill');
    const told = spawnSync(name, [...args, 'status', '--data', life.data], { encoding: 'utf8' });
    assert.equal(told.status, 0, told.stderr);
    assert.match(told.stdout, new RegExp(`worker +pid ${life.workerPid}, ready, version 1`));
    assert.match(told.stdout, /last crash .*SIGKILL/);
    const other = spawnSync(name, [...args, 'status', '--data', `${life.data}-none`]);
    assert.equal(other.status, 69);
  });

  test('right after a refusal comes back on the version before it', async () => {
    // The loader passes it, the canary does not: a listener whose key is not there.
    const init = "setup.smtpListener({ listen: '127.0.0.1:0', tls_certificate: '/none', ";
    const text = readFileSync(life.policy, 'utf8');
    const broken = text.replace('setup.smtpListener({', `${init}tls_private_key: '/none' });\n$&`);
    writeFileSync(life.policy, broken);
    await assert.rejects(askManager(life.data, { do: 'policy.reload' }), /\/none/);
    const killed = life.workerPid;
    process.kill(killed, 'SIGKILL');
    await life.nextWorker(killed);
    await life.pass();
    const { policy, workers } = await life.status();
    assert.equal(policy.version, 1);
    assert.equal(workers[0]?.version, 1);
    assert.ok(policy.refusals >= 1);
  });

  test('leaves no difference in the log', async () => {
    assert.deepEqual(await life.daemon.stop(), { code: 0, signal: null }, life.daemon.tail);
    const told = verifyData(life.data);
    assert.equal(told.code, 0, told.text);
    assert.ok(life.answers.every(({ kind }) => kind === 'taken'));
  });
});

test('a manager that is killed takes its worker with it, and the next start works', async () => {
  const life = new Life();
  try {
    await life.open();
    await life.start();
    await life.pass();
    const { pid } = life.run;
    const worker = life.workerPid;
    process.kill(pid, 'SIGKILL');
    assert.ok(await until(() => !isAlive(worker), ORPHAN_MS_MAX), 'the worker lives on');
    await life.start();
    await life.pass();
    assert.equal((await life.daemon.stop()).code, 0, life.daemon.tail);
    assert.equal(verifyData(life.data).code, 0);
  } finally {
    await life.close();
  }
});

test('a version with a handler that loops twice gives way to the one before it', async () => {
  const life = new Life();
  try {
    await life.open();
    await life.start();
    await life.pass();
    // Loops only where no loader or canary would ask.
    const trap = "get_queue_config: (domain) => { if (domain === 'd3.example') for (;;); return ({";
    const text = readFileSync(life.policy, 'utf8').replace('get_queue_config: () => ({', trap);
    writeFileSync(life.policy, text.replace(/\}\),\n {2}get_egress/, '}); },\n  get_egress'));
    await askManager(life.data, { do: 'policy.reload' });
    assert.equal((await life.status()).policy.version, 2);
    const first = life.workerPid;
    await life.nextWorker(first);
    await life.pass();
    const { policy, workers } = await life.status();
    assert.equal(policy.version, 1);
    assert.match(workers[0]?.lastCrash?.sentence ?? '', /get_queue_config/);
    const store = new Database(join(life.data, 'policy/policy.db'), { readonly: true });
    const last = 'SELECT version, reason FROM activation ORDER BY id DESC LIMIT 1';
    const { version, reason } = store.prepare(last).get() as { version: number; reason: string };
    store.close();
    assert.equal(version, 1);
    assert.match(reason, /get_queue_config/);
  } finally {
    await life.close();
  }
});
