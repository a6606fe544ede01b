/**
 * The questions the chart asks before it moves, answered from the held conversation.
 * Each is one sentence about what is held; none changes anything.
 * Deliberately unknown here: which phase asks which question.
 */
import type { Conversation } from './conversation.ts';
import { postureOf } from './conversation.ts';
import { START_OF_BODY } from './envelope.ts';
import { countBytes, WHOLE_BYTES_MAX } from './stuffing.ts';

interface Scene {
  readonly context: { readonly held: Conversation };
  readonly event: { readonly type: string };
}

const codeOf = (held: Conversation): number => held.replies[0]?.code ?? 0;

function wasGranted(held: Conversation): boolean {
  return codeOf(held) === held.grantCode && held.dialogue?.hasExcess === false;
}

function isTlsWanted(held: Conversation): boolean {
  const posture = postureOf(held);
  if (posture === 'Disabled' || held.tls !== undefined) return false;
  if (held.clearCandidate === held.candidate) return false;
  if (posture === 'Required' || posture === 'RequiredInsecure') return true;
  return held.request.isTlsBroken !== true;
}

function isTlsRequired(held: Conversation): boolean {
  const posture = postureOf(held);
  return posture === 'Required' || posture === 'RequiredInsecure';
}

function isLoginWanted(held: Conversation): boolean {
  return held.request.path.smtp_auth_plain_username !== undefined;
}

function mayLogIn(held: Conversation): boolean {
  const { path, authPassword } = held.request;
  const posture = postureOf(held);
  if (authPassword === undefined || !held.peer.authPlain) return false;
  if (held.tls === undefined) return path.allow_smtp_auth_plain_without_tls;
  // A certificate that nobody asked about counts as unchecked.
  const wasChecked = posture === 'Opportunistic' || posture === 'Required';
  const isTrusted = wasChecked && held.tls.authorized;
  return isTrusted || path.allow_smtp_auth_plain_without_valid_certificate;
}

function isSpent(held: Conversation): boolean {
  const { path } = held.request;
  if (held.isStopping || held.deliveries >= path.max_deliveries_per_connection) return true;
  return held.dialogue?.hasExcess === true || (held.isUnclean && !path.enable_rset);
}

function mustAskToDial(held: Conversation): boolean {
  if (held.plan.length === 0 || !held.host.mayDial(held.request.id)) return false;
  return held.request.asksToDial?.() === true;
}

function mayRetryInClear(held: Conversation): boolean {
  // Our own certificate failed, not the peer's TLS: clear text would hide the mistake.
  if (held.fault?.code === 'FAULT_TLS_IDENTITY') return false;
  const posture = postureOf(held);
  if (posture === 'OpportunisticInsecure') return true;
  const { opportunistic_tls_reconnect_on_failed_handshake: mayReconnect } = held.request.path;
  return posture === 'Opportunistic' && mayReconnect;
}

/** The guards by the names of the chart. */
export const guards = {
  isGranted: ({ context: { held } }: Scene) => wasGranted(held),
  // An answered body counts though more was said after it; an unanswered command does not.
  isSpoiled: ({ context: { held }, event }: Scene) =>
    held.isGarbled || (event.type !== 'body.answered' && held.dialogue?.hasExcess === true),
  isCutShort: ({ context: { held } }: Scene) => held.attempt?.isDotWritten !== true,
  canIntroducePlainly: ({ context: { held } }: Scene) =>
    !held.isPlain && !held.request.path.use_lmtp && codeOf(held) >= 500,
  lacksTls: ({ context: { held } }: Scene) =>
    wasGranted(held) && isTlsRequired(held) && held.tls === undefined && !held.peer.startTls,
  lacksIdentity: ({ context: { held } }: Scene) =>
    wasGranted(held) &&
    held.peer.startTls &&
    isTlsWanted(held) &&
    held.request.identity === 'unreadable',
  wantsTls: ({ context: { held } }: Scene) =>
    wasGranted(held) && held.peer.startTls && isTlsWanted(held),
  lacksLogin: ({ context: { held } }: Scene) =>
    wasGranted(held) && isLoginWanted(held) && !mayLogIn(held),
  wantsLogin: ({ context: { held } }: Scene) => wasGranted(held) && isLoginWanted(held),
  mayGoOnInClear: ({ context: { held } }: Scene) =>
    mayRetryInClear(held) && codeOf(held) >= 400 && held.dialogue?.hasExcess === false,
  mayRetryInClear: ({ context: { held } }: Scene) => mayRetryInClear(held),
  mayRetryAfterTls: ({ context: { held } }: Scene) =>
    held.tls !== undefined && mayRetryInClear(held),
  isUnsayable: ({ context: { held } }: Scene) => held.attempt?.said.length === 0,
  isForNobody: ({ context: { held } }: Scene) =>
    held.attempt?.dataCode === START_OF_BODY && held.attempt.accepted.length === 0,
  isTurnedDown: ({ context: { held } }: Scene) => held.attempt?.dataCode !== START_OF_BODY,
  isReleased: ({ context: { held } }: Scene) => held.attempt?.isReleased === true,
  isReleasedWhole: ({ context: { held } }: Scene) =>
    held.attempt?.isReleased === true && countBytes(held.attempt.body) <= WHOLE_BYTES_MAX,
  isWritten: ({ context: { held } }: Scene) => held.isBodyWritten,
  isSpent: ({ context: { held } }: Scene) => isSpent(held),
  isUnclean: ({ context: { held } }: Scene) => held.isUnclean,
  mustAskToDial: ({ context: { held } }: Scene) => mustAskToDial(held),
  hasCandidate: ({ context: { held } }: Scene) =>
    held.plan.length > 0 && held.host.mayDial(held.request.id),
};
