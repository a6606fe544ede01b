/**
 * The public record defined once: each field with its schema and one phrase, each type with when it
 * is written. JSON Schema, AsyncAPI and the operators' table are printed from here. The shape that
 * the compiler checks is in record.ts; the key lists cannot drift apart.
 * Deliberately unknown here: events.
 */
import type { LogRecord, RecordType } from './record.ts';
import { RECORD_SCHEMA_VERSION } from './record.ts';

/** A JSON Schema (draft 7). */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** One field: what it may hold and what it means. */
export interface FieldDefinition {
  readonly schema: JsonSchema;
  readonly says: string;
  /** Left out where there is nothing to say; all others are always there. */
  readonly isOptional?: true;
}

const text: JsonSchema = { type: 'string' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const textOrNull: JsonSchema = { type: ['string', 'null'] };
const instant: JsonSchema = { type: 'string', format: 'date-time' };
const UUID: JsonSchema = { type: 'string', format: 'uuid' };

const closed = (properties: JsonSchema, required: readonly string[]): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const orNull = (schema: JsonSchema): JsonSchema => ({ oneOf: [{ type: 'null' }, schema] });

const digits = (maximum: number): JsonSchema => ({ type: 'integer', minimum: 0, maximum });
const ENHANCED = closed({ class: { enum: [2, 4, 5] }, subject: digits(999), detail: digits(999) }, [
  'class',
  'subject',
  'detail',
]);

const RESPONSE = closed(
  {
    code: digits(599),
    enhanced_code: orNull(ENHANCED),
    content: { type: 'string', pattern: '^[^\\r\\n]*$' },
    command: textOrNull,
  },
  ['code', 'enhanced_code', 'content', 'command'],
);

const PEER = closed({ name: text, addr: text, is_secure: { const: true } }, ['name', 'addr']);
const texts: JsonSchema = { type: 'array', items: text };
const FEEDBACK = closed(
  {
    feedback_type: text,
    user_agent: text,
    version: text,
    arrival_date: { type: ['string', 'null'] },
    incidents: { type: ['integer', 'null'] },
    original_envelope_id: { type: ['string', 'null'] },
    original_mail_from: { type: ['string', 'null'] },
    reporting_mta: orNull(closed({ mta_type: text, name: text }, ['mta_type', 'name'])),
    source_ip: { type: ['string', 'null'] },
    authentication_results: texts,
    original_rcpto_to: texts,
    reported_domain: texts,
    reported_uri: texts,
    extensions: { type: 'object', additionalProperties: texts },
    original_message: { type: ['string', 'null'] },
    supplemental_trace: { type: ['object', 'null'] },
  },
  ['feedback_type', 'user_agent', 'version', 'original_rcpto_to', 'supplemental_trace'],
);
const SOURCE_ADDRESS = closed(
  { address: text, server: text, protocol: { enum: ['haproxy', 'socks5'] } },
  ['address'],
);

/** Every field of a record, in the order in which it is written. */
export const FIELDS: { readonly [K in keyof Required<LogRecord>]: FieldDefinition } = {
  type: { schema: text, says: 'what happened' },
  id: {
    schema: { type: 'string', pattern: '^(?:[0-9a-f]{32})?$' },
    says: 'the message; empty in Rejection',
  },
  event_id: {
    schema: { type: 'string', pattern: '^[0-9]+-[0-9a-f]{16}$' },
    says: 'the event: its position in the log and proof of which log; deduplicate by it',
  },
  schema_version: {
    schema: { const: RECORD_SCHEMA_VERSION },
    says: 'raised when a field changes its meaning or goes',
  },
  sender: { schema: text, says: 'envelope sender; empty for the null sender' },
  recipient: {
    schema: { oneOf: [text, { type: 'array', items: text, not: { minItems: 1, maxItems: 1 } }] },
    says: 'one recipient as text, none or several as a list',
  },
  queue: { schema: text, says: 'scheduled queue, as it was then; empty in Rejection' },
  site: {
    schema: text,
    says: 'ready queue of an attempt; `localhost` in AdminBounce; else empty',
  },
  size: { schema: count, says: 'bytes of the message; 0 where not known and in Rejection' },
  response: { schema: RESPONSE, says: 'the reply, in one line, and what drew it' },
  peer_address: { schema: orNull(PEER), says: 'the other end' },
  timestamp: { schema: count, says: 'when it happened, seconds since 1970' },
  event_time: { schema: instant, says: 'the same with milliseconds' },
  created: { schema: count, says: 'when the message was taken over, seconds since 1970' },
  created_time: { schema: instant, says: 'the same with milliseconds' },
  num_attempts: { schema: count, says: 'attempts before this one' },
  bounce_classification: {
    schema: text,
    says: 'label of the first rule that matches; else `Uncategorized`',
  },
  egress_pool: { schema: textOrNull, says: 'pool of the queue, in records of attempts' },
  egress_source: { schema: textOrNull, says: 'source that was used or chosen' },
  source_address: {
    schema: orNull(SOURCE_ADDRESS),
    says: 'our end of the connection as the peer saw it, and the proxy in between',
  },
  feedback_report: { schema: {}, says: 'only in Feedback' },
  meta: { schema: { type: 'object' }, says: 'metadata that was asked for' },
  headers: {
    schema: {
      type: 'object',
      additionalProperties: { oneOf: [text, { type: 'array', items: text, minItems: 2 }] },
    },
    says: 'header fields that were asked for; a list where one came several times',
  },
  delivery_protocol: { schema: textOrNull, says: '`ESMTP` in records of attempts' },
  reception_protocol: { schema: textOrNull, says: '`ESMTP`, `HTTP`, or null' },
  nodeid: { schema: UUID, says: 'the data directory' },
  tls_cipher: { schema: text, says: 'cipher of the connection', isOptional: true },
  tls_protocol_version: { schema: text, says: 'such as `TLSv1.3`', isOptional: true },
  tls_peer_subject_name: {
    schema: { type: 'array', items: text },
    says: 'common name in the certificate of the peer, as `CN=name`',
    isOptional: true,
  },
  provider_name: { schema: text, says: 'reserved', isOptional: true },
  session_id: {
    schema: UUID,
    says: 'the connection: all records of one session in or out have the same',
    isOptional: true,
  },
};

/** When a record is written, and what is certain of it. */
export interface TypeDefinition {
  readonly says: string;
  /** The message ends for these recipients. */
  readonly isEnd?: true;
  /** Reserved: nothing writes it yet. */
  readonly isReserved?: true;
  readonly narrows?: { readonly [K in keyof LogRecord]?: JsonSchema };
}

const code = (minimum: number, maximum: number): JsonSchema => ({
  properties: { code: { minimum, maximum } },
});
const isNull: JsonSchema = { type: 'null' };
const reserved = (says: string): TypeDefinition => ({ says, isReserved: true });

/** Every type of record. */
export const TYPES: { readonly [T in RecordType]: TypeDefinition } = {
  Reception: {
    says: 'mail was taken over: one record for each message that its transaction became',
    narrows: { response: code(250, 250), num_attempts: { const: 0 } },
  },
  Delivery: {
    says: 'the peer took the message over for these recipients',
    isEnd: true,
    narrows: { response: code(200, 299), peer_address: PEER },
  },
  Bounce: {
    says: 'it was refused for good for these recipients',
    isEnd: true,
    narrows: { response: code(400, 599) },
  },
  TransientFailure: {
    says: 'an attempt failed for now, or its outcome is not known; another follows',
    narrows: { response: code(100, 599) },
  },
  Delayed: {
    says: 'the message waits until a time that no attempt explains',
    narrows: { response: code(400, 400), egress_source: isNull },
  },
  Expiration: {
    says: 'it grew too old for these recipients, or died in memory (deferred_spool)',
    isEnd: true,
    narrows: { response: code(551, 551), egress_source: isNull },
  },
  AdminBounce: {
    says: 'an operator ended it; not where that was to be done quietly',
    isEnd: true,
    narrows: { site: { const: 'localhost' }, egress_source: isNull },
  },
  AdminRebind: {
    says: 'an operator moved it to another queue; not where that was to be done quietly',
    narrows: { response: code(250, 250), egress_source: isNull },
  },
  DeferredInjectionRebind: reserved('mail that was taken without looking is in its queue'),
  OOB: {
    says: 'a report that came in by mail says that another server did not reach this recipient',
    narrows: { size: { const: 0 }, num_attempts: { const: 0 }, peer_address: PEER },
  },
  Feedback: {
    says: 'a complaint came in by mail; there is no Reception beside it',
    narrows: { response: code(250, 250), feedback_report: FEEDBACK },
  },
  Rejection: {
    says: 'a client was refused a command; a bounded number a second, never for lack of room',
    narrows: { id: { const: '' }, response: code(400, 599), reception_protocol: isNull },
  },
  XferOut: reserved('it was handed to another node'),
  XferIn: reserved('it came from another node'),
};
