/**
 * A real Redis of the test's own: on a port of its own, in a folder that is thrown away, keeping
 * nothing on disk; it can be killed, stopped like a hung machine, started again empty, and given a
 * clock that the test moves.
 * Deliberately unknown here: who talks to it.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../faults/free-port.ts';

const START_MS_MAX = 20_000;

/** The clock of a timed server: what one file says, in microseconds since 1970. */
const CLOCK_SOURCE = `
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
extern "C" int gettimeofday(struct timeval *tv, void *) noexcept {
  static int file = open(getenv("WAYBILL_TEST_CLOCK"), O_RDONLY);
  static int64_t us = 0;
  int64_t said = 0;
  // While the file is being written the time is what it was.
  if (pread(file, &said, sizeof said, 0) == sizeof said) us = said;
  tv->tv_sec = us / 1000000;
  tv->tv_usec = us % 1000000;
  return 0;
}
`;

/** Why there can be no Redis here; false when there can. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not installed (Debian: redis-server)';

/** Why there can be no Redis with a clock of the test's own; false when there can. */
export const noTimedRedis: string | false =
  noRedis ||
  (spawnSync('g++', ['--version']).status === 0
    ? false
    : 'g++ is not installed, so a server cannot be given a clock (Debian: g++)');

/** How a Redis is run. */
export interface RedisWish {
  /** More of its options: `--requirepass`, 'x'. */
  readonly options?: readonly string[];
  /** Its clock stands still until the test moves it. */
  readonly isTimed?: boolean;
}

/** One Redis server. */
export class RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #wish: RedisWish;
  #child: ChildProcess | undefined;
  #timeMs = 1_750_000_000_000;

  private constructor(port: number, wish: RedisWish) {
    this.port = port;
    this.#wish = wish;
    this.#dir = mkdtempSync(join(tmpdir(), 'waybill-redis-'));
  }

  /** Starts one; rejects when it does not listen in time. */
  static async start(wish: RedisWish = {}): Promise<RedisServer> {
    return await RedisServer.startAt(await findFreePort(), wish);
  }

  /** Starts one on a port that was chosen before. */
  static async startAt(port: number, wish: RedisWish = {}): Promise<RedisServer> {
    const server = new RedisServer(port, wish);
    await server.start();
    return server;
  }

  /** Says one command to it, and waits for the answer. */
  say(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(`${command}\r\n`));
      socket.once('data', (bytes) => {
        socket.destroy();
        resolve(bytes.toString());
      });
      socket.once('error', reject);
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, empty. */
  async start(): Promise<void> {
    const environment = this.#wish.isTimed === true ? this.#timedEnvironment() : process.env;
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', ''];
    const where = ['--dir', this.#dir, '--appendonly', 'no', '--daemonize', 'no'];
    const all = [...options, ...where, ...(this.#wish.options ?? [])];
    this.#child = spawn('redis-server', all, { stdio: 'ignore', env: environment });
    const until = performance.now() + START_MS_MAX;
    while (!(await this.#listens())) {
      if (performance.now() > until) throw new Error(`no Redis on port ${this.port}`);
      await sleep(20);
    }
  }

  /** Ends it at once; what it knew is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Holds it as a hung machine would: connections stand, nothing is answered. */
  hang(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Lets it go on. */
  goOn(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Moves its clock on; only for a timed one. */
  pass(ms: number): void {
    this.#timeMs += ms;
    this.#writeTime();
  }

  /** Ends it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  get #timeFile(): string {
    return join(this.#dir, 'time');
  }

  #writeTime(): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Math.round(this.#timeMs * 1_000)));
    writeFileSync(this.#timeFile, bytes);
  }

  #timedEnvironment(): NodeJS.ProcessEnv {
    this.#writeTime();
    const library = join(this.#dir, 'clock.so');
    const source = join(this.#dir, 'clock.cc');
    if (!existsSync(library)) {
      writeFileSync(source, CLOCK_SOURCE);
      const made = spawnSync('g++', ['-shared', '-fPIC', '-O1', '-o', library, source]);
      if (made.status !== 0) throw new Error(`no clock could be made: ${made.stderr}`);
    }
    return { ...process.env, LD_PRELOAD: library, WAYBILL_TEST_CLOCK: this.#timeFile };
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }
}
