/**
 * Scheduled queues as operators look at them: the first of a million by a ranking, what criteria
 * would mean, one queue with some of its messages. All long ways go in slices. Changes nothing.
 */
import type { Criteria } from '../../domain/admin-rules.ts';
import { isMeant } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import type { MeantCount, QueueLine, QueueTop, Ranking } from '../../domain/inspection.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import { TopList } from '../../domain/top-list.ts';
import type { Core } from '../core.ts';
import type { Kept } from '../recorded.ts';
import type { LastErrors } from './last-errors.ts';
import { lookThrough } from './slices.ts';

/** Counts the messages that wait in queues that criteria mean. */
export function countMeant(
  core: Core,
  criteria: Criteria,
  done: (count: MeantCount) => void,
): void {
  let messages = 0;
  let queues = 0;
  const add = (row: QueueRow | undefined): void => {
    if (row === undefined || row.count === 0) return;
    queues += 1;
    messages += row.count;
  };
  const names = criteria.queue_names && [...new Set(criteria.queue_names)];
  const rows = core.books.queues;
  lookThrough({
    soon: (task) => core.ports.clock.soon(task),
    length: names?.length ?? rows.length,
    visit: (index) => {
      if (names !== undefined) return add(core.books.findQueue(names[index] as string));
      const row = rows[index];
      if (row === undefined || row.count === 0) return;
      if (isMeant(criteria, row.name, parseQueueName(row.name))) add(row);
    },
    done: () => done({ messages, queues }),
  });
}

/** What queues are ranked from: books, the last failures, and a way to go on later. */
export interface Looked {
  readonly books: Kept['books'];
  readonly lastErrors: Pick<LastErrors, 'ofQueues'>;
  readonly ports: { readonly clock: { soon(task: () => void): void } };
}

/** What is asked of the queues. */
export interface TopQuestion {
  readonly by: Ranking;
  readonly max: number;
  /** Only queues whose names begin so. */
  readonly prefix: string;
}

/** Finds the first queues by a ranking. */
export function findTop(core: Looked, question: TopQuestion, done: (top: QueueTop) => void): void {
  const { by, max, prefix } = question;
  const top = new TopList<QueueRow>(max);
  const { books } = core;
  const length = books.queues.length;
  const visit = (index: number): void => {
    const row = books.queues[index];
    if (row === undefined || !row.name.startsWith(prefix)) return;
    const score = scoreOf(core, row, by);
    if (score !== undefined) top.offer(score, row.name, row);
  };
  const show = (): void => {
    // Some may have gone, or become others, since they were met.
    const rows = top.list().filter((row) => books.queues[row.slot] === row);
    const lines = rows.map((row) => lineOf(core, row));
    done({ lines, looks: length, messages: books.rows.count });
  };
  lookThrough({ soon: (task) => core.ports.clock.soon(task), length, visit, done: show });
}

function scoreOf(core: Looked, row: QueueRow, by: Ranking): number | undefined {
  if (by === 'error') return core.lastErrors.ofQueues.get(row.name)?.at;
  if (row.count === 0) return undefined;
  return by === 'depth' ? row.count : -headAcceptedAt(core, row);
}

const headAcceptedAt = (core: Looked, row: QueueRow): number =>
  core.books.rows.columns.acceptedAt[row.head] as number;

function lineOf(core: Looked, row: QueueRow): QueueLine {
  return {
    name: row.name,
    count: row.count,
    oldestAt: row.count === 0 ? undefined : headAcceptedAt(core, row),
    state: row.state,
    until: row.until,
    cause: row.cause,
    error: core.lastErrors.ofQueues.get(row.name),
  };
}

/** When its newest message was accepted, or it was left empty; what the log can say of it. */
export function changedAtOf({ books }: Pick<Kept, 'books'>, row: QueueRow): number {
  const tail = row.count === 0 ? 0 : (books.rows.columns.acceptedAt[row.tail] as number);
  return Math.max(tail, row.emptySince);
}
