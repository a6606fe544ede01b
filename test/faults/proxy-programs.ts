/**
 * Real proxies on loopback ports: Dante (`danted`) for SOCKS5 and HAProxy, each with a
 * configuration of a few lines in a folder of its own, killed and started again at will.
 * The one idea: what is on the wire is judged by programs that others wrote.
 * Deliberately unknown here: the daemon under test, and mail.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { pause } from './scratch.ts';

const START_WAIT_MS_MAX = 20_000;
const TAIL_CHARS = 4000;
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Which program, and what it is asked to be. */
export interface ProxyPlan {
  readonly program: 'danted' | 'haproxy';
  readonly makeConfig: (port: number) => string;
}

/** A SOCKS5 server without log-in that connects from one address, whatever it is asked. */
export const danteFrom = (address: string): ProxyPlan => ({
  program: 'danted',
  makeConfig: (port) => `logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: ${address}
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 log: error }
socks pass { from: 0/0 to: 0/0 log: error }
`,
});

/** HAProxy that connects to where the PROXY header says, from where the header says. */
export const HAPROXY: ProxyPlan = {
  program: 'haproxy',
  makeConfig: (port) => `global
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen out
  bind 127.0.0.1:${port} accept-proxy
  source 0.0.0.0 usesrc clientip
  server destination 0.0.0.0
`,
};

/** Why these programs cannot run here; undefined when they can. */
export function whyNoProxies(): string | undefined {
  for (const name of ['danted', 'haproxy']) {
    const { error } = spawnSync(name, ['-v'], { env: { ...process.env, PATH } });
    if (error !== undefined) return `${name} is not installed`;
  }
  // HAProxy may only take a foreign source address with the rights to do so.
  return process.getuid?.() === 0 ? undefined : 'HAProxy and Dante need root to send from anywhere';
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** One proxy; its port stays the same over all of its lives. */
export class ProxyProgram {
  readonly port: number;
  readonly #plan: ProxyPlan;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #said = '';

  private constructor(plan: ProxyPlan, folder: string, port: number) {
    this.port = port;
    this.#plan = plan;
    this.#config = join(folder, `${plan.program}.conf`);
    writeFileSync(this.#config, plan.makeConfig(port));
  }

  /** One that listens already. */
  static async start(plan: ProxyPlan, folder: string): Promise<ProxyProgram> {
    const proxy = new ProxyProgram(plan, folder, await findFreePort());
    await proxy.run();
    return proxy;
  }

  /** Starts it, again if need be, and waits until it listens. */
  async run(): Promise<void> {
    const { program } = this.#plan;
    const args = program === 'haproxy' ? ['-db', '-f', this.#config] : ['-f', this.#config];
    // A group of its own: both have children, and a kill is to reach all of them.
    const child = spawn(program, args, {
      detached: true,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-TAIL_CHARS);
      });
    }
    const end = performance.now() + START_WAIT_MS_MAX;
    while (!(await isListening(this.port))) {
      if (performance.now() > end || child.exitCode !== null) {
        await this.kill();
        throw new Error(`${program} did not start\n${this.#said}`);
      }
      await pause(20);
    }
  }

  /** SIGKILL to all of its processes; its connections break. */
  async kill(): Promise<void> {
    const pid = this.#child?.pid;
    this.#child = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.#ended;
  }

  /** The last things it said, for a failing test to show. */
  get tail(): string {
    return this.#said;
  }
}
