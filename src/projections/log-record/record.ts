/**
 * The public log record: the JSON that log files, webhooks and brokers carry, with the names of the
 * reference (spec: one object per event). Fields that may be `null` are always there; optional ones
 * are left out where there is nothing to say. `event_id` and `schema_version` are ours.
 * Deliberately unknown here: the events it is made of, and who gets it.
 */
import type { RecordType } from '../../domain/record-type.ts';

// biome-ignore-start lint/performance/noBarrelFile: options may not reach records, but name types.
/** What a record can be about, and its type. */
export { RECORD_TYPES, type RecordType } from '../../domain/record-type.ts';
// biome-ignore-end lint/performance/noBarrelFile: see above.

/** The version of this shape: raised when a field changes its meaning or goes. */
export const RECORD_SCHEMA_VERSION = 1;

/** A value as JSON has it. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** An enhanced status code (RFC 3463 section 2). */
export interface EnhancedCode {
  readonly class: number;
  readonly subject: number;
  readonly detail: number;
}

/** A reply, in one line. */
export interface ResponseField {
  readonly code: number;
  readonly enhanced_code: EnhancedCode | null;
  /** Without the enhanced code; line ends are spaces. */
  readonly content: string;
  /** What drew it, as on the wire; null where nothing did. */
  readonly command: string | null;
}

/** The other end. */
export interface PeerField {
  /** Host name of the exchanger; what a client said at EHLO; '' for HTTP. */
  readonly name: string;
  /** IP, IP:port or unix path. */
  readonly addr: string;
  readonly is_secure?: true;
}

/** Our end of a connection out. */
export interface SourceAddressField {
  readonly address: string;
  readonly server?: string;
  readonly protocol?: 'haproxy' | 'socks5';
}

/** One event of one message, as the world is told. */
export interface LogRecord {
  readonly type: RecordType;
  /** 32 lower-case hex digits; '' in Rejection. */
  readonly id: string;
  readonly event_id: string;
  readonly schema_version: number;
  readonly sender: string;
  /** One address as text; none, or two and more, as a list. */
  readonly recipient: string | readonly string[];
  readonly queue: string;
  readonly site: string;
  readonly size: number;
  readonly response: ResponseField;
  readonly peer_address: PeerField | null;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** RFC 3339 with milliseconds, Z. */
  readonly event_time: string;
  readonly created: number;
  readonly created_time: string;
  readonly num_attempts: number;
  readonly bounce_classification: string;
  readonly egress_pool: string | null;
  readonly egress_source: string | null;
  readonly source_address: SourceAddressField | null;
  readonly feedback_report: JsonValue;
  readonly meta: { readonly [name: string]: JsonValue };
  readonly headers: { readonly [name: string]: string | readonly string[] };
  readonly delivery_protocol: string | null;
  readonly reception_protocol: string | null;
  readonly nodeid: string;
  readonly tls_cipher?: string;
  readonly tls_protocol_version?: string;
  readonly tls_peer_subject_name?: readonly string[];
  readonly provider_name?: string;
  readonly session_id?: string;
}
