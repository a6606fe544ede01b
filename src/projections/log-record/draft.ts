/**
 * A record before it has a type's own fields: everything that all records share, in one order of
 * fields. Knows no event.
 */

import type { RuledResponse } from '../../domain/bounce-rules.ts';
import { UNCATEGORIZED } from '../../domain/bounce-rules.ts';
import { acceptedAtOfMessageId } from '../../domain/message-id.ts';
import type { CommittedRecord } from '../../ports/committed-log.ts';
import type { AcceptanceFacts } from './acceptance.ts';
import { metaOfQueue } from './acceptance.ts';
import { eventIdOf, formatCreated, formatInstant, oneOrMany } from './fields.ts';
import type { LogRecord, RecordType, ResponseField } from './record.ts';
import { RECORD_SCHEMA_VERSION } from './record.ts';

/** What a record of the log is projected with. */
export interface RecordFacts {
  /** UUID of this node; see nodeIdOf. */
  readonly nodeid: string;
  /** The acceptance at a position of the log (0: not known), or of a message by its id. */
  findAcceptance(origin: number, messageId: string): AcceptanceFacts | undefined;
  /** Told of each acceptance that goes by, so that it need not be read again. */
  noteAcceptance?(position: number, messageId: string, facts: AcceptanceFacts): void;
  /** What a failure is called; without it none has a name. */
  classify?(response: RuledResponse): string;
}

/** What is at hand while a record is made. */
export interface Making {
  readonly record: CommittedRecord;
  readonly facts: RecordFacts;
  readonly about: AcceptanceFacts | undefined;
}

/** Fields that differ from type to type; all others are found. */
export interface Parts {
  readonly type: RecordType;
  readonly to: readonly string[];
  readonly queue: string;
  readonly response: ResponseField;
  readonly attempts: number;
  readonly site?: string;
}

/** A record whose fields can still be set. */
export type Draft = { -readonly [K in keyof LogRecord]: LogRecord[K] };

/** Begins a record. */
export function draft({ record, facts, about }: Making, parts: Parts): Draft {
  const { at, stream, position, chain } = record;
  const created = acceptedAtOfMessageId(stream);
  return {
    type: parts.type,
    id: stream,
    event_id: eventIdOf(position, chain),
    schema_version: RECORD_SCHEMA_VERSION,
    sender: about?.from ?? '',
    recipient: oneOrMany(parts.to),
    queue: parts.queue,
    site: parts.site ?? '',
    size: about?.size ?? 0,
    response: parts.response,
    peer_address: null,
    timestamp: Math.floor(at / 1000),
    event_time: formatInstant(at),
    created: Math.floor(created / 1000),
    created_time: formatCreated(created),
    num_attempts: parts.attempts,
    bounce_classification: UNCATEGORIZED,
    egress_pool: null,
    egress_source: null,
    source_address: null,
    feedback_report: null,
    meta: metaNow(about, parts.queue),
    headers: about?.headers ?? {},
    delivery_protocol: null,
    reception_protocol: about?.protocol ?? null,
    nodeid: facts.nodeid,
  };
}

/** A message that changed its queue has the tenant and campaign of the new one. */
function metaNow(about: AcceptanceFacts | undefined, queue: string): LogRecord['meta'] {
  if (about === undefined) return metaOfQueue(queue);
  if (about.queue === queue) return about.meta;
  const { tenant: _t, campaign: _c, routing_domain: _r, ...rest } = about.meta;
  return { ...rest, ...metaOfQueue(queue) };
}

/** The recipients an event speaks of: by name, by index into the envelope, or all of them. */
export function recipientsOf(
  about: AcceptanceFacts | undefined,
  index: readonly number[] | undefined,
  to: readonly string[] = [],
): readonly string[] {
  if (to.length > 0) return to;
  if (about === undefined) return [];
  if (index === undefined) return about.to;
  return index.flatMap((at) => about.to[at] ?? []);
}
