/**
 * Which scheduled queue metadata lead to. The idea: what a client's header says must never name
 * another queue than its place in the form allows. Knows no policy.
 */
import { domainOf } from '../domain/address.ts';
import { formatQueueName, isUnambiguous } from '../domain/queue-name.ts';
import { reject } from '../domain/reject.ts';
import type { Metadata } from './metadata.ts';

/** The queue that is none: what is assigned to it at reception is discarded. */
export const NULL_QUEUE = 'null';

/** The name of a queue, characters. */
export const QUEUE_NAME_CHARS_MAX = 1024;

const CONTROL = /[\p{Cc}\u2028\u2029\p{Cs}]/u;

function readText(meta: Metadata, key: string): string | undefined {
  const value = meta.get(key);
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'number' && key !== 'queue') return String(value);
  if (typeof value === 'string' && !CONTROL.test(value)) return value;
  return reject(550, `5.6.0 the metadata '${key}' is no text`);
}

/** The queue's name; metadata that cannot make one refuse the message (550). */
export function queueOf(meta: Metadata, firstRecipient: string): string {
  const whole = readText(meta, 'queue');
  const tenant = readText(meta, 'tenant');
  const campaign = readText(meta, 'campaign');
  const routing = readText(meta, 'routing_domain');
  const name = {
    domain: domainOf(firstRecipient),
    ...(tenant === undefined ? {} : { tenant }),
    ...(campaign === undefined ? {} : { campaign }),
    ...(routing === undefined ? {} : { routing_domain: routing.toLowerCase() }),
  };
  if (whole === undefined && !isUnambiguous(name)) {
    return reject(550, "5.6.0 tenant, campaign or routing_domain holds one of '@', ':' and '!'");
  }
  const text = whole ?? formatQueueName(name);
  if (text.length <= QUEUE_NAME_CHARS_MAX) return text;
  return reject(550, `5.6.0 the name of the queue exceeds ${QUEUE_NAME_CHARS_MAX} characters`);
}
