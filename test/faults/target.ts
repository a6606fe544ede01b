/**
 * The next hop of the fault runs: a small SMTP server that remembers every copy it took.
 * The one idea: it lives in the harness and outlives the daemon under test, so its memory is the
 * truth about what reached a peer; what it refuses or puts off is decided per message by the run.
 * Deliberately unknown here: the daemon, and what counts as a breach.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { numberOfSender, sumOfReceived } from './probe-mail.ts';

/** What becomes of a message at the final dot. */
export type Fate = 'take' | 'defer' | 'refuse';

/** One copy that was answered with 250. */
export interface Copy {
  readonly number: number;
  readonly to: readonly string[];
  readonly sum: string;
  /** Who the sender said it was, from where it came, and in which connection, counted from 1. */
  readonly helo: string;
  readonly peer: string;
  readonly session: number;
  /** When the 250 was handed to the system, in milliseconds since 1970. */
  readonly at: number;
}

const REPLIES: Readonly<Record<Exclude<Fate, 'take'>, string>> = {
  defer: '451 4.3.0 later\r\n',
  refuse: '550 5.1.1 never\r\n',
};

const DOT = Buffer.from('\r\n.\r\n');

interface Talk {
  readonly session: number;
  readonly peer: string;
  helo: string;
  rest: Buffer;
  from: string;
  to: string[];
  isData: boolean;
}

/** A next hop on a loopback port. */
export class Target {
  readonly copies: Copy[] = [];
  /** Tries per message number, whatever their fate. */
  readonly tries = new Map<number, number>();
  /** When a message was last tried, as a steady reading. */
  #triedAt = performance.now();
  readonly #fateOf: (number: number, tries: number) => Fate;
  /** What it says to a message that it takes. */
  readonly #taken: (number: number) => string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #sessions = 0;

  constructor(
    fateOf: (number: number, tries: number) => Fate = () => 'take',
    taken: (number: number) => string = () => 'taken',
  ) {
    this.#fateOf = fateOf;
    this.#taken = taken;
    this.#server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
  }

  /** Starts to listen; answers the port. */
  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the target has no port');
    return address.port;
  }

  /** How long nobody has tried anything. */
  get quietMs(): number {
    return performance.now() - this.#triedAt;
  }

  /** Starts the watch for quiet anew: the time before the daemon was ready does not count. */
  watch(): void {
    this.#triedAt = performance.now();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #greet(socket: Socket): void {
    this.#sessions += 1;
    const met = { session: this.#sessions, peer: socket.remoteAddress ?? '', helo: '' };
    const talk: Talk = { ...met, rest: Buffer.alloc(0), from: '', to: [], isData: false };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A killed peer resets its connections; that is the point of the runs.
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      talk.rest = Buffer.concat([talk.rest, bytes]);
      this.#listen(socket, talk);
    });
    socket.write('220 target.example ESMTP\r\n');
  }

  #listen(socket: Socket, talk: Talk): void {
    for (;;) {
      const mark = talk.isData ? talk.rest.indexOf(DOT) : talk.rest.indexOf('\r\n');
      if (mark === -1) return;
      const part = talk.rest.subarray(0, mark);
      talk.rest = talk.rest.subarray(mark + (talk.isData ? DOT.length : 2));
      if (talk.isData) this.#judge(socket, talk, part);
      else this.#answer(socket, talk, part.toString('latin1'));
    }
  }

  #answer(socket: Socket, talk: Talk, line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    const address = /<([^>]*)>/.exec(line)?.[1] ?? '';
    if (verb === 'EHLO') {
      talk.helo = line.slice(5).trim();
      socket.write('250-target.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n');
    } else if (verb === 'MAIL') {
      talk.from = address;
      talk.to = [];
      socket.write('250 2.1.0 ok\r\n');
    } else if (verb === 'RCPT') {
      talk.to.push(address);
      socket.write('250 2.1.5 ok\r\n');
    } else if (verb === 'DATA') {
      talk.isData = true;
      socket.write('354 go on\r\n');
    } else if (verb === 'QUIT') {
      socket.end('221 2.0.0 bye\r\n');
    } else {
      socket.write('250 2.0.0 ok\r\n');
    }
  }

  #judge(socket: Socket, talk: Talk, part: Buffer): void {
    talk.isData = false;
    const number = numberOfSender(talk.from);
    const tries = (this.tries.get(number) ?? 0) + 1;
    this.tries.set(number, tries);
    this.#triedAt = performance.now();
    const fate = this.#fateOf(number, tries);
    if (fate === 'take') {
      const sum = sumOfReceived(Buffer.concat([part, DOT.subarray(0, 2)]));
      const { helo, peer, session } = talk;
      const by = { helo, peer, session, at: Date.now() };
      this.copies.push({ number, to: [...talk.to], sum, ...by });
    }
    socket.write(fate === 'take' ? `250 2.0.0 ${this.#taken(number)}\r\n` : REPLIES[fate]);
  }
}
