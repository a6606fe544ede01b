/**
 * A real Postfix as the next hop: private configuration and queue, one loopback port, everything it
 * accepts relayed to one sink. It takes a bare LF for a line end, as many servers do.
 * The one idea: what another program makes of our bytes is asked of that program.
 * Deliberately unknown here: the daemon under test, and what is sent.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { makeScratch, pause, until } from './scratch.ts';

const START_WAIT_MS_MAX = 30_000;
const STOP_WAIT_MS_MAX = 10_000;
const TAIL_CHARS = 4000;
const QUEUES = ['maildrop', 'incoming', 'active', 'deferred', 'hold', 'corrupt'];

const SERVICES = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;

/** What the installed Postfix says of its own places; undefined when there is none. */
const askPostfix = (name: string): string | undefined => {
  const { status, stdout } = spawnSync('postconf', ['-d', '-h', name], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

/** Why no private Postfix can run here; undefined when one can. */
export function whyNoPostfix(): string | undefined {
  if (askPostfix('mail_version') === undefined) return 'Postfix is not installed';
  if (process.getuid?.() !== 0) return 'Postfix needs root';
  return undefined;
}

const formatMain = (folder: string, sinkPort: number): string => {
  const installed = ['command_directory', 'daemon_directory', 'meta_directory'];
  const places = [...installed, 'mail_owner', 'setgid_group'].map(
    (name) => `${name} = ${askPostfix(name)}\n`,
  );
  // The two forbid_ options harden newer versions; here the peer must be as trusting as it can be.
  return `compatibility_level = 3.6
${places.join('')}queue_directory = ${join(folder, 'queue')}
data_directory = ${join(folder, 'data')}
maillog_file_prefixes = ${folder}
maillog_file = ${join(folder, 'maillog')}
myhostname = peer.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:${sinkPort}
alias_maps =
alias_database =
local_recipient_maps =
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_forbid_bare_newline = no
smtpd_forbid_unauth_pipelining = no
in_flow_delay = 0
`;
};

const isAnswering = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('data', () => socket.end('QUIT\r\n'));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(socket.bytesRead > 0));
  });

const countFiles = (folder: string): number => {
  if (!existsSync(folder)) return 0;
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).length;
};

/** One running Postfix. */
export class PostfixPeer {
  readonly port: number;
  readonly #scratch = makeScratch('postfix');
  readonly #child: ChildProcess;
  #said = '';

  private constructor(port: number, sinkPort: number) {
    this.port = port;
    const folder = this.#scratch.path;
    // Its processes run as a user of their own, which must get down to the queue.
    chmodSync(folder, 0o755);
    for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name));
    const owner = askPostfix('mail_owner') ?? 'postfix';
    spawnSync('chown', [owner, join(folder, 'data')]);
    writeFileSync(join(folder, 'etc/main.cf'), formatMain(folder, sinkPort));
    writeFileSync(
      join(folder, 'etc/master.cf'),
      `127.0.0.1:${port} inet n - n - - smtpd\n${SERVICES}`,
    );
    this.#child = spawn('postfix', ['-c', join(folder, 'etc'), 'start-fg'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-TAIL_CHARS);
      });
    }
  }

  /** Starts one that relays everything to `sinkPort`, and waits until it greets. */
  static async start(sinkPort: number): Promise<PostfixPeer> {
    const peer = new PostfixPeer(await findFreePort(), sinkPort);
    const end = performance.now() + START_WAIT_MS_MAX;
    while (!(await isAnswering(peer.port))) {
      if (performance.now() > end || peer.#isOver()) {
        const said = peer.tail();
        await peer.stop();
        throw new Error(`Postfix did not start\n${said}`);
      }
      await pause(50);
    }
    return peer;
  }

  /** How many messages are in any of its queues. */
  queued(): number {
    const queue = join(this.#scratch.path, 'queue');
    return QUEUES.reduce((sum, name) => sum + countFiles(join(queue, name)), 0);
  }

  /** The last things it said, for a failing test to show. */
  tail(): string {
    const log = join(this.#scratch.path, 'maillog');
    return this.#said + (existsSync(log) ? readFileSync(log, 'utf8').slice(-TAIL_CHARS) : '');
  }

  /** Ends all of its processes and takes its folder away. */
  async stop(): Promise<void> {
    const isGone = (): boolean => !this.#signal(0) && this.#isOver();
    this.#signal('SIGTERM');
    if (!(await until(isGone, STOP_WAIT_MS_MAX))) {
      this.#signal('SIGKILL');
      this.#child.kill('SIGKILL');
      await until(isGone, STOP_WAIT_MS_MAX);
    }
    this.#scratch.remove();
  }

  #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Signals all of its processes; false when there is none. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    // The master leads a group of its own, not that of the command that started it.
    const pidFile = join(this.#scratch.path, 'queue/pid/master.pid');
    const pid = existsSync(pidFile) ? Number.parseInt(readFileSync(pidFile, 'utf8'), 10) : 0;
    if (!(pid > 1)) return false;
    try {
      process.kill(-pid, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }
}
