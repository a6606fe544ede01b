/**
 * Writes a report of failure to the sender of a message (RFC 3464, in the frame of RFC 6522). The
 * one idea: everything in it comes from the public record, so the same record makes the same
 * report, octet for octet, and a report that is made twice can be known as one.
 * Deliberately unknown here: how it is sent, and whether it should be.
 */
import { formatResponse } from '../domain/bounce-rules.ts';
import { flag, oneOf, tableOf, text } from '../domain/option-kinds.ts';
import type { OptionTable, Parsed } from '../domain/options.ts';
import { inert, option, readOptions, required } from '../domain/options.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import { formatMailDate } from './mail-date.ts';
import {
  asAscii,
  foldField,
  isAscii,
  joinBytes,
  oneLine,
  readHeaderBytes,
  withEnd,
} from './writing.ts';

/** The options of generateRfc3464Message. */
export const NDR_OPTIONS = {
  include_original_message: required(
    oneOf('No', 'HeadersOnly', 'FullContent'),
    'what of the original goes back',
  ),
  enable_bounce: option(flag, false, 'report bounces'),
  enable_expiration: option(flag, false, 'report messages that grew too old'),
  reporting_mta: required(
    tableOf({
      mta_type: option(text, 'dns', 'kind of name'),
      name: required(text, 'name of this server'),
    } satisfies OptionTable),
    'who reports',
  ),
  stable_content: inert(flag, 'the same record always makes the same report'),
} satisfies OptionTable;

/** How reports are written. */
export type NdrParams = Parsed<typeof NDR_OPTIONS>;

/** A report to be sent. */
export interface NdrMessage {
  /** The null sender (RFC 5321 section 4.5.5): nothing answers a report. */
  readonly sender: '';
  readonly recipient: string;
  /** The mail with CRLF line ends, 8-bit where the original or an address is. */
  readonly data: Uint8Array;
}

type Params = Parsed<typeof NDR_OPTIONS>;

/** Whether a record is to be reported to the sender of its message. */
function isReported(params: Params, record: LogRecord): boolean {
  // Two servers that report each other's reports would never end.
  if (record.sender === '') return false;
  if (record.type === 'Expiration') return params.enable_expiration;
  const isBounce = record.type === 'Bounce' && record.delivery_protocol === 'ESMTP';
  return isBounce && params.enable_bounce;
}

const recipientsOf = ({ recipient }: LogRecord): readonly string[] =>
  typeof recipient === 'string' ? [recipient] : recipient;

function statusOf({ response: { code, enhanced_code: status } }: LogRecord): string {
  if (status !== null) return `${status.class}.${status.subject}.${status.detail}`;
  return code >= 400 && code < 500 ? '4.0.0' : '5.0.0';
}

/** Lines for people. */
function explain(record: LogRecord, mta: string): string {
  const said = oneLine(formatResponse(record.response).trimEnd());
  const peer = record.peer_address?.name ?? '';
  const what =
    record.type === 'Expiration'
      ? `It could not be delivered in time: ${said}`
      : `${peer === '' ? 'The receiving server' : oneLine(peer)} refused it: ${said}`;
  return [
    `This is the mail system at ${mta}.`,
    '',
    'Your message could not be delivered and will not be tried again:',
    '',
    `  received: ${formatMailDate(record.created * 1000)}`,
    `  from:     ${oneLine(record.sender)}`,
    ...recipientsOf(record).map((recipient) => `  to:       ${oneLine(recipient)}`),
    '',
    what,
    '',
  ]
    .map((line) => foldField(line, '    '))
    .join('\r\n');
}

/** Lines for machines (RFC 3464 section 2); addresses beyond ASCII by RFC 6533 section 3. */
function describeStatus(record: LogRecord, { mta_type, name }: Params['reporting_mta']): string {
  const isGlobal = isInternational(record);
  const field = (key: string, value: string): string =>
    foldField(`${key}: ${isGlobal ? oneLine(value) : asAscii(oneLine(value))}`);
  const peer = record.peer_address?.name ?? '';
  const at = record.timestamp * 1000;
  const about = recipientsOf(record).map((recipient) =>
    [
      field('Final-Recipient', `${isAscii(recipient) ? 'rfc822' : 'utf-8'}; ${recipient}`),
      field('Action', 'failed'),
      field('Status', statusOf(record)),
      ...(peer === '' ? [] : [field('Remote-MTA', `dns; ${peer}`)]),
      field('Diagnostic-Code', `smtp; ${formatResponse(record.response).trimEnd()}`),
      // A message that grew too old was not tried then.
      ...(record.type === 'Expiration' ? [] : [field('Last-Attempt-Date', formatMailDate(at))]),
      field('Final-Log-Id', record.id),
      '',
    ].join('\r\n'),
  );
  const created = field('Arrival-Date', formatMailDate(record.created * 1000));
  return [field('Reporting-MTA', `${mta_type}; ${name}`), created, '', ...about].join('\r\n');
}

const isInternational = (record: LogRecord): boolean =>
  ![record.sender, ...recipientsOf(record)].every(isAscii);

/** One part: its type, then its bytes. */
interface Part {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const ENCODER = new TextEncoder();

function partsOf(params: Params, record: LogRecord, original: Uint8Array | undefined): Part[] {
  const status = isInternational(record) ? 'global-delivery-status' : 'delivery-status';
  const parts: Part[] = [
    {
      type: 'text/plain; charset=utf-8',
      bytes: ENCODER.encode(explain(record, oneLine(params.reporting_mta.name))),
    },
    {
      type: `message/${status}`,
      bytes: ENCODER.encode(describeStatus(record, params.reporting_mta)),
    },
  ];
  const wanted = params.include_original_message;
  if (original === undefined || wanted === 'No') return parts;
  const back: Part =
    wanted === 'FullContent'
      ? { type: 'message/rfc822', bytes: original }
      : { type: 'text/rfc822-headers', bytes: readHeaderBytes(original) };
  return [...parts, back];
}

/** A boundary that stands in none of the parts. */
function chooseBoundary(record: LogRecord, parts: readonly Part[]): string {
  const texts = parts.map(({ bytes }) => new TextDecoder('latin1').decode(bytes));
  for (let attempt = 0; ; attempt += 1) {
    const boundary = `=_${record.event_id}.${attempt}`;
    if (!texts.some((text) => text.includes(boundary))) return boundary;
  }
}

const encodingOf = (bytes: Uint8Array): string =>
  bytes.some((byte) => byte > 0x7f) ? '8bit' : '7bit';

function writeHeader(record: LogRecord, mta: string, boundary: string, encoding: string): string {
  const type = isInternational(record) ? 'global-delivery-status' : 'delivery-status';
  const fields = [
    `Date: ${formatMailDate(record.timestamp * 1000)}`,
    `From: Mail Delivery Subsystem <mailer-daemon@${mta}>`,
    `To: <${oneLine(record.sender)}>`,
    'Subject: Returned mail',
    `Message-ID: <${record.event_id}@${mta}>`,
    // RFC 3834 section 5: so that nothing answers it that answers mail.
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${type}; boundary="${boundary}"`,
    `Content-Transfer-Encoding: ${encoding}`,
  ];
  return `${fields.map((field) => foldField(field)).join('\r\n')}\r\n\r\n`;
}

/**
 * The report to the sender of what a record says, or undefined where there is to be none: the
 * sender is null, the type is not wanted, or no server refused it. `original` is the whole message.
 * Throws OptionError for params that cannot be read.
 */
export function generateRfc3464Message(
  params: { readonly [Key in keyof typeof NDR_OPTIONS]?: unknown },
  original: Uint8Array | undefined,
  record: LogRecord,
): NdrMessage | undefined {
  const read = readOptions(NDR_OPTIONS, params, 'generateRfc3464Message');
  if (!isReported(read, record)) return undefined;
  const parts = partsOf(read, record, original);
  const boundary = chooseBoundary(record, parts);
  const encodings = parts.map(({ bytes }) => encodingOf(bytes));
  const overall = encodings.includes('8bit') ? '8bit' : '7bit';
  const mta = oneLine(read.reporting_mta.name);
  const pieces = parts.flatMap(({ type, bytes }, at) => [
    `--${boundary}\r\nContent-Type: ${type}\r\n` +
      `Content-Transfer-Encoding: ${encodings[at]}\r\n\r\n`,
    withEnd(bytes),
  ]);
  const header = writeHeader(record, mta, boundary, overall);
  const data = joinBytes([header, ...pieces, `--${boundary}--\r\n`]);
  return { sender: '', recipient: record.sender, data };
}
