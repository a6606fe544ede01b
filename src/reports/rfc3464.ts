/**
 * Delivery status notifications (RFC 3464; of internationalized mail RFC 6533): what another server
 * says became of mail that it had accepted. The one idea: what does not follow the form is no
 * report, because half of one would be a bounce that nobody sent.
 * Deliberately unknown here: whose mail it was, and what is done about it.
 */
import type { At } from '../ports/ports.ts';
import type { Block, Typed } from './fields.ts';
import { Fields, MalformedReport, readBlocks, readTyped, withoutBrackets } from './fields.ts';
import { parseMailDate } from './mail-date.ts';
import type { Reading, ReportParts } from './parts.ts';
import { reading } from './parts.ts';

/** What became of a message for one recipient (RFC 3464 section 2.3.3). */
export type DsnAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

/** Fields that nobody knows, by name in lower case. */
type Extensions = Readonly<Record<string, readonly string[]>>;

/** A server by its type of name: `dns; mx.example.com`. */
export interface DsnMta {
  readonly mta_type: string;
  readonly name: string;
}

/** An address by its type: `rfc822; user@example.com`. */
export interface DsnRecipient {
  readonly recipient_type: string;
  readonly recipient: string;
}

/** The block about the message (RFC 3464 section 2.2); times in ms since 1970. */
export interface DsnMessage {
  readonly reporting_mta: DsnMta;
  readonly original_envelope_id?: string | undefined;
  readonly dsn_gateway?: DsnMta | undefined;
  readonly received_from_mta?: DsnMta | undefined;
  readonly arrival_date?: At | undefined;
  readonly extensions: Extensions;
}

/** A block about a recipient (RFC 3464 section 2.3); times in ms since 1970. */
export interface DsnPerRecipient {
  readonly final_recipient: DsnRecipient;
  readonly action: DsnAction;
  /** `5.1.1`. */
  readonly status: string;
  readonly original_recipient?: DsnRecipient | undefined;
  readonly remote_mta?: DsnMta | undefined;
  readonly diagnostic_code?: { readonly diagnostic_type: string; readonly diagnostic: string };
  readonly last_attempt_date?: At | undefined;
  readonly final_log_id?: string | undefined;
  readonly will_retry_until?: At | undefined;
  readonly extensions: Extensions;
}

/** A delivery status notification. */
export interface DsnReport {
  readonly per_message: DsnMessage;
  readonly per_recipient: readonly DsnPerRecipient[];
  /** What came back of the message, its line ends LF, its beginning only. */
  readonly original_message: string | undefined;
}

const ACTIONS: readonly string[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'];
// RFC 3464 section 2.3.4: a comment may follow.
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?=\s|\(|$)/;

const mta = ({ type, text }: Typed): DsnMta => ({ mta_type: type, name: text });
const recipient = ({ type, text }: Typed): DsnRecipient => ({
  recipient_type: type,
  recipient: withoutBrackets(text),
});

const optionally = <T>(fields: Fields, name: string, make: (typed: Typed) => T): T | undefined => {
  const value = fields.one(name);
  return value === undefined ? undefined : make(readTyped(name, value));
};

function readDate(fields: Fields, name: string): At | undefined {
  const value = fields.one(name);
  if (value === undefined) return undefined;
  const at = parseMailDate(value);
  if (at === undefined) throw new MalformedReport(`${name} is no date`);
  return at;
}

function readMessage(block: Block): DsnMessage {
  const fields = new Fields(block);
  return {
    reporting_mta: mta(readTyped('reporting-mta', fields.need('reporting-mta'))),
    original_envelope_id: fields.one('original-envelope-id'),
    dsn_gateway: optionally(fields, 'dsn-gateway', mta),
    received_from_mta: optionally(fields, 'received-from-mta', mta),
    arrival_date: readDate(fields, 'arrival-date'),
    extensions: fields.rest(),
  };
}

function readAction(fields: Fields): DsnAction {
  // RFC 3464 section 2.3.3: keywords are written in any case.
  const action = fields.need('action').toLowerCase();
  if (!ACTIONS.includes(action)) throw new MalformedReport('action is none of those there are');
  return action as DsnAction;
}

function readStatus(fields: Fields): string {
  const [, status] = STATUS.exec(fields.need('status')) ?? [];
  if (status === undefined) throw new MalformedReport('status is no status code');
  return status;
}

function readPerRecipient(block: Block): DsnPerRecipient {
  const fields = new Fields(block);
  const diagnostic = optionally(fields, 'diagnostic-code', ({ type, text }) => ({
    diagnostic_type: type,
    diagnostic: text,
  }));
  return {
    final_recipient: recipient(readTyped('final-recipient', fields.need('final-recipient'))),
    action: readAction(fields),
    status: readStatus(fields),
    original_recipient: optionally(fields, 'original-recipient', recipient),
    remote_mta: optionally(fields, 'remote-mta', mta),
    ...(diagnostic === undefined ? {} : { diagnostic_code: diagnostic }),
    last_attempt_date: readDate(fields, 'last-attempt-date'),
    final_log_id: fields.one('final-log-id'),
    will_retry_until: readDate(fields, 'will-retry-until'),
    extensions: fields.rest(),
  };
}

/** Reads the parts of a report. Throws MalformedReport. */
export function readDsn(parts: ReportParts): DsnReport {
  const text = parts.find('message/delivery-status', 'message/global-delivery-status');
  if (text === undefined) throw new MalformedReport('it has no delivery status');
  const [first, ...rest] = readBlocks(text);
  if (first === undefined) throw new MalformedReport('its delivery status is empty');
  const per_message = readMessage(first);
  if (rest.length === 0) throw new MalformedReport('it is about no recipient');
  return {
    per_message,
    per_recipient: rest.map(readPerRecipient),
    original_message: parts.original,
  };
}

/** Reads a message as a delivery status notification. */
export const parseRfc3464 = (message: Uint8Array): Promise<Reading<DsnReport>> =>
  reading(message, readDsn);
