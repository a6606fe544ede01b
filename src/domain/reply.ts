/**
 * What a peer answered, and what that means for the mail. The idea: the reply is kept as it came
 * (made harmless for logs, capped) and the verdict is derived beside it, never written into it.
 * Deliberately unknown here: sockets, parsing of lines, retry schedules.
 */

/** One SMTP reply; `enhanced` is '' when the peer gave none (RFC 2034), else like '4.4.2'. */
export interface Reply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
  /** Nobody at the other end said it: it is ours. */
  readonly isOwn?: true;
}

/** What becomes of the mail. */
export type VerdictKind = 'delivered' | 'transient' | 'permanent';

/** The part of the conversation a reply belongs to; `dot` is the answer to the end of the body. */
export type ReplyStage = 'connect' | 'mail' | 'rcpt' | 'data' | 'dot';

/** A peer's text is kept up to this many octets of UTF-8; a log line must stay a line. */
export const REPLY_TEXT_BYTES_MAX = 1024;

// RFC 3463 section 2: class 2, 4 or 5; subject and detail of up to three digits.
const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)/;
const CONTROLS = /[\p{Cc}\u2028\u2029\p{Cs}]+/gu;

/** Makes a reply of its parts; the text is scrubbed and capped. */
export function makeReply(code: number, enhanced: string, text: string): Reply {
  return { code, enhanced: ENHANCED.test(enhanced) ? enhanced : '', text: scrubText(text) };
}

/** Makes a reply that we give ourselves, in place of a peer that did not. */
export function makeOwnReply(code: number, enhanced: string, text: string): Reply {
  return { ...makeReply(code, enhanced, text), isOwn: true };
}

/** Makes a reply of a code and the text after it, taking the enhanced code off its front. */
export function readReply(code: number, text: string): Reply {
  const match = ENHANCED.exec(text);
  if (match === null) return makeReply(code, '', text);
  return makeReply(code, match[0], text.slice(match[0].length).trimStart());
}

/** True for the 2xx replies: the command was accepted. Only at the dot is that a delivery. */
export function isAccepted(reply: Reply): boolean {
  return reply.code >= 200 && reply.code <= 299;
}

/** True when this transaction has too many recipients and the rest fits another one. */
export function isTooManyRecipients(reply: Reply, stage: ReplyStage): boolean {
  if (reply.enhanced === '4.5.3') return true;
  // RFC 5321 section 4.5.3.1.10: 452 is the code, 552 was it before and must be read as 452.
  // An enhanced code that says something else (5.2.2, mailbox full) is about this recipient alone.
  return stage === 'rcpt' && reply.enhanced === '' && (reply.code === 452 || reply.code === 552);
}

/** The verdict a reply means for the recipients it speaks of. */
export function classifyReply(reply: Reply, stage: ReplyStage): VerdictKind {
  // A host that refuses to talk says nothing of the recipient; the next candidate may take it.
  if (stage === 'connect') return 'transient';
  // A 2xx before the dot (say, 250 to DATA) is a confused peer: counting it would lose the mail.
  if (isAccepted(reply)) return stage === 'dot' ? 'delivered' : 'transient';
  // 503 says that *we* are out of step with the peer; a fresh conversation may succeed.
  if (reply.code === 503 || isTooManyRecipients(reply, stage)) return 'transient';
  // Codes outside RFC 5321 section 4.2.1 are not a judgement: a wrong retry is the cheaper error.
  return reply.code >= 500 && reply.code <= 599 ? 'permanent' : 'transient';
}

const CLASS_OF: Readonly<Record<VerdictKind, string>> = {
  delivered: '2',
  transient: '4',
  permanent: '5',
};

/** The status for reports (RFC 3463): its class is the verdict's, the rest is the peer's. */
export function statusFor(reply: Reply, verdict: VerdictKind): string {
  const match = ENHANCED.exec(reply.enhanced);
  return match === null
    ? `${CLASS_OF[verdict]}.0.0`
    : `${CLASS_OF[verdict]}.${match[2]}.${match[3]}`;
}

/** Writes a reply on one line: `451 4.4.1 text`. */
export function formatReply(reply: Reply): string {
  const enhanced = reply.enhanced === '' ? '' : `${reply.enhanced} `;
  return `${reply.code} ${enhanced}${reply.text}`.trimEnd();
}

/** Makes foreign text safe for a log line: no controls, well-formed, at most 1 KB of UTF-8. */
export function scrubText(text: string): string {
  // Cut first by units: a peer's megabyte must not be scanned whole. A unit is at least one octet.
  const near = text.length > REPLY_TEXT_BYTES_MAX ? text.slice(0, REPLY_TEXT_BYTES_MAX) : text;
  return capBytes(near.replace(CONTROLS, ' ').trim(), REPLY_TEXT_BYTES_MAX);
}

function capBytes(text: string, bytesMax: number): string {
  // A UTF-16 unit never takes more than three octets.
  if (text.length * 3 <= bytesMax) return text;
  let bytes = 0;
  let upto = 0;
  for (const char of text) {
    bytes += octetsOf(char.codePointAt(0) ?? 0);
    if (bytes > bytesMax) return text.slice(0, upto);
    upto += char.length;
  }
  return text;
}

function octetsOf(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}
