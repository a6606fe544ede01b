/**
 * Writes a report of failure to the sender of a message (RFC 3464, in the frame of RFC 6522). The
 * one idea: everything in it comes from public records, so the same records make the same report,
 * octet for octet, and a report that is made twice can be known as one.
 * Deliberately unknown here: how it is sent, and whether it should be.
 */
import { formatResponse } from '../domain/bounce-rules.ts';
import { formatMailDate } from '../domain/instant.ts';
import { OptionError } from '../domain/option-error.ts';
import { flag, oneOf, tableOf, text } from '../domain/option-kinds.ts';
import type { OptionTable, Parsed } from '../domain/options.ts';
import { inert, isTable, option, readOptions, required } from '../domain/options.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
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

/** What failed of one message: a record for all recipients that share a reason. */
export type Failures = readonly [LogRecord, ...LogRecord[]];

type Params = NdrParams;

/** Whether a record is to be reported to the sender of its message. */
export function isReported(
  params: Pick<Params, 'enable_bounce' | 'enable_expiration'>,
  record: LogRecord,
): boolean {
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

/** Why one failure happened, in words. */
function reasonOf(record: LogRecord): string {
  const said = oneLine(formatResponse(record.response).trimEnd());
  if (record.type === 'Expiration') return `It could not be delivered in time: ${said}`;
  const peer = record.peer_address?.name ?? '';
  return peer === '' ? `It cannot be delivered: ${said}` : `${oneLine(peer)} refused it: ${said}`;
}

/** Lines for people. */
function explain(records: Failures, mta: string): string {
  const [first] = records;
  return [
    `This is the mail system at ${mta}.`,
    '',
    'Your message could not be delivered and will not be tried again:',
    '',
    `  received: ${formatMailDate(first.created * 1000)}`,
    `  from:     ${oneLine(first.sender)}`,
    ...records.flatMap((record) => [
      ...recipientsOf(record).map((recipient) => `  to:       ${oneLine(recipient)}`),
      '',
      reasonOf(record),
      '',
    ]),
  ]
    .map((line) => foldField(line, '    '))
    .join('\r\n');
}

type Field = (key: string, value: string) => string;

/** Lines for machines (RFC 3464 section 2); addresses beyond ASCII by RFC 6533 section 3. */
function describeStatus(records: Failures, { mta_type, name }: Params['reporting_mta']): string {
  const isGlobal = isInternational(records);
  const field: Field = (key, value) =>
    foldField(`${key}: ${isGlobal ? oneLine(value) : asAscii(oneLine(value))}`);
  const about = records.flatMap((record) => describeFailure(record, field));
  const created = field('Arrival-Date', formatMailDate(records[0].created * 1000));
  return [field('Reporting-MTA', `${mta_type}; ${name}`), created, '', ...about].join('\r\n');
}

/** A block for each recipient of one failure. */
function describeFailure(record: LogRecord, field: Field): string[] {
  const peer = record.peer_address?.name ?? '';
  const at = record.timestamp * 1000;
  return recipientsOf(record).map((recipient) =>
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
}

const isInternational = (records: Failures): boolean =>
  ![records[0].sender, ...records.flatMap(recipientsOf)].every(isAscii);

/** One part: its type, then its bytes. */
interface Part {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const ENCODER = new TextEncoder();

function partsOf(params: Params, records: Failures, original: Uint8Array | undefined): Part[] {
  const status = isInternational(records) ? 'global-delivery-status' : 'delivery-status';
  const parts: Part[] = [
    {
      type: 'text/plain; charset=utf-8',
      bytes: ENCODER.encode(explain(records, oneLine(params.reporting_mta.name))),
    },
    {
      type: `message/${status}`,
      bytes: ENCODER.encode(describeStatus(records, params.reporting_mta)),
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
function chooseBoundary([record]: Failures, parts: readonly Part[]): string {
  const texts = parts.map(({ bytes }) => new TextDecoder('latin1').decode(bytes));
  for (let attempt = 0; ; attempt += 1) {
    const boundary = `=_${record.event_id}.${attempt}`;
    if (!texts.some((text) => text.includes(boundary))) return boundary;
  }
}

const encodingOf = (bytes: Uint8Array): string =>
  bytes.some((byte) => byte > 0x7f) ? '8bit' : '7bit';

function writeHeader(records: Failures, mta: string, boundary: string, encoding: string): string {
  const [record] = records;
  const type = isInternational(records) ? 'global-delivery-status' : 'delivery-status';
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

/** The report to the sender of a message that failed for some of its recipients. */
export function writeNdr(
  params: NdrParams,
  original: Uint8Array | undefined,
  records: Failures,
): NdrMessage {
  const parts = partsOf(params, records, original);
  const boundary = chooseBoundary(records, parts);
  const encodings = parts.map(({ bytes }) => encodingOf(bytes));
  const overall = encodings.includes('8bit') ? '8bit' : '7bit';
  const mta = oneLine(params.reporting_mta.name);
  const pieces = parts.flatMap(({ type, bytes }, at) => [
    `--${boundary}\r\nContent-Type: ${type}\r\n` +
      `Content-Transfer-Encoding: ${encodings[at]}\r\n\r\n`,
    withEnd(bytes),
  ]);
  const header = writeHeader(records, mta, boundary, overall);
  const data = joinBytes([header, ...pieces, `--${boundary}--\r\n`]);
  return { sender: '', recipient: records[0].sender, data };
}

/** Params as operators write them. */
export type NdrParamsGiven = { readonly [Key in keyof typeof NDR_OPTIONS]?: unknown };

/** Reads params; throws OptionError with `where` in it. */
export const readNdrParams = (params: NdrParamsGiven, where: string): NdrParams =>
  readOptions(NDR_OPTIONS, params, where);

/** Params with some of them said anew, as a handler does; throws OptionError. */
export function laidOver(params: NdrParams, given: unknown, where: string): NdrParams {
  if (!isTable(given)) {
    throw new OptionError(where, '', 'is no table', 'answer false, or options of setup.ndr');
  }
  return readNdrParams({ ...params, ...given }, where);
}

/**
 * The report to the sender of what a record says, or undefined where there is to be none: the
 * sender is null, the type is not wanted, or no server refused it. `original` is the whole message.
 * Throws OptionError for params that cannot be read.
 */
export function generateRfc3464Message(
  params: NdrParamsGiven,
  original: Uint8Array | undefined,
  record: LogRecord,
): NdrMessage | undefined {
  const read = readNdrParams(params, 'generateRfc3464Message');
  return isReported(read, record) ? writeNdr(read, original, [record]) : undefined;
}
