/**
 * What one watcher of SMTP conversations wants to see: the request it sends, read, and the question
 * whether an event passes. The one idea: a list leaves out an event only where the event says what
 * the list is about, so that what is not known yet is shown.
 * Deliberately unknown here: watchers' connections, and what else is in an event.
 */
import type { TraceMeta } from '../ports/smtp-trace.ts';
import type { Cidr } from './cidr.ts';
import { contains } from './cidr.ts';
import { parseIp } from './ip.ts';
import { cidrList, flag, listOf, text } from './option-kinds.ts';
import type { Kind, OptionTable } from './options.ts';
import { optional, readOptions } from './options.ts';

/** Which sessions are watched: ours to others, or those of clients with us. */
export type TraceSide = 'client' | 'server';

/** A request, read. */
export interface TraceFilter {
  /** Data of this direction are shown by their first line and length where they have more. */
  readonly abbreviates: 'Read' | 'Write' | undefined;
  passes(meta: TraceMeta): boolean;
}

const texts = listOf(text);

// The reference has null in place of a list that is not given.
const nullable = <T>(kind: Kind<T>): Kind<T | undefined> => ({
  ...kind,
  read: (value) => (value === null ? undefined : kind.read(value)),
});

const CLIENT_TEXTS = {
  campaign: 'campaign',
  tenant: 'tenant',
  domain: 'domain',
  routing_domain: 'routing_domain',
  egress_pool: 'egress_pool',
  egress_source: 'egress_source',
  mail_from: 'sender',
  rcpt_to: 'recipient',
  mx_host: 'mx_host',
  ready_queue: 'ready_queue_name',
} as const;

const lists = (key: string) => optional(nullable(texts), `only events whose ${key} is listed`);
const networks = (key: string) =>
  optional(nullable(cidrList), `only events whose ${key} is in one of these networks`);
const TERSE = optional(flag, 'the first line and the length in place of long data');

const CLIENT_REQUEST = {
  campaign: lists('campaign'),
  tenant: lists('tenant'),
  domain: lists('domain'),
  routing_domain: lists('routing_domain'),
  egress_pool: lists('egress_pool'),
  egress_source: lists('egress_source'),
  mail_from: lists('sender'),
  rcpt_to: lists('recipient'),
  mx_host: lists('mx_host'),
  ready_queue: lists('ready_queue_name'),
  source_addr: networks('source_address'),
  mx_addr: networks('mx_address'),
  terse: TERSE,
} satisfies OptionTable;

const SERVER_REQUEST = {
  source_addr: networks('received_from'),
  terse: TERSE,
} satisfies OptionTable;

type Test = (meta: TraceMeta) => boolean;

const isListed =
  (key: string, list: readonly string[]): Test =>
  (meta) => {
    const value = meta[key];
    if (typeof value === 'string') return list.includes(value);
    if (!Array.isArray(value)) return true;
    return value.some((one) => typeof one === 'string' && list.includes(one));
  };

const PLACE = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/;

const isWithin =
  (key: string, list: readonly Cidr[]): Test =>
  (meta) => {
    const value = meta[key];
    if (typeof value !== 'string') return true;
    const found = PLACE.exec(value);
    const ip = parseIp(found?.[1] ?? found?.[2] ?? value);
    return ip === undefined || list.some((cidr) => contains(cidr, ip));
  };

/** Reads what a watcher sent; throws an `OptionError` that names the key. */
export function readTraceFilter(side: TraceSide, raw: unknown): TraceFilter {
  const where = `trace-smtp-${side}`;
  const tests: Test[] = [];
  const add = (key: string, list: readonly Cidr[] | undefined): void => {
    if (list !== undefined && list.length > 0) tests.push(isWithin(key, list));
  };
  if (side === 'server') {
    const { source_addr, terse } = readOptions(SERVER_REQUEST, raw, where);
    add('received_from', source_addr);
    return { abbreviates: terse === true ? 'Read' : undefined, passes: allOf(tests) };
  }
  const request = readOptions(CLIENT_REQUEST, raw, where);
  add('source_address', request.source_addr);
  add('mx_address', request.mx_addr);
  for (const name of Object.keys(CLIENT_TEXTS) as (keyof typeof CLIENT_TEXTS)[]) {
    const list = request[name];
    if (list !== undefined && list.length > 0) tests.push(isListed(CLIENT_TEXTS[name], list));
  }
  // What a server answers is short; what is long is what the client says: there is our mail in it.
  return { abbreviates: request.terse === true ? 'Write' : undefined, passes: allOf(tests) };
}

const allOf =
  (tests: readonly Test[]): Test =>
  (meta) =>
    tests.every((test) => test(meta));
