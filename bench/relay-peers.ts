/**
 * The relays under test as processes: start one on a loopback port with all mail routed to the
 * sink, wait until it greets, end it.
 * The one idea: every peer is started from nothing for each run and looks the same to the load.
 * Deliberately unknown here: the load and the numbers.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../test/faults/free-port.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START_MS_MAX = 20_000;
const STOP_MS_MAX = 30_000;

/** A relay that listens. */
export interface Peer {
  readonly name: PeerName;
  readonly port: number;
  /** Root of its process tree. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** The relays this bench knows. */
export type PeerName = 'waybill' | 'postfix';

/** Waits. */
export const pause = (waitMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, waitMs);
  });

/** Why a peer cannot run here, or undefined. */
export function whyNot(name: PeerName): string | undefined {
  if (name === 'waybill') {
    return existsSync(join(ROOT, 'dist/waybilld.js')) ? undefined : 'not built: npm run build';
  }
  if (spawnSync('sh', ['-c', 'command -v postfix']).status !== 0) return 'Postfix is not installed';
  return process.getuid?.() === 0 ? undefined : 'Postfix can only be started by root';
}

/** Waits until something greets on the port. */
export async function untilGreeted(port: number): Promise<void> {
  const end = performance.now() + START_MS_MAX;
  while (performance.now() < end) {
    const isGreeted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', () => {
        socket.end('QUIT\r\n');
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isGreeted) return;
    await pause(50);
  }
  throw new Error(`nothing greets on port ${port}`);
}

/** Starts a peer whose spool is `folder`; `setup` is more of the init of Waybill's policy. */
export async function startPeer(
  name: PeerName,
  folder: string,
  sinkPort: number,
  setup = '',
): Promise<Peer> {
  mkdirSync(folder, { recursive: true });
  const port = await findFreePort();
  const command = name === 'waybill' ? waybillCommand : postfixCommand;
  const [program = '', ...args] = command(folder, port, sinkPort, setup);
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  try {
    await untilGreeted(port);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${name}: ${String(error)}\n${said}`);
  }
  const pid = pidOf(name, child, folder);
  return { name, port, pid, stop: () => stopPeer(child, pid) };
}

function waybillCommand(folder: string, port: number, sinkPort: number, setup: string): string[] {
  const policy = join(folder, 'policy.ts');
  writeFileSync(
    policy,
    `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:${port}' });
    ${setup}
  },
  get_queue_config: () => ({ protocol: { smtp: { mx_list: ['127.0.0.1:${sinkPort}'] } } }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`,
  );
  const program = join(ROOT, 'dist/waybilld.js');
  return [process.execPath, program, '--policy', policy, '--data', join(folder, 'data')];
}

function postfixCommand(folder: string, port: number, sinkPort: number): string[] {
  return [join(ROOT, 'bench/relay-postfix.sh'), folder, String(port), String(sinkPort)];
}

/** Postfix's master may be a child of its start script or take its place. */
function pidOf(name: PeerName, child: ChildProcess, folder: string): number {
  if (name === 'waybill') return child.pid ?? 0;
  return Number(readFileSync(join(folder, 'queue/pid/master.pid'), 'utf8').trim());
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Ends the peer itself, which need not be the child: a start script may have left it behind. */
async function stopPeer(child: ChildProcess, pid: number): Promise<void> {
  const untilAt = Date.now() + STOP_MS_MAX;
  if (isAlive(pid)) process.kill(pid, 'SIGTERM');
  while (isAlive(pid) || (child.exitCode === null && child.signalCode === null)) {
    if (Date.now() > untilAt) {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
    }
    await pause(50);
  }
}
