/**
 * One message over an open connection: its envelope, its body, and the reading of what these got.
 * The idea: MAIL, RCPT and DATA go out in one write where the peer pipelines (RFC 2920), body and
 * final dot in another, so that a message costs two round trips and few system calls.
 * Deliberately unknown here: how the peer was reached; verdicts and breaks (see settling.ts).
 */
import type { Conversation } from './conversation.ts';
import { readMasked, waitFor } from './conversation.ts';
import type { HeardReply } from './dialogue.ts';
import type { Attempt } from './envelope.ts';
import { judgeEnvelope, mailLine, prepareAttempt, rcptLine } from './envelope.ts';
import { countBytes, cutBites, FINAL_DOT, stuffBody } from './stuffing.ts';
import { write } from './tracing.ts';

/** How long the engine may take to release a body after the 354. */
export const HOLDING_MS_MAX = 120_000;
/** The slowest peer that still gets its body, beyond the time DATA has. */
export const BODY_BYTES_PER_S_MIN = 4_000;

/** Makes the message ready for the peer that is there now. */
export function prepare(held: Conversation, attempt: Attempt): void {
  prepareAttempt(attempt, held.peer, held.request.path, held.recipientsMax);
}

/** Ready for a message: one that is in hand already, or one the engine gives. */
export function tellIdle(held: Conversation): void {
  waitFor(held, held.request.path.idle_timeout, 'the next message');
  held.isIdle = true;
  if (held.isStopping) {
    held.signal('stop.wanted');
  } else if (held.attempt?.broken !== undefined && held.request.asksToResend?.() === true) {
    held.host.wantsResend?.(held.request.id);
  } else if (held.attempt !== undefined) {
    prepare(held, held.attempt);
    held.signal('message.given');
  } else {
    held.host.idle(held.request.id);
  }
}

/** Writes MAIL, RCPT and DATA, all at once if the peer pipelines. */
export function sendEnvelope(held: Conversation): void {
  const { attempt, dialogue, peer } = held;
  if (attempt === undefined) return;
  const { path } = held.request;
  held.isIdle = false;
  held.isGarbled = false;
  held.envelope = [];
  held.replies = [];
  held.deliveries += 1;
  held.deliveriesInAll += 1;
  attempt.hasBegun = true;
  attempt.isTried = true;
  let lines = mailLine(attempt, peer);
  attempt.mailLine = lines;
  let count = 1;
  if (canPipeline(held)) {
    for (const index of attempt.said) lines += rcptLine(attempt, index);
    lines += 'DATA\r\n';
    count = attempt.said.length + 2;
  }
  dialogue?.expect('envelope', count);
  waitFor(held, path.mail_from_timeout, 'the answer to MAIL');
  write(held, [lines]);
}

function canPipeline(held: Conversation): boolean {
  return held.peer.pipelining && held.request.path.enable_pipelining;
}

/** A pipelined reply came and more are due: the next has its own deadline. */
export function continueEnvelope(held: Conversation, replies: readonly HeardReply[]): void {
  held.envelope = replies as HeardReply[];
  waitForPart(held, replies.length);
}

function waitForPart(held: Conversation, position: number): void {
  const { path } = held.request;
  const isData = position > (held.attempt?.said.length ?? 0);
  if (isData) waitFor(held, path.data_timeout, 'the answer to DATA');
  else waitFor(held, path.rcpt_to_timeout, 'the answer to RCPT');
}

/** Takes the envelope's replies; false while, without pipelining, a further line was sent. */
export function hearEnvelope(held: Conversation, replies: readonly HeardReply[]): boolean {
  const { attempt } = held;
  if (attempt === undefined) return true;
  if (canPipeline(held)) held.envelope = replies as HeardReply[];
  else {
    held.envelope.push(replies[0] as HeardReply);
    if (sendNextPart(held, attempt)) return false;
  }
  held.isGarbled = !judge(held, attempt, held.envelope);
  return true;
}

// Without pipelining each part waits for the answer to the one before.
function sendNextPart(held: Conversation, attempt: Attempt): boolean {
  const { dialogue, envelope } = held;
  const position = envelope.length;
  const isMailRefused = (envelope[0] as HeardReply).code >= 300;
  if (isMailRefused || position > attempt.said.length + 1) return false;
  if (dialogue === undefined || dialogue.hasExcess) return false;
  let line = 'DATA\r\n';
  if (position <= attempt.said.length)
    line = rcptLine(attempt, attempt.said[position - 1] as number);
  else if (!envelope.some((reply, at) => at > 0 && reply.code < 300)) return false;
  dialogue.expect('envelope', 1);
  waitForPart(held, position);
  write(held, [line]);
  return true;
}

/** Reads the envelope's replies into the attempt; false when they make no sense. */
export function judge(
  held: Conversation,
  attempt: Attempt,
  replies: readonly HeardReply[],
): boolean {
  const { from, to } = attempt.transaction;
  const before = held.crowded;
  const isSane = judgeEnvelope(
    attempt,
    replies,
    (heard) => readMasked(held, heard),
    (address) => before.has(`${from}\0${address}`),
  );
  if (attempt.again.length === 0) {
    if (before.size > 0) held.crowded = new Set();
    return isSane;
  }
  const crowded = attempt.said.filter((index) => attempt.again.includes(index));
  held.crowded = new Set(crowded.map((index) => `${from}\0${to[index] as string}`));
  // The peer showed how many it takes; offering more again would only cost replies.
  const taken = attempt.accepted.length;
  if (crowded.length > 0 && taken > 0) held.recipientsMax = Math.min(held.recipientsMax, taken);
  return isSane;
}

/** 354 came before the release: waits for the engine. */
export function awaitBody(held: Conversation): void {
  waitFor(held, HOLDING_MS_MAX, 'the body to be released');
}

/** Writes body and final dot in one write. */
export function sendWhole(held: Conversation): void {
  const { attempt } = held;
  if (attempt === undefined) return;
  expectVerdicts(held, attempt);
  attempt.isDotWritten = true;
  write(held, stuffBody(attempt.body));
}

function expectVerdicts(held: Conversation, attempt: Attempt): void {
  held.replies = [];
  // LMTP answers once for each recipient it took (RFC 2033 section 4.2).
  held.dialogue?.expect('body', held.request.path.use_lmtp ? attempt.accepted.length : 1);
}

/** Starts to write a body that takes several bites. */
export function sendBody(held: Conversation): void {
  const { attempt, request } = held;
  if (attempt === undefined) return;
  expectVerdicts(held, attempt);
  const wire = stuffBody(attempt.body);
  held.isBodyWritten = false;
  held.bites = cutBites(wire).reverse();
  const takingMs = (countBytes(wire) / BODY_BYTES_PER_S_MIN) * 1000;
  held.bodyDueAt = held.host.steadyMs() + request.path.data_timeout + takingMs;
  sendBites(held, attempt);
}

/** The link has room again: writes the next bites, or knows that all has left. */
export function sendMore(held: Conversation): void {
  if (held.attempt === undefined) return;
  if (held.bites.length === 0) held.isBodyWritten = true;
  else sendBites(held, held.attempt);
}

function sendBites(held: Conversation, attempt: Attempt): void {
  const leftMs = held.bodyDueAt - held.host.steadyMs();
  waitFor(held, Math.min(held.request.path.data_timeout, leftMs), 'the peer to take the body');
  for (let bite = held.bites.pop(); bite !== undefined; bite = held.bites.pop()) {
    const isLast = held.bites.length === 0;
    if (isLast) attempt.isDotWritten = true;
    const hasRoom = write(held, bite);
    if (isLast) held.isBodyWritten = hasRoom;
    if (!hasRoom) return;
  }
}

/** The dot is out: waits for the verdict. */
export function awaitVerdict(held: Conversation): void {
  waitFor(held, held.request.path.data_dot_timeout, 'the answer to the final dot');
}

/** Ends a body that nobody is to get (RFC 2920 section 3.1). */
export function sendLoneDot(held: Conversation): void {
  held.replies = [];
  held.dialogue?.expect('body', 1);
  awaitVerdict(held);
  write(held, [FINAL_DOT]);
}

/** Looks at the answers to the dot: a 3xx is none. */
export function hearVerdicts(held: Conversation, replies: readonly HeardReply[]): void {
  held.isGarbled = replies.some((reply) => reply.code >= 300 && reply.code < 400);
}
