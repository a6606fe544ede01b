/**
 * The world as interfaces: everything the engine may touch that is not memory.
 * Production (`ports/node`), the simulated world (`test/world`) and the tests differ only in the
 * object they pass; the engine cannot tell. Ports answer by the callback given at the call or at
 * opening, never by a promise, and the engine turns each answer into an input of its inbox.
 * Deliberately unknown here: mail, queues, SMTP, SQLite, sockets.
 */
import type { PolicyFetch, Resolver } from './names.ts';

import type { ProxyRoute } from './proxy-route.ts';
import type { Quotas } from './quotas.ts';
import type { SmtpTrace } from './smtp-trace.ts';

/** A span in milliseconds. */
export type Ms = number;
/** A point in time: milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type At = number;

/** The closed union of ways in which the world misbehaves. */
export type FaultCode =
  | 'FAULT_LINK_REFUSED'
  | 'FAULT_LINK_UNREACHABLE'
  | 'FAULT_LINK_TIMEOUT'
  | 'FAULT_LINK_RESET'
  | 'FAULT_LINK_ENDED'
  | 'FAULT_LINK_GARBLED'
  | 'FAULT_LINK_BIND'
  | 'FAULT_LINK_UNPLUMBED'
  | 'FAULT_PROXY_UNREACHABLE'
  | 'FAULT_PROXY_HANDSHAKE'
  | 'FAULT_PROXY_UNPLUMBED'
  | 'FAULT_PROXY_TARGET'
  | 'FAULT_TLS_HANDSHAKE'
  | 'FAULT_TLS_CERTIFICATE'
  | 'FAULT_TLS_IDENTITY'
  | 'FAULT_DNS_NXDOMAIN'
  | 'FAULT_DNS_SERVFAIL'
  | 'FAULT_DNS_TIMEOUT'
  | 'FAULT_DNS_MALFORMED'
  | 'FAULT_HTTP_ANSWER'
  | 'FAULT_STS_NO_HOST'
  | 'FAULT_DISK_FULL'
  | 'FAULT_DISK_IO'
  | 'FAULT_BODY_DAMAGED'
  | 'FAULT_BODY_MISSING'
  | 'FAULT_LOG_UNWRITABLE'
  | 'FAULT_OVERLOADED';

/** One misbehaviour of the world, made by the adapter that met it. */
export interface Fault {
  readonly code: FaultCode;
  /** What was touched: an address, a file relative to the data directory, a name. */
  readonly where: string;
  /** What the platform said, in one line, with control characters removed. */
  readonly cause: string;
  readonly retryable: boolean;
}

/** Tells a fault from an answer. */
export const isFault = (value: unknown): value is Fault =>
  typeof value === 'object' && value !== null && 'code' in value && 'retryable' in value;

/** Time, and the one alarm of the engine. */
export interface Clock {
  /** Wall time. Never runs backwards within a process, whatever the system clock does. */
  now(): At;
  /** A steady reading for measuring spans; its origin means nothing. */
  steadyMs(): Ms;
  /** Arms the one alarm, replacing the one before; spans are clamped to what a timer can hold. */
  arm(waitMs: Ms, ring: () => void): void;
  disarm(): void;
  /** Runs `task` after what is happening now has finished (one turn of the event loop). */
  soon(task: () => void): void;
}

/** Chance, from one seed. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
}

/** Where a link goes to. Exactly one of `address` and `path` is used. */
export interface DialRequest {
  /** IP address, without brackets. */
  readonly address: string;
  readonly port: number;
  /** Unix socket path; wins over `address` when given. */
  readonly path?: string;
  /** Local address to bind to before connecting, also on the way to a proxy. */
  readonly localAddress?: string;
  /** Goes through this proxy; not with `path`, which is of this machine. */
  readonly proxy?: ProxyRoute;
  /**
   * How long the caller means to wait, ms; whoever dials shares it among the addresses of a proxy.
   * It is no deadline: the caller destroys the link when it waited long enough.
   */
  readonly patienceMs?: Ms;
}

/** Our end of an opened link: through a proxy, the end that the peer sees, as the proxy says. */
export interface LinkOpened {
  readonly localAddress: string;
  readonly localPort: number;
  /** How the proxy was spoken to; absent without one. */
  readonly protocol?: ProxyRoute['kind'];
}

/** What we show to a peer that asks who we are: PEM texts. */
export interface TlsIdentity {
  /** Our certificate, with those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
}

/** What a TLS handshake is to demand. */
export interface TlsRequest {
  /** Name for SNI and for the certificate check; undefined where the peer has only an address. */
  readonly serverName?: string;
  /** False accepts any certificate (opportunistic insecure modes). */
  readonly verify: boolean;
  /** FAULT_TLS_IDENTITY when it cannot be used. */
  readonly identity?: TlsIdentity;
}

/** What a TLS handshake came to. */
export interface LinkSecured {
  readonly protocol: string;
  readonly cipher: string;
  /** True when the certificate was checked and is valid for the server name. */
  readonly authorized: boolean;
  readonly peerSubject: string;
}

/** What a link tells. After `lost` it is silent; `lost` comes exactly once. */
export interface LinkListener {
  opened(info: LinkOpened): void;
  received(bytes: Buffer): void;
  /** Everything written has left; comes only after a `write` that answered false. */
  drained(): void;
  secured(info: LinkSecured): void;
  lost(fault: Fault): void;
}

/** One connection to a peer. */
export interface Link {
  /** Hands bytes over in one system write; false means: wait for `drained`. */
  write(chunks: readonly (Buffer | string)[]): boolean;
  /** Starts the TLS handshake as client; no byte may have come in clear (RFC 3207 section 6). */
  secure(request: TlsRequest): void;
  /** Flushes what was written, then closes; `lost` does not follow. */
  end(): void;
  /** Closes at once; `lost` does not follow. */
  destroy(): void;
  /**
   * What it would be lost of if it were given up now, while a proxy still stands in the way;
   * undefined once it is open, and without a proxy.
   */
  stalled?(): Fault | undefined;
}

/** The way out: links to peers. */
export interface Network {
  /** The answer comes through the listener, never before `dial` returns. */
  dial(request: DialRequest, listener: LinkListener): Link;
}

export type {
  AddressAnswer,
  IpLookupStrategy,
  MxAnswer,
  MxRecord,
  PolicyFetch,
  Resolver,
  TxtAnswer,
} from './names.ts';

/** Where a body lies. `sum` is the CRC-32 of its bytes. */
export interface BodyRef {
  readonly segment: number;
  /** Byte offset of the body's record in its segment. */
  readonly offset: number;
  readonly length: number;
  readonly sum: number;
}

/** Message bodies, apart from events: the message as it goes on the wire, dots not stuffed. */
export interface Bodies {
  /**
   * Stores a body and answers once it is durable; the chunks must not change until then. `header`
   * is a JSON text kept beside the bytes (the envelopes), so that a damaged log can be mended from
   * the bodies. The answer carries one reference; its owner gives it back by `refer(…, -1, …)`.
   * Bodies that are handed over one after the other need not be answered in that order.
   * FAULT_DISK_FULL, FAULT_OVERLOADED: nothing was kept. FAULT_DISK_IO: outcome unknown.
   * With `mayDefer` it may stay in memory, which its segment then tells (deferred-place.ts); its
   * chunks must not change any more, and `move` makes it durable.
   */
  write(
    header: string,
    chunks: readonly Buffer[],
    answered: (outcome: BodyRef | Fault) => void,
    mayDefer?: boolean,
  ): void;
  /** Reads and checks the sum; FAULT_BODY_DAMAGED or FAULT_BODY_MISSING otherwise. */
  read(ref: BodyRef, answered: (outcome: Buffer | Fault) => void): void;
  /**
   * Counts references to one body of `bodyBytes` bytes: a sealed segment without any is recycled. A
   * negative `by` may only follow the durable commit of the event that lets the body go.
   */
  refer(segment: number, by: number, bodyBytes: number): void;
}

/** One event on its way into the log: `body` is JSON text. */
export interface RecordDraft {
  readonly stream: string;
  readonly type: string;
  readonly version: number;
  readonly body: string;
}

/** All events of one turn: one transaction. Positions run on without gaps from `position`. */
export interface TurnBatch {
  readonly turn: number;
  readonly at: At;
  readonly position: number;
  readonly drafts: readonly RecordDraft[];
}

/** An event as stored. */
export interface StoredRecord extends RecordDraft {
  readonly position: number;
  readonly turn: number;
  readonly at: At;
  /** Proof of its past, 32 hex digits, where it was read back by itself. */
  readonly chain?: string;
}

/** What the log tells its writer. Turns become durable strictly in order. */
export interface LogListener {
  durable(turn: number, commitMs: Ms): void;
  /**
   * FAULT_DISK_FULL: that turn and those after it are kept back and tried again by the log itself;
   * `durable` follows when space returned. Any other fault: the outcome is unknown, the process
   * must end.
   */
  failed(fault: Fault): void;
  /** Whether new mail may come in; without room, what space is left belongs to outcomes. */
  room?(hasRoom: boolean): void;
}

/** The event log, as its one writer sees it. */
export interface Log {
  append(batch: TurnBatch): void;
  /** Reads single records back; a damaged or missing one is undefined. */
  read(
    positions: readonly number[],
    answered: (records: readonly (StoredRecord | undefined)[]) => void,
  ): void;
  /** Stores a picture of the books as of `position`; answers when it is durable or failed. */
  saveSnapshot(position: number, bytes: Uint8Array, answered: (fault?: Fault) => void): void;
  /** The lowest position still needed by a living message or a reader; older segments may go. */
  releaseBefore(position: number): void;
  /** Commits what was appended, checkpoints and closes. */
  close(answered: () => void): void;
}

/** What bodies that are not written yet take of memory. */
export interface DeferredUsage {
  readonly bodies: number;
  readonly bytes: number;
}

/** The body store as the engine holds it: it also keeps the store compact. */
export interface EngineBodies extends Bodies {
  /** Sealed segments that are mostly dead, emptiest first; none while the disk bound holds. */
  sparse(): readonly { readonly segment: number }[];
  /** Writes a living body anew, like `write`; the old reference stays until it is given back. */
  move(ref: BodyRef, answered: (outcome: BodyRef | Fault) => void): void;
  /** Reads the header kept beside a body; a fault when it cannot be trusted. */
  readHeader(ref: BodyRef, answered: (outcome: string | Fault) => void): void;
  /** Bodies in memory only; absent where none ever is. */
  deferred?(): DeferredUsage;
}

/** The world, as the engine gets it. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly log: Log;
  readonly bodies: EngineBodies;
  /** Without it no MTA-STS policy is looked for. */
  readonly policyFetch?: PolicyFetch;
  readonly quotas: Quotas;
  /** Shows our conversations to those who watch; absent: nobody ever does. */
  readonly clientTrace?: SmtpTrace;
}
