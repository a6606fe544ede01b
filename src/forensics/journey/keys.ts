/**
 * By which keys a record of the log is found: the one list of what can be looked up. The idea: a
 * key is a kind and a text in one spelling, and says nothing that is not in its record, so whatever
 * was found is proved by looking at the record again.
 * Deliberately unknown here: where keys are kept, and what is made of the records.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import { tokensOf } from './reply-tokens.ts';

/** What can be looked up. The numbers are in files: they are never given another meaning. */
export const KEY = {
  /** Every record, by its stream: the id of a message, the name of a queue, a source, a path. */
  stream: 1,
  /** A record of a type that is rare: those of the engine, the policy, operators. */
  type: 2,
  /** An acceptance, by each of its recipients. */
  recipient: 3,
  /** An acceptance, or a move to another queue, by the tenant in the queue's name. */
  tenant: 4,
  /** An acceptance, by the message's Message-ID field. */
  messageId: 5,
  /** A delivery, by what may be an id in the peer's reply. */
  queueId: 6,
  /** `policy.answered`, by the key of the answer. */
  answer: 7,
} as const;

/** One of the kinds. */
export type KeyKind = (typeof KEY)[keyof typeof KEY];

const RARE = /^(?:engine|policy|suspension|purge|rebind|log|operator)\./;

/** A recipient as it is looked up: addresses are found in any case. */
export const recipientKey = (address: string): string => address.trim().toLowerCase();

/** A Message-ID without its angle brackets, and comments beside them (RFC 5322 section 3.6.4). */
export const messageIdKey = (field: string): string => {
  const text = field.trim();
  return (/<(.*)>/su.exec(text)?.[1] ?? text).trim();
};

interface AcceptedKeys {
  readonly to: readonly string[];
  readonly queue: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** The Message-ID fields of captured headers; a message should have one, and may have several. */
export const messageIdsIn = (headers: AcceptedKeys['headers']): readonly string[] =>
  Object.entries(headers ?? {}).flatMap(([name, value]) =>
    name.toLowerCase() === 'message-id' ? [value].flat() : [],
  );

/** Hears of each key of a record. */
export type KeyHearer = (kind: KeyKind, text: string) => void;

/** Tells the keys of a record; one whose body cannot be read has those that need none. */
export function eachKey(record: Pick<StoredRecord, 'type' | 'stream' | 'body'>, hear: KeyHearer) {
  const { type, stream } = record;
  hear(KEY.stream, stream);
  switch (type) {
    case 'message.accepted':
    case 'message.recovered':
      return acceptedKeys(record.body, hear);
    case 'message.delivered':
      for (const token of tokensOf(read<{ text: string }>(record.body)?.text ?? '')) {
        hear(KEY.queueId, token);
      }
      return;
    case 'message.rebound':
      return tenantKey(read<{ queue: string }>(record.body)?.queue, hear);
    case 'policy.answered': {
      const answer = read<{ key: string }>(record.body)?.key;
      if (answer !== undefined) hear(KEY.answer, answer);
      return;
    }
    default:
      if (RARE.test(type)) hear(KEY.type, type);
  }
}

function acceptedKeys(body: string, hear: KeyHearer): void {
  const accepted = read<AcceptedKeys>(body);
  if (accepted === undefined) return;
  for (const key of new Set(accepted.to.map(recipientKey))) hear(KEY.recipient, key);
  tenantKey(accepted.queue, hear);
  for (const id of new Set(messageIdsIn(accepted.headers).map(messageIdKey))) {
    hear(KEY.messageId, id);
  }
}

function tenantKey(queue: string | undefined, hear: KeyHearer): void {
  const tenant = queue === undefined ? undefined : parseQueueName(queue).tenant;
  if (tenant !== undefined && tenant !== '') hear(KEY.tenant, tenant);
}

/** Undefined where the text is no JSON object: the record is damaged in a way its sum forgives. */
function read<T extends object>(body: string): T | undefined {
  try {
    const value = JSON.parse(body) as T | null;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
