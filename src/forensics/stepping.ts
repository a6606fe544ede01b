/**
 * The log event by event, with what each one changed. The one idea: an event touches the message,
 * queue or source of its stream and the counts of the whole, so those few facts are read before and
 * after it is folded. Decides nothing.
 */
import type { Books } from '../domain/books.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import { ROW_OFFERED, ROW_QUARANTINED } from '../domain/rows.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { Changed, Facts } from './portrait.ts';
import { changedFields } from './portrait.ts';
import type { PastLog, Rebuild } from './rebuild.ts';

/** An event and what it changed. */
export interface Step {
  readonly position: number;
  readonly turn: number;
  readonly at: number;
  readonly stream: string;
  readonly type: string;
  readonly body: unknown;
  readonly changed: Changed;
}

/** Folds the next records, at most `count`, and tells of each. */
export function* stepOn(log: PastLog, rebuild: Rebuild, count: number): Generator<Step> {
  const from = rebuild.position + 1;
  const upto = Math.min(log.last, rebuild.position + count);
  if (from > upto) return;
  for (const records of log.walk(from, upto))
    for (const record of records) yield step(rebuild, record);
}

function step(rebuild: Rebuild, record: StoredRecord): Step {
  const { position, turn, at, stream, type, body } = record;
  const before = factsOf(rebuild.books, record);
  rebuild.step(record);
  const changed = changedFields(before, factsOf(rebuild.books, record));
  return { position, turn, at, stream, type, body: JSON.parse(body) as unknown, changed };
}

function factsOf(books: Books, { stream, type }: StoredRecord): Facts {
  const { policyVersion, policy, epoch, starts, isRunning } = books.engine;
  return {
    ...prefixed('recipients', books.ledger),
    ...prefixed('policy', { version: policyVersion, hash: policy, epoch }),
    ...prefixed('engine', { starts, running: String(isRunning) }),
    rules: books.rules.size,
    queues: books.queueCount,
    ...(type.startsWith('message.') ? messageFacts(books, stream) : {}),
    ...(type.startsWith('queue.') ? prefixed('queue', queueFacts(books, stream)) : {}),
    ...(type.startsWith('source.') ? prefixed('source', sourceFacts(books, stream)) : {}),
    ...(type === 'rate.reserved' ? Object.fromEntries(books.rates) : {}),
  };
}

const prefixed = (prefix: string, facts: object): Facts =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [`${prefix}.${key}`, value]));

function messageFacts(books: Books, id: string): Facts {
  const slot = books.rows.find(numberOfMessageId(id));
  if (slot < 0) return {};
  const c = books.rows.columns;
  const flags = c.flags[slot] as number;
  const queue = books.queueOfRow(slot);
  return prefixed('message', {
    queue: queue.name,
    due: c.dueAt[slot] as number,
    attempts: c.attempts[slot] as number,
    recipients: c.recipients[slot] as number,
    offered: String((flags & ROW_OFFERED) !== 0),
    'set aside': String((flags & ROW_QUARANTINED) !== 0),
    'queue.messages': queue.count,
  });
}

function queueFacts(books: Books, name: string): Facts {
  const row = books.findQueue(name);
  if (row === undefined) return {};
  const { state, until, cause, site, answer, pool } = row;
  return { state, until, cause, site, config: answer, pool };
}

function sourceFacts(books: Books, name: string): Facts {
  const source = books.sources.get(name);
  if (source === undefined) return {};
  const { state, reason, until, cause, answer } = source;
  return { state, reason, until, cause, config: answer };
}
