/**
 * TLS on the way to an open peer: STARTTLS, the handshake, and what follows when they fail: the
 * next candidate, or the same one in clear where the path allows that. Also notes candidates that
 * failed of something else.
 * Deliberately unknown here: where the posture comes from; certificates, keys.
 */
import { makeReply } from '../../domain/reply.ts';
import type { Fault } from '../../ports/ports.ts';
import type { Conversation, SignalType } from './conversation.ts';
import { ask, postureOf, troubleOf, waitFor, whereOf } from './conversation.ts';
import type { FailedCandidate } from './ending.ts';
import { diagnose } from './tracing.ts';

const ADDRESS_LIKE = /^\[|:|^[\d.]+$/;
const IDENTITY: Fault['code'] = 'FAULT_TLS_IDENTITY';

/** Asks for TLS. */
export function sendUpgrade(held: Conversation): void {
  held.stage = 'securing';
  ask(held, 'upgrade', `STARTTLS\r\n`, 220, held.request.path.starttls_timeout);
}

/** Hands the link over to TLS. */
export function startHandshake(held: Conversation): void {
  const { identity } = held.request;
  const { starttls_timeout } = held.request.path;
  const posture = postureOf(held);
  const name = held.candidate?.name.replace(/\.$/, '') ?? '';
  waitFor(held, starttls_timeout, 'the TLS handshake');
  held.link?.secure({
    verify: posture === 'Opportunistic' || posture === 'Required',
    ...(identity === undefined || identity === 'unreadable' ? {} : { identity }),
    ...(name === '' || ADDRESS_LIKE.test(name) ? {} : { serverName: name }),
  });
}

/** Notes that the candidate is not used, and why. */
export function refuse(held: Conversation, cause: string, code?: Fault['code']): void {
  const { candidate, stage } = held;
  if (candidate === undefined) return;
  const fault = tlsFault(held, cause, code);
  noteFailed(held, { candidate, stage, fault, reply: makeReply(454, '4.7.0', cause) });
  held.cause = cause;
}

// Told before the next candidate is dialled, which the engine may not want any more.
function noteFailed(held: Conversation, failed: FailedCandidate): void {
  held.failed.push(failed);
  diagnose(held, 'ERROR', () => `${whereOf(held)} is given up: ${failed.reply.text}`);
  held.host.failed(held.request.id, failed);
}

function tlsFault(
  held: Conversation,
  cause: string,
  code: Fault['code'] = 'FAULT_TLS_HANDSHAKE',
): Fault {
  return { code, where: whereOf(held), cause, retryable: true };
}

/** Notes that the candidate cannot give the TLS that is required. */
export function refuseWithoutTls(held: Conversation): void {
  held.stage = 'securing';
  refuse(held, 'TLS is required and the peer does not offer STARTTLS');
}

/** Notes that our own certificate, or its key, cannot be read. */
export function refuseWithoutIdentity(held: Conversation): void {
  held.stage = 'securing';
  refuse(held, 'tls_certificate or tls_private_key of the path cannot be read', IDENTITY);
}

/** The peer refused STARTTLS and the path allows to go on without. */
export function goOnInClear(held: Conversation): void {
  held.clearCandidate = held.candidate;
  held.tlsFailures += 1;
  held.tlsFault = tlsFault(held, 'STARTTLS was refused');
}

/**
 * Puts the candidate back in front, to be spoken to in clear. The link is dialled anew: a socket
 * cannot be taken back from a failed handshake.
 */
export function retryInClear(held: Conversation, signal: SignalType): void {
  const { candidate } = held;
  if (candidate === undefined) return;
  held.tlsFault = troubleOf(held, signal).fault;
  noteFailure(held, signal);
  held.clearCandidate = candidate;
  held.plan.unshift(candidate);
}

/** Notes that the candidate failed, and of what. */
export function noteFailure(held: Conversation, signal: SignalType): void {
  const { candidate } = held;
  if (candidate === undefined) return;
  const trouble = troubleOf(held, signal);
  noteFailed(held, { candidate, stage: held.stage, ...trouble });
  held.cause = trouble.fault?.cause ?? trouble.reply.text;
  if (isTlsTrouble(held, signal)) held.tlsFailures += 1;
}

// What tells that TLS itself is broken there. Text in clear behind the reply to STARTTLS does not:
// whoever put it there must not have us speak in clear from then on.
function isTlsTrouble(held: Conversation, signal: SignalType): boolean {
  if (held.fault?.code === IDENTITY) return false;
  if (held.stage === 'introducing') return held.tls !== undefined;
  if (held.stage !== 'securing') return false;
  if (signal === 'upgrade.answered') {
    return (held.replies[0]?.code ?? 0) >= 400 && held.dialogue?.hasExcess === false;
  }
  return signal === 'link.lost' || signal === 'deadline.passed';
}
