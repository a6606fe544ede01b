/**
 * Runs the real daemon as a process of its own: start, wait until it is ready, kill, stop.
 * The one idea: the harness knows only the command line, the ready line and the exit code, so what
 * it proves holds for what an operator runs.
 * Deliberately unknown here: mail, and anything inside the daemon.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPaths } from '../../scripts/tidy/sources.ts';
import { until } from './scratch.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY = /^waybilld ready smtp [\d.]+:(\d+)/m;
const START_WAIT_MS_MAX = 60_000;
const STOP_WAIT_MS_MAX = 60_000;
const TAIL_CHARS = 4000;

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** True when dist is there and no source changed since it was built. */
const isBuilt = (() => {
  const sources = readPaths(ROOT).filter((path) => /^src\/.*\.ts$/.test(path));
  const newest = Math.max(...sources.map((path) => changedAt(join(ROOT, path))));
  return changedAt(join(ROOT, 'dist/waybilld.js')) >= newest;
})();

/** The command that runs one of the two programs: the build when it is fresh, else the source. */
export function programCommand(program: 'waybilld' | 'waybill'): string[] {
  if (isBuilt) return [process.execPath, join(ROOT, 'dist', `${program}.js`)];
  return [process.execPath, '--import', 'tsx', join(ROOT, 'src', `${program}.ts`)];
}

/** Writes a policy that sends everything to one port and tries again soon. */
export function writePolicy(path: string, targetPort: number, retryInterval = '1s'): void {
  const text = `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${targetPort}'] } },
    retry_interval: '${retryInterval}',
    max_retry_interval: '${retryInterval}',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;
  writeFileSync(path, text);
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Whether the daemon is a manager with its children, or all in one process. */
export type Shape = 'managed' | 'single';

/** How a daemon is run. */
export interface Options {
  readonly shape?: Shape;
  /** Puts a command such as strace before it. */
  readonly wrap?: (command: readonly string[]) => readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/** One life of the daemon. */
export class Daemon {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #runFile: string;
  readonly #startedAt = performance.now();
  #readyAt = Number.NaN;
  #said = '';
  #tail = '';
  #ending: Ending | undefined;

  /** Starts the daemon. */
  constructor(
    policy: string,
    data: string,
    {
      shape = 'managed',
      wrap = (command) => command,
      environment = {},
      args: more = [],
    }: Options = {},
  ) {
    this.#runFile = join(data, 'run.json');
    const command = [...programCommand('waybilld'), '--policy', policy, '--data', data, ...more];
    if (shape === 'single') command.push('--single-process');
    const [name = '', ...args] = wrap(command);
    // A group of its own, so that a kill reaches all of its processes at once, as power would.
    this.#child = spawn(name, args, {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      if (Number.isNaN(this.#readyAt) && READY.test(this.#said)) this.#readyAt = performance.now();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#tail = (this.#tail + text).slice(-TAIL_CHARS);
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#ending = { code, signal };
        resolve(this.#ending);
      });
    });
  }

  get isRunning(): boolean {
    return this.#ending === undefined;
  }

  /** The last things it said on stderr, for a failing test to show. */
  get tail(): string {
    return this.#tail;
  }

  /** How long the start took; NaN before it is ready. */
  get readyMs(): number {
    return this.#readyAt - this.#startedAt;
  }

  /** The port of the first listener, as soon as it is ready; undefined when it ended before. */
  async port(): Promise<number | undefined> {
    await until(() => !Number.isNaN(this.#readyAt) || !this.isRunning, START_WAIT_MS_MAX);
    const port = READY.exec(this.#said)?.[1];
    return port === undefined ? undefined : Number(port);
  }

  /** Like `port`, but a start that fails is an error that shows what was said. */
  async demandPort(): Promise<number> {
    const port = await this.port();
    if (port !== undefined) return port;
    throw new Error(`the daemon did not start: ${JSON.stringify(this.#ending)}\n${this.#tail}`);
  }

  /** SIGKILL to every process of the daemon; returns when all of it is gone. */
  async kill(): Promise<Ending> {
    this.#signalGroup('SIGKILL');
    return await this.ended;
  }

  /** SIGTERM to the daemon and a bounded wait for its own end. */
  async stop(): Promise<Ending> {
    if (this.isRunning) signal(this.#findPid(), 'SIGTERM');
    if (!(await until(() => !this.isRunning, STOP_WAIT_MS_MAX))) {
      await this.kill();
      throw new Error(`the daemon did not stop within ${STOP_WAIT_MS_MAX} ms\n${this.#tail}`);
    }
    return await this.ended;
  }

  /** The daemon's own process, which a wrapper such as strace may stand before. */
  #findPid(): number {
    const found = JSON.parse(readFileSync(this.#runFile, 'utf8')) as { readonly pid: number };
    return found.pid;
  }

  #signalGroup(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid !== undefined && this.isRunning) signal(-pid, name);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It may have ended between the question and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
