/**
 * From the plan to an open peer: dialling, greeting, introduction, login; for TLS see securing.ts.
 * Each effect asks one question and sets the deadline for it.
 * Deliberately unknown here: messages; which phase follows which.
 */
import type { Fault, LinkListener } from '../../ports/ports.ts';
import { NO_CAPABILITIES, readCapabilities } from './capabilities.ts';
import type { PeerInfo } from './connection.ts';
import type { Conversation, SignalType } from './conversation.ts';
import { ask, waitFor, whereOf } from './conversation.ts';
import { credentialsOf } from './credentials.ts';
import { requestFor, viaOf } from './dialing.ts';
import type { HeardReply, Phase } from './dialogue.ts';
import { Dialogue } from './dialogue.ts';
import { refuse } from './securing.ts';
import { diagnose, tell, tellRead } from './tracing.ts';
import { continueEnvelope, hearEnvelope, hearVerdicts } from './transaction.ts';

/** The least time one candidate gets to connect, while the path has as much left. */
const DIAL_MS_MIN = 1_000;
const ANSWERED = {
  greeting: 'greeting.answered',
  introduction: 'introduction.answered',
  upgrade: 'upgrade.answered',
  authentication: 'authentication.answered',
  envelope: 'envelope.answered',
  body: 'body.answered',
  reset: 'reset.answered',
  parting: 'parting.answered',
} as const satisfies Record<Phase, SignalType>;

/** Asks the engine, which counts new links, whether to dial. */
export function askToDial(held: Conversation): void {
  waitFor(held, held.request.path.idle_timeout, 'leave to dial');
  held.host.wantsDial?.(held.request.id);
}

/** Opens a link to the next candidate of the plan. */
export function dialCandidate(held: Conversation): void {
  const candidate = held.plan.shift();
  if (candidate === undefined) return;
  held.candidate = candidate;
  held.stage = 'dialing';
  held.fault = undefined;
  held.replies = [];
  forgetPeer(held);
  held.tlsFault = held.clearCandidate === candidate ? held.tlsFault : undefined;
  held.dialedAt = held.host.steadyMs();
  // All candidates share the path's time; what the fast failures leave falls to the others.
  const share = held.connectLeftMs / (held.plan.length + 1);
  waitFor(held, Math.max(share, Math.min(DIAL_MS_MIN, held.connectLeftMs)), 'a connection');
  diagnose(held, 'INFO', () => `connecting to ${candidate.name} (${whereOf(held)})`);
  openEar(held);
  held.link = held.network.dial(requestFor(held.request, candidate, held.waitMs), listenFor(held));
}

function forgetPeer(held: Conversation): void {
  held.peer = NO_CAPABILITIES;
  held.isPlain = false;
  held.tls = undefined;
  held.greeting = '';
  held.hasCredentialsSent = false;
  held.isParted = false;
  held.deliveries = 0;
  held.crowded.clear();
  held.recipientsMax = held.request.path.max_recipients_per_batch;
}

function listenFor(held: Conversation): LinkListener {
  return {
    opened(info) {
      held.localAddress = info.localAddress;
      held.localPort = info.localPort;
      held.via = viaOf(info);
      held.connectLeftMs -= held.host.steadyMs() - held.dialedAt;
      tell(held, 'Connected');
      held.signal('link.opened');
    },
    received(bytes) {
      tellRead(held, bytes);
      held.dialogue?.receive(bytes);
    },
    drained() {
      held.signal('body.drained');
    },
    secured(info) {
      held.tls = info;
      diagnose(held, 'INFO', () => `TLS: ${info.protocol} ${info.cipher}`);
      held.signal('link.secured');
    },
    lost(fault) {
      if (held.stage === 'dialing') {
        held.connectLeftMs -= held.host.steadyMs() - held.dialedAt;
      }
      held.link = undefined;
      held.fault = fault;
      diagnose(held, 'ERROR', () => fault.cause);
      tell(held, 'Closed');
      held.signal('link.lost');
    },
  };
}

// One ear per link and, after STARTTLS, a new one: nothing said in clear is remembered.
function openEar(held: Conversation): void {
  held.dialogue?.deafen();
  held.dialogue = new Dialogue({
    continued: (phase, replies) => {
      held.replies = replies;
      if (phase === 'envelope') continueEnvelope(held, replies);
      else waitFor(held, held.waitMs, held.waitsFor);
    },
    answered: (phase, replies) => hearPhase(held, phase, replies),
    closing: (_phase, replies) => {
      held.replies = replies;
      held.signal('service.closed');
    },
    broken: (how, quote) => {
      held.fault = garbled(held, how, quote);
      held.signal('dialogue.broken');
    },
  });
}

function hearPhase(held: Conversation, phase: Phase, replies: readonly HeardReply[]): void {
  held.replies = replies;
  if (phase === 'envelope') {
    if (!hearEnvelope(held, replies)) return;
  } else if (phase === 'body') {
    hearVerdicts(held, replies);
  } else if (phase === 'introduction') {
    hearIntroduction(held, replies[0] as HeardReply);
  } else if (phase === 'greeting') {
    held.greeting = replies[0]?.text.split(/[ \n]/, 1)[0] ?? '';
  }
  held.signal(ANSWERED[phase]);
}

function hearIntroduction(held: Conversation, reply: HeardReply): void {
  const peer = readCapabilities(reply.text);
  const isKnown = !held.isPlain && reply.code === held.grantCode;
  held.peer = isKnown ? peer : { ...NO_CAPABILITIES, domain: peer.domain };
  if (held.peer.smtpUtf8) held.dialogue?.allowUtf8();
}

function garbled(held: Conversation, how: string, quote: string): Fault {
  // Masking could miss a credential that is cut or escaped in a quote, so none is given.
  const said = held.hasCredentialsSent ? '' : `: ${quote}`;
  return {
    code: 'FAULT_LINK_GARBLED',
    where: whereOf(held),
    cause: `${how}${said}`,
    retryable: true,
  };
}

/** Waits for the peer to speak first. */
export function awaitGreeting(held: Conversation): void {
  held.stage = 'greeting';
  held.grantCode = 220;
  held.dialogue?.expect('greeting', 1);
  waitFor(held, held.request.path.banner_timeout, 'the greeting');
}

/** Sends EHLO or LHLO; after TLS all that was said before is forgotten. */
export function sendIntroduction(held: Conversation): void {
  held.stage = 'introducing';
  held.isPlain = false;
  held.peer = NO_CAPABILITIES;
  if (held.tls !== undefined) openEar(held);
  const verb = held.request.path.use_lmtp ? 'LHLO' : 'EHLO';
  introduce(held, verb);
}

/** Sends HELO: a server that does not know EHLO may know that (RFC 5321 section 3.2). */
export function sendPlainIntroduction(held: Conversation): void {
  held.isPlain = true;
  introduce(held, 'HELO');
}

function introduce(held: Conversation, verb: string): void {
  const { ehloName, path } = held.request;
  ask(held, 'introduction', `${verb} ${ehloName}\r\n`, 250, path.ehlo_timeout);
}

/** Logs in with AUTH PLAIN (RFC 4954 section 4, initial response). */
export function sendCredentials(held: Conversation): void {
  held.stage = 'authenticating';
  held.hasCredentialsSent = true;
  const line = `AUTH PLAIN ${credentialsOf(held)}\r\n`;
  ask(held, 'authentication', line, 235, held.request.path.auth_timeout);
}

/** Notes that the login is impossible or would give the credentials away. */
export function refuseWithoutLogin(held: Conversation): void {
  held.stage = 'authenticating';
  const { authPassword } = held.request;
  if (authPassword === undefined) refuse(held, 'a user name is set for AUTH, and no password');
  else if (!held.peer.authPlain) refuse(held, 'AUTH is required and the peer does not offer PLAIN');
  else refuse(held, 'credentials are withheld: TLS with a valid certificate is missing');
}

/** Tells the engine who is at the other end. */
export function tellOpened(held: Conversation): void {
  const { candidate, tls } = held;
  if (candidate === undefined) return;
  held.stage = 'open';
  held.connectedOnce = true;
  held.connectLeftMs = held.request.path.connect_timeout;
  const peer: PeerInfo = {
    name: candidate.name,
    address: candidate.address,
    port: candidate.port,
    localAddress: held.localAddress,
    localPort: held.localPort,
    ...(held.via === undefined ? {} : { via: held.via }),
    greeting: held.greeting,
    domain: held.peer.domain,
    ...(held.tlsFault === undefined ? {} : { tlsFault: held.tlsFault }),
    ...(held.tlsFailures === 0 ? {} : { tlsFailures: held.tlsFailures }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            protocol: tls.protocol,
            cipher: tls.cipher,
            authorized: tls.authorized,
            subject: tls.peerSubject,
          },
        }),
  };
  held.host.opened(held.request.id, peer);
}
