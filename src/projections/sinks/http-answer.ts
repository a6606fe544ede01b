/**
 * What a receiver's answer means: taken, not now, or never.
 * The one idea: what may pass by itself is sent again, what would be refused each time is not.
 * Deliberately unknown here: sockets, and what happens to what was refused.
 */
import type { At, Ms } from '../../ports/ports.ts';
import type { SinkAnswer } from '../../ports/sink.ts';
import { oneLineOf } from './scrub.ts';

/** An answer as it was heard. */
export interface HeardAnswer {
  readonly status: number;
  readonly statusText: string;
  /** The beginning of the body. */
  readonly body: string;
  readonly retryAfter: string | undefined;
}

/** Characters of a body that a reason shows. */
export const REASON_BODY_CHARS_MAX = 256;
const STATUS_TEXT_CHARS_MAX = 64;
/** Nobody is kept waiting longer by a receiver's word. */
export const RETRY_AFTER_MS_MAX: Ms = 86_400_000;

// RFC 9110 sections 15.5.9 and 15.6, RFC 8470 section 5.2, RFC 6585 section 4.
const isPassing = (status: number): boolean =>
  status >= 500 || status === 408 || status === 425 || status === 429;

/** Reads an answer to a batch of so many records. */
export function judgeAnswer(
  heard: HeardAnswer,
  records: number,
  scrub: (text: string) => string,
  now: At,
): SinkAnswer {
  const { status } = heard;
  if (status >= 200 && status <= 299) return { kind: 'settled', refused: [] };
  const reason = reasonOf(heard, scrub);
  if (isPassing(status)) {
    const retryAfterMs = readRetryAfter(heard.retryAfter, now);
    return { kind: 'failed', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  return {
    kind: 'settled',
    refused: Array.from({ length: records }, (_, index) => ({ index, reason })),
  };
}

function reasonOf({ status, statusText, body }: HeardAnswer, scrub: (text: string) => string) {
  const said = oneLineOf(scrub(body), REASON_BODY_CHARS_MAX);
  const head = `${status} ${oneLineOf(scrub(statusText), STATUS_TEXT_CHARS_MAX)}`.trim();
  return said === '' ? head : `${head}: ${said}`;
}

/** Retry-After (RFC 9110 section 10.2.3): seconds, or a date; undefined where it is neither. */
export function readRetryAfter(value: string | undefined, now: At): Ms | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text) * 1_000, RETRY_AFTER_MS_MAX);
  // Of the three forms of a date, the oldest names no zone and means GMT all the same.
  const isZoned = text.endsWith('GMT');
  if (!isZoned && !/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) .* \d{4}$/.test(text)) return undefined;
  const at = Date.parse(isZoned ? text : `${text} GMT`);
  if (Number.isNaN(at)) return undefined;
  return Math.min(Math.max(at - now, 0), RETRY_AFTER_MS_MAX);
}
