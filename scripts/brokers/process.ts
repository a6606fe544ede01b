/**
 * A broker's processes, from start to end: one group of their own, so that one signal reaches all.
 * The one idea: beside each group stands a guard, a shell that reads from us and does nothing; when
 * we are gone, however we went, it reads the end and kills the group, so that nothing is left over.
 * Deliberately unknown here: which broker it is.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const STOP_MS_MAX = 60_000;
const LOG_LINES_SHOWN = 12;

/** What is run, and where its words go. */
export interface ProcessWish {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** One group of processes. */
export class ProcessGroup {
  readonly #leader: ChildProcess;
  readonly #guard: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #logFile: string;
  #isEnded = false;

  constructor({ program, args, env, logFile }: ProcessWish) {
    this.#logFile = logFile;
    const log = openSync(logFile, 'a');
    const stdio = ['ignore', log, log] as const;
    this.#leader = spawn(program, args, {
      detached: true,
      stdio: [...stdio],
      env: env ?? process.env,
    });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      const end = () => {
        this.#isEnded = true;
        this.#guard.kill('SIGKILL');
        resolve();
      };
      this.#leader.once('exit', end);
      this.#leader.once('error', end);
    });
    const watch = `cat >/dev/null; kill -KILL -${this.#leader.pid}`;
    const guardStdio = ['pipe', 'ignore', 'ignore'] as const;
    this.#guard = spawn('sh', ['-c', watch], { detached: true, stdio: [...guardStdio] });
    this.#guard.unref();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The id of the group; signals to its negative reach all its processes. */
  get id(): number {
    return this.#leader.pid ?? 0;
  }

  /**
   * Waits until `isReady`; rejects with the last lines of the log when it ends or takes too long.
   */
  async waitFor(isReady: () => Promise<boolean>, waitMsMax: number, what: string): Promise<void> {
    const until = performance.now() + waitMsMax;
    while (!(await isReady())) {
      if (this.#isEnded) throw new Error(`${what} ended at its start: ${this.#lastWords()}`);
      if (performance.now() > until) throw new Error(`${what} is not ready: ${this.#lastWords()}`);
      await sleep(50);
    }
  }

  /** Asks the group to end, and kills it when that takes more than a minute. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await Promise.race([this.#ended, sleep(STOP_MS_MAX, undefined, { ref: false })]);
    await this.kill();
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Sends one signal to the whole group: SIGSTOP makes it a machine that hangs. */
  signal(name: NodeJS.Signals): void {
    if (this.#isEnded) return;
    try {
      process.kill(-this.id, name);
    } catch {
      // It ended in the same moment.
    }
  }

  #lastWords(): string {
    return readFileSync(this.#logFile, 'utf8')
      .trim()
      .split('\n')
      .slice(-LOG_LINES_SHOWN)
      .join('\n');
  }
}

/** Whether somebody listens on a port of loopback. */
export const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
