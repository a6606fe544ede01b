/**
 * The hands of the chart: the table of effects by name, and those effects that end a conversation.
 * How a peer is reached stands in reaching.ts, how a message crosses in transaction.ts.
 * Deliberately unknown here: which phase follows which; queues, retries, the log.
 */
import type { Conversation, SignalType } from './conversation.ts';
import { ask, troubleOf } from './conversation.ts';
import { restOf } from './ending.ts';
import {
  askToDial,
  awaitGreeting,
  dialCandidate,
  refuseWithoutLogin,
  sendCredentials,
  sendIntroduction,
  sendPlainIntroduction,
  tellOpened,
} from './reaching.ts';
import {
  goOnInClear,
  noteFailure,
  refuseWithoutIdentity,
  refuseWithoutTls,
  retryInClear,
  sendUpgrade,
  startHandshake,
} from './securing.ts';
import { finishAttempt, settle, settleBroken, settleUnsent } from './settling.ts';
import { tell } from './tracing.ts';
import {
  awaitBody,
  awaitVerdict,
  sendBody,
  sendEnvelope,
  sendLoneDot,
  sendMore,
  sendWhole,
  tellIdle,
} from './transaction.ts';

/** How long the farewell is waited for. */
export const PARTING_MS = 2_000;

interface Scene {
  readonly context: { readonly held: Conversation };
  readonly event: { readonly type: string };
}

function noteIdleEnd(held: Conversation, signal: SignalType): void {
  held.isIdle = false;
  held.cause = troubleOf(held, signal).reply.text;
}

function noteStop(held: Conversation): void {
  held.cause = 'stopped';
}

function noteDenial(held: Conversation): void {
  held.isDenied = true;
  held.cause = 'not let dial: new links have a rate';
}

function sendReset(held: Conversation): void {
  held.isUnclean = false;
  ask(held, 'reset', 'RSET\r\n', 250, held.request.path.rset_timeout);
}

function sendParting(held: Conversation, signal: SignalType): void {
  held.isIdle = false;
  held.isParted = true;
  if (held.isStopping) held.cause = 'stopped';
  else held.cause = signal === 'deadline.passed' ? 'idle' : 'spent';
  held.host.parting(held.request.id);
  ask(held, 'parting', 'QUIT\r\n', 221, PARTING_MS);
}

function dropLink(held: Conversation): void {
  const { link } = held;
  held.isIdle = false;
  held.deadlineAt = Number.POSITIVE_INFINITY;
  held.dialogue?.deafen();
  held.link = undefined;
  if (link === undefined) return;
  tell(held, 'Closed');
  // After QUIT the link ends politely (a TLS close); any other way it is cut.
  if (held.isParted) link.end();
  else link.destroy();
}

function tellEnded(held: Conversation): void {
  held.isOver = true;
  finishAttempt(held);
  const rest = restOf(held);
  held.host.ended(held.request.id, {
    attempts: held.failed,
    connectedOnce: held.connectedOnce,
    deliveries: held.deliveriesInAll,
    cause: held.cause,
    tlsFailures: held.tlsFailures,
    ...(rest === undefined ? {} : { rest }),
  });
}

type Effect = (held: Conversation, signal: SignalType) => void;

// Made once for all connections: no closure per signal.
const hand =
  (effect: Effect) =>
  ({ context, event }: Scene): void =>
    effect(context.held, event.type as SignalType);

/** The effects by the names of the chart. */
export const actions = {
  askToDial: hand(askToDial),
  dialCandidate: hand(dialCandidate),
  awaitGreeting: hand(awaitGreeting),
  sendIntroduction: hand(sendIntroduction),
  sendPlainIntroduction: hand(sendPlainIntroduction),
  sendUpgrade: hand(sendUpgrade),
  startHandshake: hand(startHandshake),
  sendCredentials: hand(sendCredentials),
  refuseWithoutTls: hand(refuseWithoutTls),
  refuseWithoutIdentity: hand(refuseWithoutIdentity),
  refuseWithoutLogin: hand(refuseWithoutLogin),
  goOnInClear: hand(goOnInClear),
  retryInClear: hand(retryInClear),
  noteFailure: hand(noteFailure),
  tellOpened: hand(tellOpened),
  tellIdle: hand(tellIdle),
  sendEnvelope: hand(sendEnvelope),
  awaitBody: hand(awaitBody),
  sendBody: hand(sendBody),
  sendWhole: hand(sendWhole),
  sendMore: hand(sendMore),
  awaitVerdict: hand(awaitVerdict),
  sendLoneDot: hand(sendLoneDot),
  settle: hand(settle),
  settleUnsent: hand(settleUnsent),
  settleBroken: hand(settleBroken),
  noteIdleEnd: hand(noteIdleEnd),
  noteStop: hand(noteStop),
  noteDenial: hand(noteDenial),
  sendReset: hand(sendReset),
  sendParting: hand(sendParting),
  dropLink: hand(dropLink),
  tellEnded: hand(tellEnded),
};
