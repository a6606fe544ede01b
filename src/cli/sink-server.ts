/**
 * The sink as a value: listens, hands connections to sessions, keeps the record, and stops cleanly.
 * Used by the `sink` command, by tests, and wherever a receiver is wanted inside a process. Knows
 * nothing of terminals.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createRandom } from '../domain/prng.ts';
import type { Place } from './arguments.ts';
import { LineRecord } from './line-record.ts';
import type { Copy } from './sink-copy.ts';
import { describeCopy } from './sink-copy.ts';
import type { FateShares, Stage } from './sink-fates.ts';
import { Fates } from './sink-fates.ts';
import { SinkSession } from './sink-session.ts';
import type { Ending, SinkCounts, SinkWorld } from './sink-world.ts';

/** The SMTP extensions that the sink can leave out. */
export const EXTENSIONS = ['pipelining', '8bitmime', 'smtputf8', 'size'] as const;
/** One of EXTENSIONS. */
export type Extension = (typeof EXTENSIONS)[number];

/** How a sink is to behave; everything has a default. */
export interface SinkOptions extends FateShares {
  /** Default: an ephemeral port on the loopback. */
  readonly listen?: Place;
  readonly seed?: number;
  readonly recordFile?: string;
  /** Called for each complete message, with its bytes as they came over the wire. */
  readonly onCopy?: (copy: Copy, ending: Ending, wire: Buffer) => void;
  readonly isLmtp?: boolean;
  readonly without?: readonly Extension[];
  readonly sizeMax?: number;
  readonly perConnection?: number;
  /** `done` resolves after this many accepted messages. */
  readonly count?: number;
  /** The record cannot be written; without this the error is thrown. */
  readonly onRecordFailed?: (error: Error) => void;
}

/** A sink that listens. */
export interface RunningSink {
  /** Host name or address; the path for a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly done: Promise<void>;
  counts(): Readonly<SinkCounts>;
  /** Closes everything and writes the record to its end. */
  stop(): Promise<void>;
}

const SIZE_MAX = 64 * 1024 * 1024;
const BACKLOG = 1024;

const noCounts = (): SinkCounts => ({
  connections: 0,
  connectionsOpen: 0,
  messages: 0,
  recipients: 0,
  bytes: 0,
  deferred: 0,
  refused: 0,
  dropped: 0,
  hung: 0,
  delayed: 0,
  protocolErrors: 0,
});

const formatEhlo = (without: readonly Extension[], sizeMax: number): string => {
  const offers = ['sink.test', 'ENHANCEDSTATUSCODES'];
  for (const extension of EXTENSIONS) {
    if (without.includes(extension)) continue;
    offers.push(extension === 'size' ? `SIZE ${sizeMax}` : extension.toUpperCase());
  }
  const last = offers.length - 1;
  return offers.map((offer, i) => `250${i === last ? ' ' : '-'}${offer}`).join('\r\n');
};

const throwLater = (error: Error): void => {
  throw error;
};

/** Who is told about copies: the record, the caller's function, and the count. */
const makeWorld = (
  options: SinkOptions,
  record: LineRecord | undefined,
  reached: () => void,
): SinkWorld => {
  const { onCopy, count = Number.POSITIVE_INFINITY } = options;
  const sizeMax = options.sizeMax ?? SIZE_MAX;
  const counts = noCounts();
  const wantsCopies = record !== undefined || onCopy !== undefined;
  return {
    counts,
    fates: new Fates(options, createRandom(options.seed ?? 1)),
    isLmtp: options.isLmtp ?? false,
    ehloReply: formatEhlo(options.without ?? [], sizeMax),
    sizeMax,
    perConnection: options.perConnection ?? 0,
    wantsCopies,
    took: (ending: Ending, chunks, from: string, to) => {
      if (counts.messages >= count) reached();
      if (!wantsCopies) return;
      const received = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      // The dot and its CRLF end the message, the CRLF before belongs to it.
      const wire = received.subarray(0, received.length - 3);
      const copy = describeCopy(wire, from, to);
      record?.push(JSON.stringify({ kind: ending, at: Date.now(), ...copy }));
      onCopy?.(copy, ending, wire);
    },
    turnedAway: (stage: Stage, reply: string, from: string, to) => {
      if (record === undefined) return;
      const line = {
        kind: 'refused',
        at: Date.now(),
        stage,
        code: Number(reply.slice(0, 3)),
        from,
      };
      for (const one of to) record.push(JSON.stringify({ ...line, to: [one] }));
    },
  };
};

const listen = (server: Server, place: Place): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });

/** Starts a sink; rejects with the system's error when it cannot listen or write. */
export const startSink = async (options: SinkOptions = {}): Promise<RunningSink> => {
  const place = options.listen ?? { host: '127.0.0.1', port: 0 };
  const record =
    options.recordFile === undefined
      ? undefined
      : new LineRecord(options.recordFile, false, options.onRecordFailed ?? throwLater);
  let reached = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const world = makeWorld(options, record, () => reached());
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    world.counts.connections += 1;
    world.counts.connectionsOpen += 1;
    socket.once('close', () => {
      sockets.delete(socket);
      world.counts.connectionsOpen -= 1;
    });
    new SinkSession(socket, world);
  });
  await listen(server, place);
  const bound = server.address() as AddressInfo | string;
  return {
    address: typeof bound === 'string' ? bound : bound.address,
    port: typeof bound === 'string' ? 0 : bound.port,
    done,
    counts: () => ({ ...world.counts }),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroySoon();
      await new Promise((resolve) => setImmediate(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await record?.close();
    },
  };
};
