/**
 * A scripted SMTP peer on a loopback socket, and a host that drives one connection against it.
 * The idea: the peer behaves well except at the stage a test spoils; the host keeps what it was
 * told and ticks the deadlines with real time.
 * Deliberately unknown here: what is expected; each test says that.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import type {
  Connection,
  ConnectionHost,
  ConnectionRequest,
  PeerInfo,
  Settlement,
  Transaction,
} from '../../src/actors/connection/connection.ts';
import { openConnection } from '../../src/actors/connection/connection.ts';
import type { Ending, FailedCandidate } from '../../src/actors/connection/ending.ts';
import { parseSourceConfig } from '../../src/domain/options-egress.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { createNetwork } from '../../src/ports/node/network.ts';
import type { Network } from '../../src/ports/ports.ts';

/** Where a peer can be spoilt. */
export type Stage =
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'dot'
  | 'rset'
  | 'quit';

/** What a peer does at a stage: text is sent as it is; the others are deeds. */
export type Deed = string | { readonly deed: 'silent' | 'fin' | 'reset' };

/** Deeds by stage; a function is asked each time, with the line. */
export type Script = Partial<Record<Stage, Deed | ((line: string, count: number) => Deed)>>;

const GOOD: Record<Stage, string> = {
  greeting: '220 peer.test ready\r\n',
  ehlo: '250-peer.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000000\r\n250 SMTPUTF8\r\n',
  starttls: '502 5.5.1 no\r\n',
  auth: '502 5.5.1 no\r\n',
  mail: '250 2.1.0 ok\r\n',
  rcpt: '250 2.1.5 ok\r\n',
  data: '354 go\r\n',
  dot: '250 2.0.0 taken\r\n',
  rset: '250 2.0.0 clean\r\n',
  quit: '221 2.0.0 bye\r\n',
};

const STAGE_OF: readonly (readonly [RegExp, Stage])[] = [
  [/^(EHLO|LHLO|HELO)/, 'ehlo'],
  [/^STARTTLS/, 'starttls'],
  [/^AUTH/, 'auth'],
  [/^MAIL/, 'mail'],
  [/^RCPT/, 'rcpt'],
  [/^DATA/, 'data'],
  [/^RSET/, 'rset'],
  [/^QUIT/, 'quit'],
];

/** One scripted server. */
export class ScriptedPeer {
  readonly lines: string[] = [];
  readonly bodies: string[] = [];
  readonly server: net.Server;
  readonly sockets = new Set<net.Socket>();
  connections = 0;

  constructor(script: Script) {
    this.server = net.createServer({ noDelay: true }, (socket) => this.#serve(socket, script));
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return (this.server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  #serve(socket: net.Socket, script: Script): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    const counts = new Map<Stage, number>();
    const act = (stage: Stage, line: string): string => {
      const count = counts.get(stage) ?? 0;
      counts.set(stage, count + 1);
      const step = script[stage] ?? GOOD[stage];
      const deed = typeof step === 'function' ? step(line, count) : step;
      if (typeof deed === 'string') socket.write(deed);
      else if (deed.deed === 'fin') socket.end();
      else if (deed.deed === 'reset') socket.resetAndDestroy();
      return typeof deed === 'string' ? deed : '';
    };
    act('greeting', '');
    this.#converse(socket, act);
  }

  #converse(socket: net.Socket, act: (stage: Stage, line: string) => string): void {
    let text = '';
    let isBody = false;
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (;;) {
        const end = isBody && !text.startsWith('.\r\n') ? text.indexOf('\r\n.\r\n') : 0;
        if (isBody) {
          if (end < 0) return;
          this.bodies.push(text.slice(0, end === 0 ? 0 : end + 2));
          text = text.slice(end === 0 ? 3 : end + 5);
          isBody = false;
          act('dot', '.');
          continue;
        }
        const upto = text.indexOf('\r\n');
        if (upto < 0) return;
        const line = text.slice(0, upto);
        text = text.slice(upto + 2);
        this.lines.push(line);
        const stage = STAGE_OF.find(([pattern]) => pattern.test(line))?.[1];
        if (stage === undefined) socket.write('500 5.5.1 what\r\n');
        else if (act(stage, line).startsWith('354')) isBody = true;
        if (stage === 'quit') socket.end();
      }
    });
  }
}

/** A host with one connection; what it is told is kept. */
export class TestHost implements ConnectionHost {
  readonly opens: PeerInfo[] = [];
  readonly settlements: Settlement[] = [];
  readonly told: string[] = [];
  ending: Ending | undefined;
  connection: Connection | undefined;
  /** Messages given one by one, each when the connection is idle. */
  queue: Transaction[] = [];
  body: readonly Buffer[] = [Buffer.from('Subject: x\r\n\r\nhello\r\n')];
  releases = true;
  readonly failures: FailedCandidate[] = [];
  /** Failures after which nothing more may be dialled. */
  dialsMax = Number.POSITIVE_INFINITY;
  readonly #ticker: NodeJS.Timeout;

  constructor() {
    this.#ticker = setInterval(() => this.connection?.tick(this.steadyMs()), 10);
  }

  steadyMs(): number {
    return performance.now();
  }

  mayDial(): boolean {
    return this.dialsMax > 0;
  }

  failed(_id: number, failed: FailedCandidate): void {
    this.failures.push(failed);
    this.dialsMax -= 1;
  }

  opened(_id: number, peer: PeerInfo): void {
    this.told.push('opened');
    this.opens.push(peer);
  }

  idle(): void {
    this.told.push('idle');
    setImmediate(() => this.#giveNext());
  }

  #giveNext(): void {
    const next = this.queue.shift();
    if (next === undefined) return;
    this.connection?.give(next);
    if (this.releases) this.connection?.release(next.offer, this.body);
  }

  parting(): void {
    this.told.push('parting');
  }

  settled(_id: number, settlement: Settlement): void {
    this.told.push('settled');
    this.settlements.push(settlement);
  }

  ended(_id: number, ending: Ending): void {
    assert.equal(this.ending, undefined, 'an end is told once');
    this.told.push('ended');
    this.ending = ending;
  }

  async until(what: string, isSo: () => boolean, limitMs = 4000): Promise<void> {
    const by = performance.now() + limitMs;
    while (!isSo()) {
      const state = this.connection?.state();
      assert.ok(performance.now() < by, `waited for ${what} in ${state}: ${this.told.join()}`);
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  stop(): void {
    clearInterval(this.#ticker);
    this.connection?.abort('test is over');
  }
}

/** A message for `to`, with the offer's number. */
export function message(offer: number, to = ['a@peer.test']): Transaction {
  const from = 'me@here.test';
  return { offer, from, to, bodyBytes: 21, eightBit: false, smtpUtf8: false };
}

/** Options that a test passes to `startClient`. */
export interface ClientOptions {
  readonly path?: Record<string, unknown>;
  readonly source?: Record<string, unknown>;
  readonly request?: Partial<ConnectionRequest>;
  readonly queue?: Transaction[];
  readonly network?: Network;
  readonly name?: string;
}

/** Opens a connection to the ports, one candidate each, in order. */
export function startClient(ports: readonly number[], options: ClientOptions = {}): TestHost {
  const host = new TestHost();
  host.queue = options.queue ?? [message(1)];
  const name = options.name ?? 'peer.test';
  host.connection = openConnection(options.network ?? createNetwork(), host, {
    id: 7,
    plan: ports.map((port) => ({ name, address: '127.0.0.1', port })),
    path: parsePathConfig({ enable_tls: 'Disabled', ...options.path }, 'path'),
    source: parseSourceConfig({ name: 's', ...options.source }, 'source'),
    ehloName: 'here.test',
    ...options.request,
  });
  return host;
}

/** Runs `use` with a scripted peer and a client for it, and cleans up. */
export async function withPeer(
  script: Script,
  options: ClientOptions,
  use: (host: TestHost, peer: ScriptedPeer) => Promise<void>,
): Promise<void> {
  const peer = new ScriptedPeer(script);
  const port = await peer.listen();
  const host = startClient([port], options);
  try {
    await use(host, peer);
  } finally {
    host.stop();
    await peer.close();
  }
}
