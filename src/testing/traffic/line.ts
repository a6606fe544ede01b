/**
 * One line of a traffic file: a message, a flow of messages, or a log record of a reception. The
 * one idea: every key is known or refused, so that a misspelt one is no silent default; an error
 * names file, line, key and fix. Knows no file and no clock.
 */
import { parseDuration } from '../../domain/duration.ts';
import { moment } from '../../domain/instant.ts';
import { OptionError, OptionValueError, showValue } from '../../domain/option-error.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import type { Reader } from '../models/table-reader.ts';
import { makeReader } from '../models/table-reader.ts';

/** A point in time: since the beginning of the simulation, or by the calendar; ms. */
export type When = { readonly sinceMs: number } | { readonly at: number };

/** What a message and a flow have in common. */
interface Mail {
  readonly from: string;
  readonly bytes: number;
  readonly meta: Readonly<Record<string, string>>;
}

/** A single submission. */
export interface MessageLine extends Mail {
  readonly kind: 'message';
  readonly when: When;
  readonly to: readonly string[];
}

/** Many, spread over a span. */
export interface FlowLine extends Mail {
  readonly kind: 'flow';
  readonly name: string;
  readonly begins: When;
  readonly forMs: number;
  readonly messages: number;
  readonly domains: readonly (readonly [domain: string, weight: number])[];
  /** How busy each hour is, from its beginning on, again and again; none: all alike. */
  readonly hours: readonly number[];
}

/** What a line says; a record of anything but a reception says nothing. */
export type TrafficLine = MessageLine | FlowLine | { readonly kind: 'other record' };

const BYTES_DEFAULT = 10_240;
const BYTES_MAX = 1024 ** 3;
const RECIPIENTS_MAX = 1_000;
const FLOW_MESSAGES_MAX = 100_000_000;
const FLOW_DOMAINS_MAX = 10_000;
const WEIGHT_MAX = 1e9;
const HOURS_MAX = 24 * 31;
const META_MAX = 64;
const SENDER = 'sender@here.test';

const OFFSET = /^(\d{1,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,3}))?)?$/;
const SIZE = /^(\d+(?:\.\d+)?)([km]?)b?$/i;
const ADDRESS = /^[^\s@<>]+(?:@[^\s@<>]+)*@[^\s@<>]+$/;
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** Reads one line; `place` is `file:line`. Throws an OptionError. */
export function readTrafficLine(text: string, place: string): TrafficLine {
  const root = makeReader(place, '', parse(text, place));
  if (typeof root.table['type'] === 'string') return readRecord(root);
  return Object.hasOwn(root.table, 'flow') ? readFlow(root) : readMessage(root);
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionError(place, '', `is no JSON (${why})`, 'write one JSON object on each line');
  }
}

function readMessage(root: Reader): MessageLine {
  const line: MessageLine = {
    kind: 'message',
    when: readWhen(root, 'at', root.need('at')),
    from: readSender(root, 'from'),
    to: readRecipients(root),
    bytes: readBytes(root),
    meta: readMeta(root),
  };
  root.end();
  return line;
}

function readFlow(root: Reader): FlowLine {
  const bounds = { min: 1, max: FLOW_MESSAGES_MAX, isWhole: true, isNeeded: true };
  const line: FlowLine = {
    kind: 'flow',
    name: root.text('flow', undefined),
    begins: readWhen(root, 'from', root.take('from') ?? 0),
    forMs: readSpan(root),
    messages: root.number('messages', bounds) as number,
    domains: readDomains(root),
    hours: readHours(root),
    from: readSender(root, 'sender'),
    bytes: readBytes(root),
    meta: readMeta(root),
  };
  root.end();
  return line;
}

/** A record of the log; what it has besides is not looked at, and may be anything. */
function readRecord(root: Reader): TrafficLine {
  if (root.table['type'] !== 'Reception') return { kind: 'other record' };
  const { event_time: time, timestamp, recipient, sender, queue } = root.table;
  const seconds = typeof timestamp === 'number' ? timestamp : Number.NaN;
  const at = typeof time === 'string' ? Date.parse(time) : Math.round(seconds * 1000);
  if (!(at >= 0)) root.refuse('timestamp', 'is no time', 'give seconds since 1970');
  const to = (Array.isArray(recipient) ? recipient : [recipient]).filter(isAddress);
  if (to.length === 0) root.refuse('recipient', 'names nobody', 'give addresses');
  const { tenant, campaign } = parseQueueName(typeof queue === 'string' ? queue : '');
  const meta = { ...(tenant ? { tenant } : {}), ...(campaign ? { campaign } : {}) };
  const bytes = root.number('size', { min: 0, max: BYTES_MAX }) ?? BYTES_DEFAULT;
  return {
    kind: 'message',
    when: { at },
    from: typeof sender === 'string' ? sender : SENDER,
    to,
    bytes,
    meta: { ...meta, ...textsIn(root.table['meta']) },
  };
}

const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && ADDRESS.test(value);

const textsIn = (value: unknown): Record<string, string> => {
  if (typeof value !== 'object' || value === null) return {};
  const texts = Object.entries(value).filter(([, one]) => typeof one === 'string');
  return Object.fromEntries(texts.slice(0, META_MAX)) as Record<string, string>;
};

function readWhen(root: Reader, key: string, value: unknown): When {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return { sinceMs: value };
  }
  if (typeof value === 'string') {
    const [all, hours, minutes, seconds = 0, part = ''] = OFFSET.exec(value) ?? [];
    if (all !== undefined) {
      const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
      return { sinceMs: whole * 1000 + Number(part.padEnd(3, '0')) };
    }
    try {
      return { at: moment.read(value) };
    } catch (error) {
      if (!(error instanceof OptionValueError)) throw error;
    }
  }
  const fix = "write '00:10:00', milliseconds as a number, or '2026-01-31T12:00:00Z'";
  return root.refuse(key, `${showValue(value)} is no time`, fix);
}

function readSpan(root: Reader): number {
  try {
    const span = parseDuration(root.take('for') ?? '24h');
    if (span > 0) return span;
  } catch (error) {
    if (!(error instanceof OptionValueError)) throw error;
    return root.refuse('for', error.problem, error.fix);
  }
  return root.refuse('for', 'is no time at all', "write a span such as '24h'");
}

function readSender(root: Reader, key: string): string {
  const value = root.take(key) ?? SENDER;
  if (value === '' || isAddress(value)) return value;
  return root.refuse(key, `${showValue(value)} is no address`, "write 'news@example.com', or ''");
}

function readRecipients(root: Reader): readonly string[] {
  const value = root.need('to');
  const list = Array.isArray(value) ? value : [value];
  const odd = list.find((one) => !isAddress(one));
  const fix = "write a list of addresses such as ['user@gmail.com']";
  if (list.length === 0) root.refuse('to', 'names nobody', fix);
  if (odd !== undefined) root.refuse('to', `${showValue(odd)} is no address`, fix);
  if (list.length <= RECIPIENTS_MAX) return list as string[];
  return root.refuse('to', `has ${list.length} recipients`, `give ${RECIPIENTS_MAX} at most`);
}

function readBytes(root: Reader): number {
  const value = root.take('size') ?? BYTES_DEFAULT;
  const [, digits, unit = ''] = SIZE.exec(String(value)) ?? [];
  const factor = { '': 1, k: 1024, m: 1024 ** 2 }[unit.toLowerCase()] ?? 1;
  const bytes = Math.round(Number(digits) * factor);
  if (bytes >= 0 && bytes <= BYTES_MAX) return bytes;
  return root.refuse('size', `${showValue(value)} is no size`, "write octets, or '20k', '1m'");
}

function readMeta(root: Reader): Readonly<Record<string, string>> {
  const given = root.take('meta') ?? {};
  const texts = textsIn(given);
  const isTable = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (!isTable || Object.keys(texts).length !== Object.keys(given).length) {
    root.refuse('meta', 'is no table of texts', `write { "name": "text" }, ${META_MAX} at most`);
  }
  for (const key of ['tenant', 'campaign']) {
    if (root.has(key)) texts[key] = root.text(key, undefined);
  }
  return texts;
}

function readDomains(root: Reader): FlowLine['domains'] {
  const reader = root.at('domains', root.need('domains'));
  const names = Object.keys(reader.table);
  if (names.length === 0 || names.length > FLOW_DOMAINS_MAX) {
    const fix = `give 1 to ${FLOW_DOMAINS_MAX}, each with its weight`;
    root.refuse('domains', `has ${names.length} domains`, fix);
  }
  return names.map((name) => {
    if (!DOMAIN.test(name)) reader.refuse(name, 'is no domain', "write 'gmail.com': 30");
    const weight = reader.number(name, { min: 0, max: WEIGHT_MAX }) ?? 0;
    if (weight > 0) return [name.toLowerCase(), weight] as const;
    return reader.refuse(name, 'has no weight', 'give a number above 0, or leave it out');
  });
}

function readHours(root: Reader): readonly number[] {
  const list = root.list('hours');
  const isGood = list.every((one) => typeof one === 'number' && one >= 0 && one <= WEIGHT_MAX);
  const weights = list as readonly number[];
  const isEmpty = list.length > 0 && weights.every((one) => one === 0);
  if (isGood && !isEmpty && list.length <= HOURS_MAX) return weights;
  const fix = `give a number of 0 or more for each hour, ${HOURS_MAX} at most, one above 0`;
  return root.refuse('hours', 'are no weights', fix);
}
