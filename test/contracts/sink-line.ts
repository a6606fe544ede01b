/**
 * The line between a sink and its receiver, with troubles on request: a TCP proxy on loopback.
 * The one idea: whatever protocol is spoken, the ways in which a receiver can be out of order are
 * the same few, and they begin and end on links that are open already, too.
 * Deliberately unknown here: protocols, sinks, what is expected.
 */
import type { AddressInfo } from 'node:net';
import { createServer, Socket } from 'node:net';

/** What can be wrong with a receiver. */
export const TROUBLES = [
  /** Nobody listens, open links are reset. */
  'away',
  /** Links are taken, and reset at once. */
  'reset',
  /** Links are taken, nothing is read, nothing is said. */
  'silent',
  /** What comes is answered by bytes without meaning. */
  'garbage',
  /** The link is reset while a batch is on its way. */
  'cut',
  /** The receiver hears everything, and nobody hears the receiver. */
  'deaf',
  /** The link is reset in the middle of the answer. */
  'half-answer',
] as const;

/** One of them. */
export type Trouble = (typeof TROUBLES)[number];

/** A line that can be out of order. */
export interface Line {
  /** Where sinks connect to, on 127.0.0.1; the same for the whole life of the line. */
  readonly port: number;
  /** From now on, for links that are there and for those that come. */
  begin(trouble: Trouble): Promise<void>;
  /** Everything works again; links that were in trouble are gone. */
  heal(): Promise<void>;
  /** Links that clients hold open just now. */
  links(): number;
  /** Links that ever were. */
  linksEver(): number;
  dispose(): Promise<void>;
}

/** Less than any batch the contract cuts, more than any greeting and log-in of a protocol. */
export const CUT_BYTES = 20_000;
const HALF_ANSWER_BYTES = 5;
// Not a line end among them, nor a length that any protocol would take for its own.
const GARBAGE = Buffer.alloc(64, 0xfe);

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes that passed since the trouble began. */
  heard: number;
  said: number;
}

/** How a line is set up. */
export interface LineOptions {
  /** Where the receiver listens, on 127.0.0.1; asked anew for each link. */
  readonly target: () => number;
  /** Where the line listens; 0 lets the system choose. */
  readonly port?: number;
}

class NodeLine implements Line {
  port = 0;
  #trouble: Trouble | undefined;
  #ever = 0;
  readonly #pairs = new Set<Pair>();
  readonly #options: LineOptions;
  readonly #server = createServer({ noDelay: true }, (client) => this.#take(client));

  constructor(options: LineOptions) {
    this.#options = options;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  async begin(trouble: Trouble): Promise<void> {
    this.#trouble = trouble;
    for (const pair of this.#pairs) {
      pair.heard = 0;
      pair.said = 0;
      this.#disturb(pair);
    }
    if (trouble === 'away') await this.#unlisten();
  }

  async heal(): Promise<void> {
    const before = this.#trouble;
    this.#trouble = undefined;
    if (before !== undefined) this.#endAll();
    if (before === 'away') await this.listen(this.port);
  }

  links(): number {
    return this.#pairs.size;
  }

  linksEver(): number {
    return this.#ever;
  }

  async dispose(): Promise<void> {
    this.#endAll();
    await this.#unlisten();
  }

  #unlisten(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #endAll(): void {
    for (const pair of this.#pairs) end(pair);
  }

  #take(client: Socket): void {
    this.#ever += 1;
    const server = new Socket();
    const pair = { client, server, heard: 0, said: 0 };
    this.#pairs.add(pair);
    client.on('data', (bytes: Buffer) => this.#hear(pair, bytes));
    server.on('data', (bytes: Buffer) => this.#say(pair, bytes));
    for (const socket of [client, server]) {
      // A reset is what this line is for; the ends see it for themselves.
      socket.on('error', () => {});
    }
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    client.on('close', () => {
      this.#pairs.delete(pair);
      server.destroy();
    });
    server.on('close', () => client.destroy());
    server.connect({ port: this.#options.target(), host: '127.0.0.1', noDelay: true });
    this.#disturb(pair);
  }

  #disturb(pair: Pair): void {
    if (this.#trouble === 'away' || this.#trouble === 'reset') end(pair);
    if (this.#trouble === 'silent') pair.client.pause();
  }

  #hear(pair: Pair, bytes: Buffer): void {
    pair.heard += bytes.length;
    if (this.#trouble === 'garbage') {
      pair.client.write(GARBAGE);
      return;
    }
    if (this.#trouble === 'cut' && pair.heard > CUT_BYTES) {
      const rest = bytes.subarray(0, Math.max(0, bytes.length - (pair.heard - CUT_BYTES)));
      pair.server.write(rest, () => end(pair));
      return;
    }
    if (!pair.server.write(bytes)) {
      pair.client.pause();
      pair.server.once('drain', () => {
        if (this.#trouble !== 'silent') pair.client.resume();
      });
    }
  }

  #say(pair: Pair, bytes: Buffer): void {
    if (this.#trouble === 'deaf' || this.#trouble === 'garbage' || this.#trouble === 'silent') {
      return;
    }
    pair.said += bytes.length;
    if (this.#trouble === 'half-answer' && pair.said >= HALF_ANSWER_BYTES) {
      const rest = bytes.subarray(0, bytes.length - (pair.said - HALF_ANSWER_BYTES));
      pair.client.write(rest, () => end(pair));
      return;
    }
    pair.client.write(bytes);
  }
}

function end(pair: Pair): void {
  // Node never closes a socket that is reset after its end, and spins at its exit for ever.
  if (pair.client.writableEnded) pair.client.destroy();
  else pair.client.resetAndDestroy();
  pair.server.destroy();
}

/** Opens a line to a receiver. */
export async function openLine(options: LineOptions): Promise<Line> {
  const line = new NodeLine(options);
  await line.listen(options.port ?? 0);
  return line;
}
