/**
 * One message on one connection, from the envelope's lines to the verdicts of its recipients.
 * The idea: an attempt collects what each recipient got, in whatever order it became known, and the
 * settlement is read off it; who got nothing when the connection broke is transient.
 * Deliberately unknown here: links, phases, deadlines.
 */
import type { PathConfig } from '../../domain/options-path.ts';
import type { Reply, ReplyStage, VerdictKind } from '../../domain/reply.ts';
import { classifyReply, isTooManyRecipients, makeOwnReply, readReply } from '../../domain/reply.ts';
import type { Capabilities } from './capabilities.ts';
import type { Outcome, Settlement, Transaction } from './connection.ts';
import type { HeardReply } from './dialogue.ts';

/** A message in the hands of the connection. */
export interface Attempt {
  readonly transaction: Transaction;
  readonly givenAt: number;
  /** Recipients named in this transaction, by their index in `transaction.to`. */
  said: number[];
  /** Of those, the ones the peer took. */
  accepted: number[];
  outcomes: Outcome[];
  /** Not tried, or too many for one transaction: to be offered again at once. */
  again: number[];
  /** The peer took MAIL, so a transaction stands there until a dot or RSET. */
  isMailAccepted: boolean;
  /** The envelope's replies were read. */
  isJudged: boolean;
  /** The code DATA got, 0 before. */
  dataCode: number;
  hasBegun: boolean;
  /** MAIL was written, perhaps at another host. */
  isTried: boolean;
  /** As it was written. */
  mailLine: string;
  isDotWritten: boolean;
  isReleased: boolean;
  body: readonly Buffer[];
  /** Why the last connection broke, while another host is tried. */
  broken: Reply | undefined;
  /** The engine wants it back: nothing that was said of it counts. */
  isWithdrawn: boolean;
}

/** How the connection reads a reply: credentials it may hold are masked. */
export type ReadReply = (heard: HeardReply) => Reply;

const ADDRESS_CHARS_MAX = 512;
// A quoted local part may hold a space; nothing may hold what ends a line or a path.
const UNSAFE = /[\x00-\x1f\x7f<>\u2028\u2029]/;
const OUTSIDE_QUOTES = /"(?:[^"\\]|\\.)*"/g;
const NON_ASCII = /[^\x00-\x7f]/;

/** The code that asks for the body. */
export const START_OF_BODY = 354;

/** A message as it was given, nothing said yet. */
export function beginAttempt(transaction: Transaction, givenAt: number): Attempt {
  return {
    transaction,
    givenAt,
    said: [],
    accepted: [],
    outcomes: [],
    again: [],
    isMailAccepted: false,
    isJudged: false,
    dataCode: 0,
    hasBegun: false,
    isTried: false,
    mailLine: '',
    isDotWritten: false,
    isReleased: false,
    body: [],
    broken: undefined,
    isWithdrawn: false,
  };
}

/** Looks at the message before a byte is written: who can be named to this peer, who cannot. */
export function prepareAttempt(
  attempt: Attempt,
  peer: Capabilities,
  path: PathConfig,
  recipientsMax: number,
): void {
  const { transaction } = attempt;
  attempt.said = [];
  attempt.accepted = [];
  attempt.outcomes = [];
  attempt.again = [];
  attempt.isMailAccepted = false;
  attempt.isJudged = false;
  attempt.isDotWritten = false;
  attempt.dataCode = 0;
  const refusal = findRefusal(transaction, peer, path);
  for (let index = 0; index < transaction.to.length; index += 1) {
    const address = transaction.to[index] as string;
    const why = refusal ?? findRecipientRefusal(address, peer, path);
    if (why !== undefined) {
      // Our own refusal is final whatever its code would mean from a peer.
      const stage = refusal === undefined ? 'rcpt' : 'mail';
      attempt.outcomes.push({ index, kind: 'permanent', stage, reply: why });
      continue;
    }
    if (attempt.said.length < recipientsMax) attempt.said.push(index);
    else attempt.again.push(index);
  }
}

function findRefusal(tx: Transaction, peer: Capabilities, path: PathConfig): Reply | undefined {
  if (!isSayable(tx.from)) {
    return makeOwnReply(553, '5.1.7', 'The sender address cannot be said in SMTP');
  }
  if (peer.bytesMax > 0 && tx.bodyBytes > peer.bytesMax) {
    const why = `The message has ${tx.bodyBytes} bytes, the peer takes ${peer.bytesMax}`;
    return makeOwnReply(552, '5.3.4', why);
  }
  if (path.ignore_8bit_checks) return undefined;
  if (tx.eightBit && !peer.eightBit) {
    return makeOwnReply(554, '5.6.3', 'The message is 8-bit and the peer does not offer 8BITMIME');
  }
  if ((tx.smtpUtf8 || NON_ASCII.test(tx.from)) && !peer.smtpUtf8) return noUtf8();
  return undefined;
}

function findRecipientRefusal(
  address: string,
  peer: Capabilities,
  path: PathConfig,
): Reply | undefined {
  if (address === '' || !isSayable(address)) {
    return makeOwnReply(553, '5.1.3', 'The recipient address cannot be said in SMTP');
  }
  const isForeign = !path.ignore_8bit_checks && !peer.smtpUtf8 && NON_ASCII.test(address);
  return isForeign ? noUtf8() : undefined;
}

function noUtf8(): Reply {
  return makeOwnReply(550, '5.6.7', 'The peer does not offer SMTPUTF8, which this message needs');
}

function isSayable(address: string): boolean {
  if (address.length > ADDRESS_CHARS_MAX || UNSAFE.test(address)) return false;
  return !address.includes(' ') || !address.replace(OUTSIDE_QUOTES, '').includes(' ');
}

/** The MAIL line (RFC 5321 section 4.1.1.2) with the parameters the peer offered. */
export function mailLine(attempt: Attempt, peer: Capabilities): string {
  const { transaction: tx, said } = attempt;
  let line = `MAIL FROM:<${tx.from}>`;
  if (peer.size) line += ` SIZE=${tx.bodyBytes}`;
  if (tx.eightBit && peer.eightBit) line += ' BODY=8BITMIME';
  const isForeign =
    tx.smtpUtf8 ||
    NON_ASCII.test(tx.from) ||
    said.some((index) => NON_ASCII.test(tx.to[index] as string));
  if (isForeign && peer.smtpUtf8) line += ' SMTPUTF8';
  return `${line}\r\n`;
}

/** The RCPT line of one recipient. */
export function rcptLine(attempt: Attempt, index: number): string {
  return `RCPT TO:<${attempt.transaction.to[index] as string}>\r\n`;
}

/**
 * Reads what the envelope got: MAIL, one RCPT each, DATA; replies at the end may be missing.
 * `wasCrowdedOut` tells whether this recipient was too many in the transaction before, too.
 * Answers false when a reply is of a kind that its command cannot get.
 */
export function judgeEnvelope(
  attempt: Attempt,
  replies: readonly HeardReply[],
  read: ReadReply,
  wasCrowdedOut: (address: string) => boolean,
): boolean {
  const mail = replies[0];
  attempt.isJudged = true;
  if (mail === undefined) return true;
  if (isOutOfPlace(mail.code)) return false;
  attempt.isMailAccepted = mail.code < 300;
  const { said, transaction } = attempt;
  const data = replies[said.length + 1];
  attempt.dataCode = data?.code ?? 0;
  if (data !== undefined && data.code < 400 && data.code !== START_OF_BODY) return false;
  if (!attempt.isMailAccepted) {
    // What RCPT and DATA got after a refused MAIL says nothing.
    const reply = read(mail);
    for (const index of said) pushOutcome(attempt, index, 'mail', reply);
    return true;
  }
  for (let position = 0; position < said.length; position += 1) {
    const heard = replies[position + 1];
    if (heard === undefined) break;
    if (isOutOfPlace(heard.code)) return false;
    const index = said[position] as number;
    if (heard.code < 300) {
      attempt.accepted.push(index);
      continue;
    }
    const reply = read(heard);
    const isCrowdedOut = position > 0 && isCrowd(reply);
    if (isCrowdedOut && !wasCrowdedOut(transaction.to[index] as string)) attempt.again.push(index);
    else pushOutcome(attempt, index, 'rcpt', reply);
  }
  return true;
}

const isOutOfPlace = (code: number): boolean => code >= 300 && code < 400;

// With an enhanced code only x.5.3 speaks of too many recipients; 452 4.2.2 is a full mailbox.
function isCrowd(reply: Reply): boolean {
  if (reply.enhanced !== '') return reply.enhanced.endsWith('.5.3');
  return isTooManyRecipients(reply, 'rcpt');
}

/** Gives every recipient that was taken the verdict of `reply`. */
export function judgeAccepted(attempt: Attempt, stage: ReplyStage, reply: Reply): void {
  const kind = classifyReply(reply, stage);
  for (const index of attempt.accepted) push(attempt, index, kind, stage, reply);
  attempt.accepted = [];
}

/** Gives each recipient that was taken its own reply, in order (LMTP, RFC 2033 section 4.2). */
export function judgeEach(attempt: Attempt, replies: readonly HeardReply[], read: ReadReply): void {
  const judged = Math.min(replies.length, attempt.accepted.length);
  for (let position = 0; position < judged; position += 1) {
    const reply = read(replies[position] as HeardReply);
    pushOutcome(attempt, attempt.accepted[position] as number, 'dot', reply);
  }
  attempt.accepted = attempt.accepted.slice(judged);
}

/** Makes whoever has no verdict yet transient: the connection broke. */
export function judgeRest(attempt: Attempt, stage: ReplyStage, reply: Reply): void {
  const done = new Set(attempt.again);
  for (const outcome of attempt.outcomes) done.add(outcome.index);
  attempt.accepted = [];
  for (const index of attempt.said) {
    if (!done.has(index)) push(attempt, index, 'transient', stage, reply);
  }
}

function pushOutcome(attempt: Attempt, index: number, stage: ReplyStage, reply: Reply): void {
  push(attempt, index, classifyReply(reply, stage), stage, reply);
}

function push(
  attempt: Attempt,
  index: number,
  kind: VerdictKind,
  stage: ReplyStage,
  reply: Reply,
): void {
  if (kind === 'delivered') attempt.outcomes.push({ index, kind, stage, reply });
  else {
    const command = commandOf(attempt, stage, index);
    attempt.outcomes.push({ index, kind, stage, reply, command });
  }
}

function commandOf(attempt: Attempt, stage: ReplyStage, index: number): string | undefined {
  if (stage === 'rcpt') return rcptLine(attempt, index);
  if (stage === 'dot') return '.\r\n';
  return stage === 'data' ? 'DATA\r\n' : attempt.mailLine || undefined;
}

/** What the engine hears of the attempt. */
export function settlementOf(attempt: Attempt, nowMs: number, unknown: boolean): Settlement {
  return {
    offer: attempt.transaction.offer,
    outcomes: attempt.outcomes,
    again: attempt.again,
    unknown,
    isTried: attempt.isTried,
    tookMs: nowMs - attempt.givenAt,
  };
}

/** The settlement of a message of which nothing was said to anybody. */
export function untried(attempt: Attempt, nowMs: number): Settlement {
  attempt.outcomes = [];
  attempt.again = attempt.transaction.to.map((_, index) => index);
  return settlementOf(attempt, nowMs, false);
}

/** Reads a reply from which nothing need be masked. */
export const readPlainly: ReadReply = (heard) => readReply(heard.code, heard.text);
