/**
 * Which queue a message moves to, as a policy or an operator says it: parts of a queue's name that
 * change, parts that are taken away (null), and what is left out stays. Deliberately unknown here:
 * messages, and who asked for the move.
 */
import { parseDuration } from './duration.ts';
import { OptionError } from './option-error.ts';
import { isTable, locate, nearest } from './options.ts';
import type { QueueName } from './queue-name.ts';

/** A change, read. */
export interface QueueMove {
  readonly tenant?: string | null;
  readonly campaign?: string | null;
  readonly domain?: string;
  readonly routing_domain?: string | null;
  /** Time until the next attempt, in place of the schedule's. */
  readonly delayMs?: number;
}

const PARTS = ['tenant', 'campaign', 'domain', 'routing_domain'] as const;

/** Reads a change; `where` names it in a refusal. */
export function parseQueueChange(raw: unknown, where: string): QueueMove {
  if (!isTable(raw)) {
    throw new OptionError(where, '', 'is no table', "write { tenant: 'x', delay: '5m' }");
  }
  const move: Record<string, string | number | null> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    if (key === 'delay') move['delayMs'] = locate(where, key, () => parseDuration(value));
    else if ((PARTS as readonly string[]).includes(key)) move[key] = readPart(key, value, where);
    else throw unknownKey(key, where);
  }
  return move as QueueMove;
}

// With one of these inside, the text of a queue's name would read as another name.
const MARKS = /[@!]/;
const MARKS_LEFT = /[@:!]/;

function readPart(key: string, value: unknown, where: string): string | null {
  if (value === null && key !== 'domain') return null;
  const isDomain = key.endsWith('domain');
  if (typeof value !== 'string' || value === '') {
    const fix = key === 'domain' ? 'write a domain' : 'write a text, or null to take it away';
    throw new OptionError(where, key, 'is no name', fix);
  }
  if ((isDomain ? MARKS : MARKS_LEFT).test(value)) {
    throw new OptionError(where, key, 'holds a mark of queue names', "leave out '@', ':' and '!'");
  }
  return isDomain ? value.toLowerCase() : value;
}

function unknownKey(key: string, where: string): OptionError {
  const near = nearest(key, [...PARTS, 'delay']);
  const fix = near === undefined ? `use ${PARTS.join(', ')} or delay` : `did you mean ${near}?`;
  return new OptionError(where, key, 'is unknown', fix);
}

/** The queue that a message of queue `name` moves to. */
export function moveQueueName(name: QueueName, move: QueueMove): QueueName {
  const merged: Record<string, string> = { domain: move.domain ?? name.domain };
  for (const key of ['tenant', 'campaign', 'routing_domain'] as const) {
    const value = move[key] === undefined ? name[key] : move[key];
    if (value !== undefined && value !== null) merged[key] = value;
  }
  return merged as unknown as QueueName;
}
