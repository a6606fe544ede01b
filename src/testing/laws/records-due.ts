/**
 * Which public records the log owes whom: for each event its record's type and what hooks choose
 * by, as the documentation of records says it. The one idea: told once more, apart from the
 * projection that makes the records, so an error there cannot hide itself.
 * Deliberately unknown here: how records look, and who ships them.
 */
import { domainOf } from '../../domain/address.ts';
import type { HookConfig } from '../../domain/options-hook.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import type { RecordType } from '../../domain/record-type.ts';
import type { Happening } from '../result.ts';

/** A record that an event makes. */
export interface DueRecord {
  readonly position: number;
  readonly at: number;
  readonly type: RecordType;
  /** The id of the message; that of the event's stream where it is about none. */
  readonly stream: string;
  readonly queue: string;
  readonly to: readonly string[];
}

type Body = Happening['body'];
type Naming = (body: Body, at: number) => RecordType | undefined;

const always =
  (type: RecordType): Naming =>
  () =>
    type;
/** What is due at once makes no record. */
const delayed: Naming = ({ due }, at) => (Number(due) > at ? 'Delayed' : undefined);

const rebound: Naming = (body, at) => {
  if (body['quiet'] === 1) return undefined;
  if (body['admin'] === 1) return body['from'] === body['queue'] ? undefined : 'AdminRebind';
  return body['cause'] === 'requeue_message' ? undefined : delayed(body, at);
};

const TYPES: Readonly<Record<string, Naming>> = {
  'message.accepted': ({ complaint }) => (complaint === 1 ? undefined : 'Reception'),
  'message.recovered': ({ complaint }) => (complaint === 1 ? undefined : 'Reception'),
  'message.delivered': always('Delivery'),
  'message.bounced': always('Bounce'),
  'message.deferred': always('TransientFailure'),
  'message.unsettled': always('TransientFailure'),
  'message.returned': delayed,
  'message.scheduled': delayed,
  'message.postponed': delayed,
  'message.rebound': rebound,
  'message.expired': always('Expiration'),
  'message.lost': always('Expiration'),
  'message.cancelled': always('AdminBounce'),
  'message.purged': ({ quiet }) => (quiet === 1 ? undefined : 'AdminBounce'),
  'reception.refused': always('Rejection'),
  'report.received': always('Reception'),
  'report.bounced': always('OOB'),
  'report.complained': always('Feedback'),
};

interface Envelope {
  readonly to: readonly string[];
  queue: string;
}

const listOf = (value: unknown): readonly string[] => {
  if (Array.isArray(value)) return value.map(String);
  return value === undefined ? [] : [String(value)];
};

/** The recipients that an event speaks of: by name, by number, or all of them. */
function recipientsOf({ type, body }: Happening, envelope: Envelope | undefined) {
  if (type === 'report.bounced') return listOf(body['recipient']);
  const named = listOf(body['to']);
  const { index } = body;
  if (named.length > 0 || envelope === undefined) return named;
  return Array.isArray(index) ? index.map((at) => envelope.to[Number(at)] ?? '') : envelope.to;
}

/** All records that these events make, in their order. */
export function recordsDue(events: readonly Happening[]): readonly DueRecord[] {
  const envelopes = new Map<string, Envelope>();
  return events.flatMap((event): DueRecord[] => {
    const { position, at, type, stream, body } = event;
    if (type === 'message.accepted' || type === 'message.recovered') {
      envelopes.set(stream, { to: listOf(body['to']), queue: '' });
    }
    const envelope = envelopes.get(stream);
    const queue = String(body['queue'] ?? envelope?.queue ?? '');
    if (envelope !== undefined) envelope.queue = queue;
    const named = TYPES[type]?.(body, at);
    if (named === undefined) return [];
    return [{ position, at, type: named, stream, queue, to: recipientsOf(event, envelope) }];
  });
}

/** Whether a hook asks for a record, by its own lists. */
export function isAsked({ filter }: HookConfig, { type, queue, to }: DueRecord): boolean {
  const { types, tenants, campaigns, domains } = filter;
  const { tenant = '', campaign = '' } = parseQueueName(type === 'Rejection' ? '' : queue);
  return (
    types.has(type) &&
    tenants?.has(tenant) !== false &&
    campaigns?.has(campaign) !== false &&
    (domains === undefined || to.some((one) => domains.has(domainOf(one))))
  );
}
