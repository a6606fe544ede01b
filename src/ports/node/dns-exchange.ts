/**
 * One question to one server: over UDP from a fresh socket with a fresh id, sent again while no
 * answer comes, over TCP when the answer was truncated. What does not fit the question is passed
 * over, because anyone can send a datagram. It knows no other servers, no cache, no total deadline:
 * the caller ends it.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { FaultCode, Ms } from '../ports.ts';
import type { Question, Reading } from './dns-message.ts';
import { encodeQuery, readAnswer, UDP_ANSWER_BYTES_MAX } from './dns-message.ts';
import type { DnsServer } from './dns-system.ts';

/** A reading that settles the question. */
export type Settled = Extract<Reading, { kind: 'found' | 'alias' | 'absent' | 'nxdomain' }>;

/** How an exchange ended by itself. `isLocal`: the fault is this machine's, not the server's. */
export type ExchangeOutcome =
  | Settled
  | {
      readonly kind: 'failed';
      readonly code: FaultCode;
      readonly cause: string;
      readonly isLocal: boolean;
    };

/** An exchange under way. */
export interface Exchange {
  /** Ends it silently. */
  cancel(): void;
  /** The last thing passed over, for the text of a time-out. */
  findComplaint(): string | undefined;
}

/** The pause before a question without an answer is sent again. */
export const RESEND_AFTER_MS: Ms = 1500;
/** Answers that do not fit, after which the server, or who speaks for it, is given up. */
const IGNORED_ANSWERS_MAX = 64;
const TCP_LENGTH_BYTES = 2;

type Failed = Extract<ExchangeOutcome, { kind: 'failed' }>;

const failed = (code: FaultCode, cause: string, isLocal = false): Failed => ({
  kind: 'failed',
  code,
  cause,
  isLocal,
});

// A refused port says that no server listens there; anything else is trouble of our own.
const socketFailure = (error: NodeJS.ErrnoException): Failed => {
  const cause = error.code ?? error.message;
  return failed('FAULT_DNS_TIMEOUT', cause, cause !== 'ECONNREFUSED' && cause !== 'ECONNRESET');
};

const settleTcp = (reading: Reading): ExchangeOutcome => {
  if (reading.kind === 'refused') return failed('FAULT_DNS_SERVFAIL', reading.rcode);
  if (reading.kind === 'ignored') return failed('FAULT_DNS_MALFORMED', reading.why);
  if (reading.kind === 'truncated') {
    return failed('FAULT_DNS_MALFORMED', 'truncated over TCP as well');
  }
  return reading;
};

// RFC 7766 section 8: the query with a two-octet length before it, and the answer likewise.
const askByTcp = (
  question: Question,
  server: DnsServer,
  ended: (outcome: ExchangeOutcome) => void,
): (() => void) => {
  const id = randomInt(0x10000);
  const query = encodeQuery(question, id, true);
  const length = Buffer.alloc(TCP_LENGTH_BYTES);
  length.writeUInt16BE(query.length);
  const socket = connect({ host: server.address, port: server.port });
  let received = Buffer.alloc(0);
  let isOver = false;
  const finish = (outcome?: ExchangeOutcome): void => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    if (outcome !== undefined) ended(outcome);
  };
  const lose = (cause: string): void =>
    finish(failed('FAULT_DNS_SERVFAIL', `truncated, and over TCP ${cause}`));
  socket.on('connect', () => socket.write(Buffer.concat([length, query])));
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    if (received.length < TCP_LENGTH_BYTES) return;
    const end = TCP_LENGTH_BYTES + received.readUInt16BE(0);
    if (received.length < end) return;
    finish(settleTcp(readAnswer(received.subarray(TCP_LENGTH_BYTES, end), id, question)));
  });
  socket.on('error', (error: NodeJS.ErrnoException) => lose(error.code ?? error.message));
  socket.on('close', () => lose('the connection was closed'));
  return () => finish();
};

const readDatagram = (bytes: Buffer, id: number, question: Question): Reading =>
  bytes.length > UDP_ANSWER_BYTES_MAX
    ? { kind: 'ignored', why: 'the answer is longer than we take' }
    : readAnswer(bytes, id, question);

const isAboutEdns = (rcode: string): boolean => ['FORMERR', 'NOTIMP', 'BADVERS'].includes(rcode);

interface UdpListener {
  ready(): void;
  received(bytes: Buffer): void;
  lost(error: NodeJS.ErrnoException): void;
}

// A connected socket takes datagrams from this server and port only, and hears of a closed port.
const openUdp = (server: DnsServer, listener: UdpListener): Socket => {
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
  socket.on('message', (bytes) => listener.received(bytes));
  socket.on('error', (error) => listener.lost(error));
  socket.connect(server.port, server.address, () => listener.ready());
  return socket;
};

/** Asks; `ended` is called at most once, and not after `cancel`. */
export const startExchange = (
  question: Question,
  server: DnsServer,
  ended: (outcome: ExchangeOutcome) => void,
): Exchange => {
  const id = randomInt(0x10000);
  let hasEdns = true;
  let ignored = 0;
  let complaint: string | undefined;
  let cancelTcp: (() => void) | undefined;
  let isOver = false;
  let resend: NodeJS.Timeout | undefined;

  const socket = openUdp(server, {
    ready: () => {
      if (isOver) return;
      send();
      resend = setInterval(send, RESEND_AFTER_MS);
    },
    received: (bytes) => {
      if (!isOver && cancelTcp === undefined) judge(readDatagram(bytes, id, question));
    },
    lost: (error) => finish(socketFailure(error)),
  });
  function stop(): void {
    if (isOver) return;
    isOver = true;
    clearInterval(resend);
    cancelTcp?.();
    socket.close();
  }
  function finish(outcome: ExchangeOutcome): void {
    if (isOver) return;
    stop();
    ended(outcome);
  }
  function send(): void {
    if (cancelTcp === undefined) socket.send(encodeQuery(question, id, hasEdns));
  }
  function judge(reading: Reading): void {
    if (reading.kind === 'ignored') {
      complaint = reading.why;
      ignored += 1;
      if (ignored >= IGNORED_ANSWERS_MAX) finish(failed('FAULT_DNS_MALFORMED', reading.why));
    } else if (reading.kind === 'truncated') {
      cancelTcp = askByTcp(question, server, (outcome) => finish(outcome));
    } else if (reading.kind !== 'refused') {
      finish(reading);
    } else if (hasEdns && isAboutEdns(reading.rcode)) {
      // RFC 6891 section 7: a server that knows no EDNS is asked once more without.
      hasEdns = false;
      send();
    } else {
      finish(failed('FAULT_DNS_SERVFAIL', reading.rcode));
    }
  }
  return { cancel: stop, findComplaint: () => complaint };
};
