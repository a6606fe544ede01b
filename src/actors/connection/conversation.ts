/**
 * What one connection holds: plan, link, peer, message in hand, the one deadline. All of it dies
 * with the process. The chart carries it as its context, effects change it, guards look at it.
 * Deliberately unknown here: which phase follows which; that is the chart's.
 */
import type { PathConfig } from '../../domain/options-path.ts';
import type { Reply } from '../../domain/reply.ts';
import { makeOwnReply, readReply } from '../../domain/reply.ts';
import type { Fault, Link, LinkSecured, Network } from '../../ports/ports.ts';
import type { TraceMeta } from '../../ports/smtp-trace.ts';
import type { Capabilities } from './capabilities.ts';
import { NO_CAPABILITIES } from './capabilities.ts';
import type { Candidate, ConnectionHost, ConnectionRequest } from './connection.ts';
import { maskSecrets } from './credentials.ts';
import type { Dialogue, HeardReply, Phase } from './dialogue.ts';
import type { FailedCandidate, FailedStage } from './ending.ts';
import type { Attempt } from './envelope.ts';
import { write } from './tracing.ts';
import type { ConnectionSignal } from './vocabulary.ts';

/** A signal's name. */
export type SignalType = ConnectionSignal['type'];

/** The held state of one connection. */
export interface Conversation {
  readonly network: Network;
  readonly host: ConnectionHost;
  readonly request: ConnectionRequest;
  /** Tells the chart; set when the chart has started. */
  signal: (type: SignalType) => void;

  // The plan and where it stands.
  plan: Candidate[];
  candidate: Candidate | undefined;
  /** The candidate that is to be spoken to without TLS after its handshake failed. */
  clearCandidate: Candidate | undefined;
  connectLeftMs: number;
  dialedAt: number;
  failed: FailedCandidate[];
  stage: FailedStage;

  // The link and the ear on it.
  link: Link | undefined;
  dialogue: Dialogue | undefined;
  replies: readonly HeardReply[];
  fault: Fault | undefined;
  /** The code that grants what was asked last. */
  grantCode: number;
  greeting: string;
  localAddress: string;
  localPort: number;
  /** Of a link through a proxy: how, and the address that the peer sees. */
  via: string | undefined;
  peer: Capabilities;
  isPlain: boolean;
  tls: LinkSecured | undefined;
  tlsFault: Fault | undefined;
  /** How often TLS failed so far, at whatever candidate. */
  tlsFailures: number;
  hasCredentialsSent: boolean;
  isParted: boolean;

  // The one deadline; Infinity when nothing is waited for.
  deadlineAt: number;
  waitMs: number;
  waitsFor: string;

  // The message in hand and the count of them.
  attempt: Attempt | undefined;
  isIdle: boolean;
  envelope: HeardReply[];
  bites: Buffer[][];
  isBodyWritten: boolean;
  /** A reply was of a kind that its command cannot get. */
  isGarbled: boolean;
  /** A transaction without a body stands at the peer. */
  isUnclean: boolean;
  bodyDueAt: number;
  /** Recipients refused as too many in the last transaction. */
  crowded: Set<string>;
  /** Recipients this peer takes in one transaction, as far as it is known. */
  recipientsMax: number;
  deliveries: number;
  deliveriesInAll: number;
  connectedOnce: boolean;
  /** What was last told of a message to those who watch. */
  traced: TraceMeta;
  isStopping: boolean;
  /** It ends because it was not let dial. */
  isDenied: boolean;
  isOver: boolean;
  cause: string;
}

/** A conversation before its first dial. */
export function makeConversation(
  network: Network,
  host: ConnectionHost,
  request: ConnectionRequest,
): Conversation {
  const { rest } = request;
  return {
    network,
    host,
    request,
    signal: () => {},
    plan: [...(rest?.plan ?? request.plan)],
    candidate: undefined,
    clearCandidate: rest?.clearCandidate,
    connectLeftMs: request.path.connect_timeout,
    dialedAt: 0,
    failed: [...(rest?.failed ?? [])],
    stage: 'dialing',
    link: undefined,
    dialogue: undefined,
    replies: [],
    fault: undefined,
    grantCode: 0,
    greeting: '',
    localAddress: '',
    localPort: 0,
    via: undefined,
    peer: NO_CAPABILITIES,
    isPlain: false,
    tls: undefined,
    tlsFault: rest?.tlsFault,
    tlsFailures: 0,
    hasCredentialsSent: false,
    isParted: false,
    deadlineAt: Number.POSITIVE_INFINITY,
    waitMs: 0,
    waitsFor: '',
    attempt: undefined,
    isIdle: false,
    envelope: [],
    bites: [],
    isBodyWritten: false,
    isGarbled: false,
    isUnclean: false,
    bodyDueAt: 0,
    crowded: new Set(),
    recipientsMax: request.path.max_recipients_per_batch,
    deliveries: 0,
    deliveriesInAll: 0,
    connectedOnce: rest?.connectedOnce ?? false,
    traced: {},
    isStopping: false,
    isDenied: false,
    isOver: false,
    cause: '',
  };
}

/** What TLS must do here: as the path says, or what a policy of the receiver makes of it. */
export function postureOf(held: Conversation): PathConfig['enable_tls'] {
  return held.request.enableTls ?? held.request.path.enable_tls;
}

/** Waits at most `waitMs` in all, however the answer drips in. */
export function waitFor(held: Conversation, waitMs: number, what: string): void {
  held.waitMs = waitMs;
  held.waitsFor = what;
  held.deadlineAt = held.host.steadyMs() + waitMs;
}

/** Sends `line` and expects one reply to it; `grantCode` is the good one. */
export function ask(
  held: Conversation,
  phase: Phase,
  line: string,
  grantCode: number,
  waitMs: number,
): void {
  held.grantCode = grantCode;
  held.replies = [];
  held.dialogue?.expect(phase, 1);
  waitFor(held, waitMs, `the answer to ${line.split(/[ \r]/, 1)[0] ?? ''}`);
  write(held, [line]);
}

/** Reads a reply; what it may echo of our credentials is masked. */
export function readMasked(held: Conversation, heard: HeardReply): Reply {
  return readReply(heard.code, maskSecrets(held, heard.text));
}

/** What went wrong, as the fault to be noted and the reply that the mail gets. */
export function troubleOf(
  held: Conversation,
  signal: SignalType,
): { readonly fault?: Fault; readonly reply: Reply } {
  if (signal === 'deadline.passed') {
    const cause = `timed out after ${held.waitMs} ms waiting for ${held.waitsFor}`;
    // Behind a proxy the time-out may be the proxy's, and then it is not the peer's.
    const stalled = held.link?.stalled?.();
    if (stalled === undefined) return synthetic('FAULT_LINK_TIMEOUT', held, cause);
    const text = `${cause}: ${stalled.cause}`;
    return { fault: { ...stalled, cause: text }, reply: makeOwnReply(421, '4.4.2', text) };
  }
  if (signal === 'abort.wanted') {
    return synthetic('FAULT_LINK_ENDED', held, `aborted here: ${held.cause}`);
  }
  if (held.fault !== undefined) {
    const what = signal === 'dialogue.broken' ? 'protocol violation' : 'connection lost';
    const text = `${what}, waiting for ${held.waitsFor}: ${held.fault.cause}`;
    return { fault: held.fault, reply: makeOwnReply(421, '4.4.2', text) };
  }
  const last = held.replies[held.replies.length - 1];
  if (last === undefined || (last.code < 400 && signal !== 'service.closed')) {
    const cause = `${held.waitsFor} was out of place`;
    return synthetic('FAULT_LINK_GARBLED', held, cause);
  }
  return { reply: readMasked(held, last) };
}

function synthetic(
  code: Fault['code'],
  held: Conversation,
  cause: string,
): { readonly fault: Fault; readonly reply: Reply } {
  return {
    fault: { code, where: whereOf(held), cause, retryable: true },
    reply: makeOwnReply(421, '4.4.2', cause),
  };
}

/** The address in use, as text. */
export function whereOf(held: Conversation): string {
  const { candidate } = held;
  if (candidate === undefined) return '';
  return candidate.path ?? `${candidate.address}:${candidate.port}`;
}
