/**
 * What a record needs of the message it is about: the acceptance, read once and kept for the
 * records that follow it. The one idea: whoever reads the log remembers acceptances as far as it
 * likes; one that cannot be had leaves a record poorer, never missing.
 * Deliberately unknown here: how many are remembered, and what the records look like.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import { decode } from '../../events/codec.ts';
import type { AcceptedBody } from '../../events/message.ts';
import type { ReportEnvelope } from '../../events/report.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import type { JsonValue, LogRecord } from './record.ts';

/** The acceptance of a message, as far as its records need it. */
export interface AcceptanceFacts {
  readonly from: string;
  readonly to: readonly string[];
  readonly queue: string;
  /** Bytes of the body. */
  readonly size: number;
  readonly protocol: string | null;
  /** Captured at reception, and what follows from the envelope. */
  readonly meta: LogRecord['meta'];
  readonly headers: LogRecord['headers'];
}

/** How a message came in, in the reference's words; null where nobody brought it. */
const PROTOCOLS: Readonly<Record<string, string>> = { esmtp: 'ESMTP', http: 'HTTP' };

const NO_HEADERS: LogRecord['headers'] = Object.freeze({});

/** What the name of a queue says of a message. */
export function metaOfQueue(queue: string): Record<string, JsonValue> {
  if (!queue.includes('@') && !queue.includes('!')) return {};
  const { tenant, campaign, routing_domain } = parseQueueName(queue);
  return {
    ...(tenant ? { tenant } : {}),
    ...(campaign === undefined ? {} : { campaign }),
    ...(routing_domain === undefined ? {} : { routing_domain }),
  };
}

type Arrived = Pick<AcceptedBody, 'queue' | 'peer' | 'helo' | 'meta'>;

function metaOf(body: Arrived, protocol: string | null): LogRecord['meta'] {
  const meta = metaOfQueue(body.queue);
  if (protocol !== null) meta['reception_protocol'] = protocol;
  if (body.peer !== '') meta['received_from'] = body.peer;
  if (body.helo !== '') meta['ehlo_domain'] = body.helo;
  return body.meta === undefined ? meta : Object.assign(meta, body.meta);
}

/** The facts of an acceptance. */
export function factsOf(body: AcceptedBody): AcceptanceFacts {
  const protocol = PROTOCOLS[body.service] ?? null;
  return {
    from: body.from,
    to: body.to,
    queue: body.queue,
    size: body.body[2],
    protocol,
    meta: metaOf(body, protocol),
    headers: body.headers ?? NO_HEADERS,
  };
}

/** The facts of mail that brought a report. */
export function factsOfReport(body: ReportEnvelope): AcceptanceFacts {
  const protocol = PROTOCOLS['esmtp'] ?? null;
  const { from, to, queue, size, headers = NO_HEADERS } = body;
  return { from, to, queue, size, protocol, meta: metaOf(body, protocol), headers };
}

/** The facts of the acceptance that a record of the log is; undefined where it is none. */
export function acceptanceOf(record: StoredRecord): AcceptanceFacts | undefined {
  if (record.type !== 'message.accepted' && record.type !== 'message.recovered') return undefined;
  return factsOf(decode(record, true).body as AcceptedBody);
}
