/**
 * The end of a message on its connection: verdicts read off the replies, and what a break means.
 * The idea: what was answered before a break still counts; only a dot without an answer makes the
 * outcome unknown; all the rest is transient, or tried at the next host if the path says so.
 * Deliberately unknown here: how messages are sent; which phase follows which.
 */
import type { PathConfig } from '../../domain/options-path.ts';
import type { ReplyStage } from '../../domain/reply.ts';
import type { Conversation, SignalType } from './conversation.ts';
import { readMasked, troubleOf } from './conversation.ts';
import type { HeardReply } from './dialogue.ts';
import type { Attempt } from './envelope.ts';
import {
  judgeAccepted,
  judgeEach,
  judgeRest,
  START_OF_BODY,
  settlementOf,
  untried,
} from './envelope.ts';
import { judge, prepare } from './transaction.ts';

const SERVICE_CLOSING = 421;

/** Tells the engine the verdicts that the replies mean. */
export function settle(held: Conversation, signal: SignalType): void {
  const { attempt, replies } = held;
  if (attempt === undefined) return;
  const isLmtp = held.request.path.use_lmtp;
  const last = replies[replies.length - 1];
  if (signal === 'body.answered' && isLmtp) {
    judgeEach(attempt, replies, (heard) => readMasked(held, heard));
  } else if (last !== undefined && attempt.accepted.length > 0) {
    const stage = signal === 'body.answered' ? 'dot' : 'data';
    judgeAccepted(attempt, stage, readMasked(held, last));
  }
  held.isUnclean = attempt.isMailAccepted && attempt.dataCode !== START_OF_BODY;
  tellSettled(held, attempt, false);
}

/** Tells the verdicts found before a byte was written. */
export function settleUnsent(held: Conversation): void {
  if (held.attempt !== undefined) tellSettled(held, held.attempt, false);
}

/** The connection broke: who has no verdict yet is transient, or tried at the next host. */
export function settleBroken(held: Conversation, signal: SignalType): void {
  const { attempt } = held;
  if (signal !== 'abort.wanted') followStrategy(held, held.request.path);
  if (attempt === undefined || !attempt.hasBegun || attempt.isWithdrawn) return;
  const { reply } = troubleOf(held, signal);
  if (signal !== 'abort.wanted') held.cause = reply.text;
  judgeHeard(held, attempt, signal);
  const isAnswered = signal === 'service.closed' || !attempt.isDotWritten;
  const unknown = !isAnswered && attempt.accepted.length > 0;
  attempt.hasBegun = false;
  // Who was delivered (LMTP answers one by one) must not be offered to another host.
  const isShared = attempt.outcomes.some(({ kind }) => kind === 'delivered');
  if (mayTryNextHost(held, attempt, signal) && !unknown && !isShared) {
    attempt.broken = reply;
    return;
  }
  judgeRest(attempt, stageOf(attempt), reply);
  tellSettled(held, attempt, unknown);
}

// What was answered before the break still counts, unless the peer broke the order of answers.
function judgeHeard(held: Conversation, attempt: Attempt, signal: SignalType): void {
  const read = (heard: HeardReply) => readMasked(held, heard);
  if (attempt.isDotWritten) {
    if (held.request.path.use_lmtp && !held.isGarbled) judgeEach(attempt, held.replies, read);
    return;
  }
  if (signal === 'dialogue.broken' || signal === 'envelope.answered') {
    prepare(held, attempt);
  } else if (!attempt.isJudged) {
    const isClosing = held.envelope[held.envelope.length - 1]?.code === SERVICE_CLOSING;
    const heard = isClosing ? held.envelope.slice(0, -1) : held.envelope;
    if (!judge(held, attempt, heard)) prepare(held, attempt);
  } else if (signal === 'body.answered') {
    // The peer had enough before the end: its refusal is a verdict, its 250 would be none.
    const last = held.replies[held.replies.length - 1];
    if (last !== undefined && last.code >= 400) judgeAccepted(attempt, 'dot', read(last));
  }
}

function stageOf(attempt: Attempt): ReplyStage {
  if (attempt.isDotWritten) return 'dot';
  if (attempt.isJudged) return 'data';
  return attempt.isMailAccepted ? 'rcpt' : 'mail';
}

function mayTryNextHost(held: Conversation, attempt: Attempt, signal: SignalType): boolean {
  if (signal === 'abort.wanted' || held.isStopping) return false;
  const { reconnect_strategy, try_next_host_on_transport_error } = held.request.path;
  // The same host never runs out; it gets one more try.
  if (reconnect_strategy === 'ReconnectSameHost' && attempt.broken !== undefined) return false;
  return try_next_host_on_transport_error && held.plan.length > 0;
}

function followStrategy(held: Conversation, path: PathConfig): void {
  if (held.isStopping || path.reconnect_strategy === 'TerminateSession') held.plan = [];
  else if (path.reconnect_strategy === 'ReconnectSameHost' && held.candidate !== undefined) {
    held.plan.unshift(held.candidate);
  }
}

/** Settles what is still in hand when the connection ends. */
export function finishAttempt(held: Conversation): void {
  const { attempt } = held;
  if (attempt === undefined) return;
  // What was to be tried at the next host, and may not be from here, is tried from elsewhere.
  const isWithheld = attempt.isWithdrawn || !held.host.mayDial(held.request.id);
  if (attempt.broken === undefined || isWithheld) {
    held.attempt = undefined;
    held.host.settled(held.request.id, untried(attempt, held.host.steadyMs()));
    return;
  }
  judgeRest(attempt, stageOf(attempt), attempt.broken);
  tellSettled(held, attempt, false);
}

function tellSettled(held: Conversation, attempt: Attempt, unknown: boolean): void {
  held.attempt = undefined;
  held.bites = [];
  held.host.settled(held.request.id, settlementOf(attempt, held.host.steadyMs(), unknown));
}
