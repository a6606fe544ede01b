/**
 * One message at its final dot: whether its bytes are taken, and the words of the 250 when it is
 * durable. Pure; it does not know sockets, commands, deadlines, or what is stored how.
 */
import type { Captured } from '../domain/capture.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import { fixLineEnds } from '../mail/line-ends.ts';
import type { At } from '../ports/ports.ts';
import type { DataReader } from './data-reader.ts';
import { measureLongestLine } from './data-reader.ts';
import type { Refusal, ReportNote, SubmittedMessage } from './host.ts';
import { REPLY_LINE_BYTES_MAX } from './limits.ts';

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
  /** Its bodies may stay in memory until the first attempt has failed (deferred_spool). */
  readonly mayDefer?: boolean;
  /** What goes on record of its messages, where it is a report. */
  readonly reports?: (messages: readonly SubmittedMessage[]) => readonly ReportNote[];
}

/** A refusal from its parts. */
export const refuse = (code: number, enhanced: string, text: string): Refusal => ({
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
