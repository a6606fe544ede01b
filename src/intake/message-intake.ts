/**
 * One message between its final dot and its 250: judge the bytes, split by recipient, store the
 * body, hand the envelope over, and answer when that is durable.
 * The one idea: a straight line of callbacks with one way out. It does not know sockets, commands
 * or deadlines.
 */
import type { Captured, CapturedHeaders } from '../domain/capture.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import type { At, Bodies, BodyRef, Fault } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import { captureHeaders } from './capturing.ts';
import type { DataReader } from './data-reader.ts';
import { fixLineEnds, measureLongestLine } from './data-reader.ts';
import type { IntakeHost, Refusal, ReportNote, SubmittedMessage } from './host.ts';
import { REPLY_LINE_BYTES_MAX } from './limits.ts';
import { formatReceived } from './trace-header.ts';

/** The envelope and the circumstances of one message. */
export interface Arrival {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly smtpUtf8: boolean;
  readonly peer: string;
  readonly helo: string;
  readonly protocol: string;
  readonly listener: string;
  readonly hostname: string;
  readonly at: At;
  readonly session: string;
  readonly tls?: string;
  readonly cipher?: string;
  readonly meta?: Captured | undefined;
  /** What goes on record of its messages, where it is a report. */
  readonly reports?: (messages: readonly SubmittedMessage[]) => readonly ReportNote[];
}

const refuse = (code: number, enhanced: string, text: string): Refusal => ({
  code,
  enhanced,
  text,
});

/** The refusal of a message over the limit; the same at MAIL and at the dot. */
export const refuseSize = (bytesMax: number): Refusal =>
  refuse(552, '5.3.4', `message exceeds the maximum size of ${bytesMax} octets`);

/** The refusal of what cannot be held in memory now. */
export const OVERLOADED: Refusal = refuse(
  452,
  '4.3.1',
  'too much mail in transit, try again later',
);

/** RFC 5321 section 6.3 asks for at least a hundred. */
const HOPS_MAX = 100;
/** Where a header is longer than this only its beginning is looked at. */
const HEADER_BYTES_MAX = 65_536;
/** A header is looked for in steps: most end in the first, and the text is not made a string. */
const HEADER_STEP_BYTES = 2048;
const HEADER_END = '\r\n\r\n';
const HOP = /^received:/gim;

/** The header of a message as latin1 text, without the empty line that ends it. */
export function readHeader(bytes: readonly Buffer[]): string {
  let text = '';
  for (const piece of bytes) {
    for (let from = 0; from < piece.length; from += HEADER_STEP_BYTES) {
      const upto = Math.min(from + HEADER_STEP_BYTES, from + HEADER_BYTES_MAX - text.length);
      // The line ends before it may have come with the step before.
      const seen = Math.max(text.length - (HEADER_END.length - 1), 0);
      text += piece.toString('latin1', from, upto);
      const end = text.startsWith('\r\n') ? 0 : text.indexOf(HEADER_END, seen);
      if (end >= 0) return text.slice(0, end);
      if (text.length >= HEADER_BYTES_MAX) return text;
    }
  }
  return text;
}

/** Received lines in the header: how often the message has changed hands. */
const countHops = (header: string): number => header.match(HOP)?.length ?? 0;

/** A message that is good to be stored, and its header as latin1 text. */
export interface Judged {
  readonly bytes: readonly Buffer[];
  readonly header: string;
}

/** What is wrong with the bytes, if anything; `bytes` are those that would be stored. */
export function judge(reader: DataReader, settings: SessionSettings): Refusal | Judged {
  if (reader.isTooLarge) return refuseSize(settings.max_message_size);
  if (reader.isDropped) return OVERLOADED;
  if (reader.hasNul) return refuse(552, '5.6.0', 'message data must not contain NUL');
  let bytes = reader.pieces.take();
  let lineBytesMax = reader.lineBytesMax;
  if (reader.hasBareLineEnds) {
    if (settings.invalid_line_endings === 'Deny') {
      return refuse(552, '5.6.0', 'message data must use CRLF line ends, no CR or LF alone');
    }
    // Allow stores what Fix stores: a lone CR or LF on the way out is how mail is smuggled past
    // the next server, so it leaves in no mode.
    const fixed = fixLineEnds(bytes);
    lineBytesMax = measureLongestLine(fixed);
    bytes = [fixed];
  }
  if (lineBytesMax > settings.line_length_hard_limit) {
    return refuse(500, '5.2.3', `a line exceeds ${settings.line_length_hard_limit} octets`);
  }
  const header = readHeader(bytes);
  if (countHops(header) > HOPS_MAX) return refuse(554, '5.4.6', 'routing loop: too many hops');
  return { bytes, header };
}

/** The recipients of each message that an arrival becomes. */
export function splitRecipients(
  recipients: readonly string[],
  handling: SessionSettings['batch_handling'],
): readonly (readonly string[])[] {
  if (handling === 'BifurcateAlways') return recipients.map((recipient) => [recipient]);
  const byDomain = new Map<string, string[]>();
  for (const recipient of recipients) {
    const domain = recipient.slice(recipient.lastIndexOf('@') + 1).toLowerCase();
    const batch = byDomain.get(domain);
    if (batch === undefined) byDomain.set(domain, [recipient]);
    else batch.push(recipient);
  }
  return [...byDomain.values()];
}

/** The lines of the 250, split so that none is longer than RFC 5321 section 4.5.3.1.5 allows. */
export function formatAccepted(messages: readonly SubmittedMessage[]): string[] {
  const lines: string[] = [];
  let line = '2.0.0 OK ids=';
  for (const { id } of messages) {
    const isFirst = line.endsWith('=');
    if (!isFirst && '250 '.length + line.length + 1 + id.length > REPLY_LINE_BYTES_MAX) {
      lines.push(line);
      line = '2.0.0 ids=';
    }
    line += line.endsWith('=') ? id : ` ${id}`;
  }
  lines.push(line);
  return lines;
}

const refusalOf = (fault: Fault): Refusal =>
  fault.code === 'FAULT_DISK_FULL'
    ? refuse(452, '4.3.1', 'insufficient system storage')
    : refuse(451, '4.3.0', 'the message could not be stored, try again later');

/** What is asked of the world to take a message in. */
export interface IntakeWorld {
  readonly host: IntakeHost;
  readonly bodies: Bodies;
}

/** How a message ended: refused, or these messages are durable. */
export type Outcome = Refusal | readonly SubmittedMessage[];

const TOO_SLOW = refuse(451, '4.4.5', 'the message could not be stored in time, try again later');

/** One message on its way to be durable; answers once. */
export class Taking {
  private readonly world: IntakeWorld;
  private readonly settings: SessionSettings;
  private readonly answered: (outcome: Outcome, fault?: Fault) => void;
  private isSubmitted = false;
  private isAnswered = false;

  constructor(
    world: IntakeWorld,
    settings: SessionSettings,
    answered: (outcome: Outcome, fault?: Fault) => void,
  ) {
    this.world = world;
    this.settings = settings;
    this.answered = answered;
  }

  /** Stores the body, then submits the envelope. */
  begin(arrival: Arrival, { bytes, header: own }: Judged, isEightBit: boolean): void {
    const batches = splitRecipients(arrival.recipients, this.settings.batch_handling);
    const ids = this.world.host.allocateIds(batches.length);
    const messages = batches.map((to, index) => ({ id: ids[index] as string, to }));
    const { from, peer, helo, smtpUtf8, at } = arrival;
    const isTraced = this.settings.trace_headers.received_header;
    const trace = isTraced ? formatTrace(arrival, ids[0] as string) : '';
    const chunks = isTraced ? [Buffer.from(trace), ...bytes] : bytes;
    const asked = this.world.host.capture?.headers ?? [];
    const headers = asked.length === 0 ? undefined : captureHeaders(asked, trace + own);
    // Kept beside the body, so that a damaged log can be mended from the bodies.
    const header = JSON.stringify({ ids, from, to: batches, at, peer, helo, isEightBit, smtpUtf8 });
    this.world.bodies.write(header, chunks, (body) => {
      if (isFault(body)) this.answer(refusalOf(body), body);
      else if (!this.isAnswered) this.submit(arrival, messages, body, chunks, isEightBit, headers);
      // Nobody waits any more: no event will name this body.
      else this.world.bodies.refer(body.segment, -1, body.length);
    });
  }

  /** Ends the wait with a 451, unless the envelope is handed over: then it may be durable. */
  giveUp(): void {
    if (!this.isSubmitted) this.answer(TOO_SLOW);
  }

  private submit(
    arrival: Arrival,
    messages: readonly SubmittedMessage[],
    body: BodyRef,
    chunks: readonly Buffer[],
    isEightBit: boolean,
    headers: CapturedHeaders | undefined,
  ): void {
    this.isSubmitted = true;
    const submission = {
      service: 'esmtp' as const,
      listener: arrival.listener,
      from: arrival.from,
      messages,
      body,
      chunks,
      bodyBytes: body.length,
      eightBit: isEightBit,
      smtpUtf8: arrival.smtpUtf8,
      peer: arrival.peer,
      helo: arrival.helo,
      receivedAt: arrival.at,
      session: arrival.session || undefined,
      tls: arrival.tls,
      cipher: arrival.cipher,
      meta: arrival.meta,
      headers,
      reports: arrival.reports?.(messages),
    };
    this.world.host.submit(submission, (refusal) => this.answer(refusal ?? messages));
  }

  private answer(outcome: Outcome, fault?: Fault): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.answered(outcome, fault);
  }
}

const formatTrace = (arrival: Arrival, id: string): string => {
  const { helo, peer, hostname, protocol, recipients, at } = arrival;
  const recipient = recipients.length === 1 ? recipients[0] : undefined;
  return formatReceived({ helo, peer, hostname, protocol, id, recipient, receivedAt: at });
};
