/**
 * Complaints (ARF, RFC 5965): what a mailbox provider says when somebody calls a message spam.
 * The one idea: names and forms are those of the public record, so that what is read is what
 * subscribers are told.
 * Deliberately unknown here: who complained, and what is done about it.
 */
import type { Block } from './fields.ts';
import { Fields, MalformedReport, readBlocks, readTyped, withoutBrackets } from './fields.ts';
import { parseMailDate } from './mail-date.ts';
import type { Reading, ReportParts } from './parts.ts';
import { reading } from './parts.ts';
import type { DsnMta } from './rfc3464.ts';
import { findSupplementalTrace } from './supplemental-trace.ts';

/** A complaint, as the public record has it. */
export interface FeedbackReport {
  readonly feedback_type: string;
  readonly user_agent: string;
  readonly version: string;
  /** RFC 3339. */
  readonly arrival_date: string | null;
  readonly incidents: number | null;
  readonly original_envelope_id: string | null;
  readonly original_mail_from: string | null;
  readonly reporting_mta: DsnMta | null;
  readonly source_ip: string | null;
  readonly authentication_results: readonly string[];
  /** Spelled as the reference does. */
  readonly original_rcpto_to: readonly string[];
  readonly reported_domain: readonly string[];
  readonly reported_uri: readonly string[];
  readonly extensions: Readonly<Record<string, readonly string[]>>;
  /** What came back of the message, its line ends LF, its beginning only. */
  readonly original_message: string | null;
  /** What a header of the original said that was put there when it was sent. */
  readonly supplemental_trace: Readonly<Record<string, unknown>> | null;
}

// A date that cannot be read is none here; RFC 5965 section 3.2 knows both names.
function readArrival(fields: Fields): string | null {
  const received = fields.one('received-date');
  const at = parseMailDate(fields.one('arrival-date') ?? received ?? '');
  return at === undefined ? null : new Date(at).toISOString();
}

function readIncidents(fields: Fields): number | null {
  const value = fields.one('incidents');
  if (value === undefined) return null;
  if (!/^\d{1,9}$/.test(value)) throw new MalformedReport('incidents is no number');
  return Number(value);
}

function readReporter(fields: Fields): DsnMta | null {
  const value = fields.one('reporting-mta');
  if (value === undefined) return null;
  const { type, text } = readTyped('reporting-mta', value);
  return { mta_type: type, name: text };
}

function readFeedback(block: Block, original: string | undefined): FeedbackReport {
  const fields = new Fields(block);
  const from = fields.one('original-mail-from');
  return {
    feedback_type: fields.need('feedback-type'),
    user_agent: fields.need('user-agent'),
    version: fields.need('version'),
    arrival_date: readArrival(fields),
    incidents: readIncidents(fields),
    original_envelope_id: fields.one('original-envelope-id') ?? null,
    original_mail_from: from === undefined ? null : withoutBrackets(from),
    reporting_mta: readReporter(fields),
    source_ip: fields.one('source-ip') ?? null,
    authentication_results: fields.all('authentication-results'),
    original_rcpto_to: fields.all('original-rcpt-to').map(withoutBrackets),
    reported_domain: fields.all('reported-domain'),
    reported_uri: fields.all('reported-uri'),
    extensions: fields.rest(),
    original_message: original ?? null,
    supplemental_trace: original === undefined ? null : findSupplementalTrace(original),
  };
}

/** Reads the parts of a report; undefined where it is of another type. Throws MalformedReport. */
export function readFeedbackReport(parts: ReportParts): FeedbackReport | undefined {
  if (parts.reportType !== 'feedback-report') return undefined;
  const text = parts.find('message/feedback-report');
  if (text === undefined) throw new MalformedReport('it has no feedback report');
  const [block, ...more] = readBlocks(text);
  if (block === undefined) throw new MalformedReport('its feedback report is empty');
  if (more.length > 0) throw new MalformedReport('its feedback report has several blocks');
  return readFeedback(block, parts.original);
}

/** Reads a message as a complaint. */
export const parseRfc5965 = (message: Uint8Array): Promise<Reading<FeedbackReport>> =>
  reading(message, readFeedbackReport);
