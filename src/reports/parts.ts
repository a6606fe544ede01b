/**
 * Takes a report apart (RFC 6522): the parts that a machine is to read, and what was sent back of
 * the original. The one idea: only the beginning is looked at, because what tells of the failure
 * stands before the mail that failed, and everything that can grow has a bound.
 * Deliberately unknown here: what the parts say.
 */
import { MalformedReport } from './fields.ts';

/** Octets of a message that are looked at: at 5 MB a second that is 25 ms of a thread. */
export const REPORT_BYTES_MAX = 128 * 1024;
/** Lines that are looked at: each costs some 15 µs, however short it is. */
export const REPORT_LINES_MAX = 2_048;
/** Parts of one report; RFC 6522 asks for three. */
export const PARTS_MAX = 64;
/** Of the original, octets that are kept: its header, and the beginning of its text. */
export const ORIGINAL_BYTES_MAX = 32 * 1024;

const DEPTH_MAX = 8;
const HEADERS_BYTES_MAX = 64 * 1024;

/** A report whose parts are known. */
export interface ReportParts {
  /** Of the report, in lower case; '' where it has none. */
  readonly reportType: string;
  /** The first part of these types, line ends LF; undefined where there is none. */
  find(...types: readonly string[]): string | undefined;
  /** The last part that is an original or its header, line ends LF. */
  readonly original: string | undefined;
}

// The value of a header, unfolded: type, then parameters.
const REPORT = /^multipart\/report\s*(?:;|$)/i;
const REPORT_TYPE = /;\s*report-type\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i;
const ORIGINALS = ['message/rfc822', 'message/global', 'text/rfc822-headers'];

/** True for a header, as latin1 text, that may be a report's: other mail is not taken apart. */
export const mayBeReport = (header: string): boolean =>
  /^content-type[ \t]*:\s*multipart\/report\b/im.test(header);

const textOf = (bytes: ArrayBuffer | Uint8Array | string, bytesMax: number): string => {
  if (typeof bytes === 'string') return bytes.slice(0, bytesMax);
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const text = Buffer.from(view.buffer, view.byteOffset, Math.min(view.byteLength, bytesMax));
  return text.toString('utf8').replaceAll('\r\n', '\n');
};

const LF = 0x0a;

/** Octets of the lines that are looked at. */
function lookedAt(message: Uint8Array): number {
  let at = -1;
  for (let lines = 0; lines < REPORT_LINES_MAX; lines += 1) {
    at = message.indexOf(LF, at + 1);
    if (at < 0 || at >= REPORT_BYTES_MAX) return REPORT_BYTES_MAX;
  }
  return at + 1;
}

const HEADER_END = /^(?=\r?\n)|\r?\n(?=\r?\n)/;
const CONTENT_FIELDS = /^content-[!-9;-~]*[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*/gim;

/**
 * What the library gets to see of a message: of its own header only what says how it is made up.
 * The others are not asked for, and lists of addresses take it a time that grows by the square.
 */
function excerptOf(message: Uint8Array): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const text = bytes.toString('latin1', 0, lookedAt(bytes));
  const end = HEADER_END.exec(text);
  const upto = end === null ? text.length : end.index + end[0].length;
  const fields = text.slice(0, upto).match(CONTENT_FIELDS) ?? [];
  return Buffer.from(fields.join('') + text.slice(upto), 'latin1');
}

/** Takes a message apart; undefined when it is no report. Rejects with MalformedReport. */
export async function openReport(message: Uint8Array): Promise<ReportParts | undefined> {
  const { default: library } = await import('postal-mime');
  const parsed = await library
    .parse(excerptOf(message), {
      forceRfc822Attachments: true,
      maxRfc822NestingDepth: 0,
      maxNestingDepth: DEPTH_MAX,
      maxHeadersSize: HEADERS_BYTES_MAX,
    })
    .catch(() => {
      throw new MalformedReport('it is nested too deeply, or its headers are too long');
    });
  const type = parsed.headers.find(({ key }) => key === 'content-type')?.value ?? '';
  if (!REPORT.test(type)) return undefined;
  const { attachments } = parsed;
  if (attachments.length > PARTS_MAX) throw new MalformedReport('it has too many parts');
  const [, quoted, bare] = REPORT_TYPE.exec(type) ?? [];
  const original = attachments.filter(({ mimeType }) => ORIGINALS.includes(mimeType)).at(-1);
  return {
    reportType: (quoted ?? bare ?? '').toLowerCase(),
    original: original && textOf(original.content, ORIGINAL_BYTES_MAX),
    find(...types) {
      const part = attachments.find(({ mimeType }) => types.includes(mimeType));
      return part && textOf(part.content, REPORT_BYTES_MAX);
    },
  };
}

/** What a message is to a reader of reports. */
export type Reading<T> =
  | { readonly kind: 'report'; readonly report: T }
  | { readonly kind: 'none' }
  /** It looks like a report; `reason` says why it is none. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** Reads a report with `read`, which throws MalformedReport for what it cannot. */
export async function reading<T>(
  message: Uint8Array,
  read: (parts: ReportParts) => T | undefined,
): Promise<Reading<T>> {
  try {
    const parts = await openReport(message);
    const report = parts && read(parts);
    return report === undefined ? { kind: 'none' } : { kind: 'report', report };
  } catch (error) {
    if (error instanceof MalformedReport) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}
