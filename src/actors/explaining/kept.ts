/**
 * The part of "why is this waiting?" that the log knows: suspensions, rests, the retry schedule,
 * the age. The one idea: it reads nothing but the books, so the running engine and books rebuilt
 * for an instant of the past give the same. What dies with the process is held.ts.
 */
import type { AdminRule } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import type { Explanation, Reason, Rule, Subject } from '../../domain/explanation.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import { ROW_OFFERED, ROW_QUARANTINED } from '../../domain/rows.ts';
import { readyQueueName, sourceOfReady } from '../../domain/site-name.ts';
import {
  SET_ASIDE,
  sayAny,
  sayDue,
  sayReadySuspended,
  sayRetry,
  sayScheduled,
  saySourceSuspended,
  saySuspended,
  WAIT,
} from '../../domain/waiting.ts';
import type { Kept } from '../recorded.ts';
import { expiresAtOf } from '../rows-in-hand.ts';
import type { ErrorMemory } from './last-answer.ts';
import { lastAnswer } from './last-answer.ts';

/** Rows looked at for the earliest due time; a longer queue says that there are more. */
const LOOK_ROWS_MAX = 10_000;

/** What the log knows; what memory knows stands between the two lists. */
export interface KeptPart {
  readonly state: string;
  /** What binds. */
  readonly binding: readonly Reason[];
  /** What holds as well, or comes next. */
  readonly further: readonly Reason[];
}

/** The rule of a queue's option. */
export function queueRule(row: QueueRow, option: string, value: string): Rule {
  return { handler: 'get_queue_config', args: [row.name], option, value };
}

/** An operator keeps a source from a site. */
export const readyReason = ({ ready, cause, until }: AdminRule): Reason => ({
  name: WAIT.readySuspended,
  text: sayReadySuspended(ready, cause),
  until,
});

/** A source is out of rotation; none where it is not. */
export function sourceReasons({ books }: Kept, name: string): Reason[] {
  const source = books.sources.get(name);
  if (source?.state !== 'suspended') return [];
  const text = saySourceSuspended(name, source.cause);
  return [{ name: WAIT.sourceSuspended, text, until: source.until }];
}

/** What the log knows of a subject, or a sentence that says why it knows nothing. */
export function keptPart(kept: Kept, { kind, name }: Subject, at: number): KeptPart | string {
  switch (kind) {
    case 'message': {
      const slot = kept.books.rows.find(numberOfMessageId(name));
      return slot < 0 ? `message ${name} is not queued here` : keptOfMessage(kept, slot, at);
    }
    case 'queue': {
      const row = kept.books.findQueue(name);
      return row === undefined ? `there is no queue ${name}` : keptOfQueue(kept, row, at);
    }
    case 'source':
      return keptOfSource(kept, name);
    case 'path':
      return keptOfPath(kept, name);
  }
}

/** The explanation from the log alone. */
export function explainKept(
  kept: Kept,
  subject: Subject,
  at: number,
  memory: ErrorMemory,
): Explanation | string {
  const part = keptPart(kept, subject, at);
  if (typeof part === 'string') return part;
  const last = lastAnswer(kept, subject, memory);
  const reasons = [...part.binding, ...part.further];
  return { subject, at, state: part.state, reasons, ...(last === undefined ? {} : { last }) };
}

function keptOfMessage(kept: Kept, slot: number, at: number): KeptPart {
  const c = kept.books.rows.columns;
  const row = kept.books.queueOfRow(slot);
  const flags = c.flags[slot] as number;
  const where = `in ${row.name}, ${sayAny(c.attempts[slot] as number, 'attempt')} made`;
  const age = ageOf(kept, slot);
  if ((flags & ROW_QUARANTINED) !== 0) {
    const aside = { name: WAIT.setAside, text: SET_ASIDE };
    return { state: where, binding: [aside], further: [age] };
  }
  if ((flags & ROW_OFFERED) !== 0) {
    return { state: `${where}; an attempt is under way`, binding: [], further: [] };
  }
  const dueAt = c.dueAt[slot] as number;
  const pause = pauseOf(kept, row);
  if (dueAt <= at) {
    const further = pause.length > 0 ? [age] : [...memberReasons(kept, row), age];
    return { state: `${where}; due`, binding: pause, further };
  }
  // A queue that is held holds also what falls due meanwhile.
  const binding = [waitReason(kept, slot, dueAt, at), ...pause];
  return { state: `${where}; not due yet`, binding, further: [age] };
}

/** Until its window opens, or for its next attempt. */
function waitReason(kept: Kept, slot: number, dueAt: number, at: number): Reason {
  const window = kept.books.rows.schedules.get(slot)?.window;
  if (window === undefined || kept.calendar.opens(window, at) !== dueAt) {
    return dueReason(kept, slot, dueAt);
  }
  const { dow, tz, start, end } = window;
  return { name: 'window', text: `it may go ${dow} ${start} to ${end} ${tz}`, until: dueAt };
}

function ageOf(kept: Kept, slot: number): Reason {
  const until = expiresAtOf(kept, slot);
  if (kept.books.rows.schedules.get(slot)?.expires !== undefined) {
    return { name: 'expires', text: 'the expiry that it brought along', until };
  }
  const row = kept.books.queueOfRow(slot);
  const { max_age } = kept.answers.recordedQueueConfig(row.answer);
  const rule = queueRule(row, 'max_age', `${max_age / 1_000} s`);
  return { name: 'max_age', text: 'it expires then', until, rule };
}

/** What stops a queue as a whole; none while it is ready. */
export function pauseOf(kept: Kept, row: QueueRow): Reason[] {
  // An operator's rule holds also where the queue has not come to act on it.
  const order = kept.rules.verdictOf(row).suspension;
  if (order !== undefined || row.state === 'suspended') {
    const { cause, until } = order ?? row;
    return [{ name: WAIT.suspended, text: saySuspended(cause), until }];
  }
  if (row.state !== 'resting') return [];
  const rest = { name: WAIT.resting, text: row.cause, until: row.until };
  return [rest, ...memberReasons(kept, row)];
}

/** The sources of a queue's pool that are out of rotation, or kept from its site. */
function memberReasons(kept: Kept, row: QueueRow): Reason[] {
  const members = kept.answers.recordedPool(row.pool)?.entries ?? [];
  return members.flatMap(({ name, weight }) => {
    if (weight <= 0) return [];
    const ready = row.site === '' ? '' : readyQueueName(name, row.site);
    const order = kept.rules.findReady(ready);
    return order === undefined ? sourceReasons(kept, name) : [readyReason(order)];
  });
}

function keptOfQueue(kept: Kept, row: QueueRow, at: number): KeptPart {
  const { rows } = kept.books;
  let next = -1;
  let nextAt = Number.POSITIVE_INFINITY;
  let looked = 0;
  let due = 0;
  for (let slot = row.head; slot >= 0 && looked < LOOK_ROWS_MAX; slot = rows.next[slot] as number) {
    const dueAt = rows.columns.dueAt[slot] as number;
    if (dueAt <= at) due += 1;
    else if (dueAt < nextAt) [next, nextAt] = [slot, dueAt];
    looked += 1;
  }
  const part = looked < row.count ? ` among the first ${looked}` : '';
  const state = sayDue(row.count, due, looked);
  const binding = due > 0 || row.state !== 'ready' ? pauseOf(kept, row) : [];
  const isFree = due > 0 && binding.length === 0;
  const further = isFree ? memberReasons(kept, row) : [];
  if (next >= 0) further.push(dueReason(kept, next, nextAt, part));
  return { state, binding, further };
}

/** A time of its own for the first attempt, the retry schedule with its option for the others. */
function dueReason(kept: Kept, slot: number, until: number, part = ''): Reason {
  if (kept.books.rows.columns.attempts[slot] === 0) {
    return { name: WAIT.scheduled, text: sayScheduled(part), until };
  }
  const row = kept.books.queueOfRow(slot);
  const { retry_interval } = kept.answers.recordedQueueConfig(row.answer);
  const rule = queueRule(row, 'retry_interval', `${retry_interval / 1_000} s`);
  return { name: WAIT.retry, text: sayRetry(part), until, rule };
}

function keptOfSource(kept: Kept, name: string): KeptPart | string {
  const source = kept.books.sources.get(name);
  if (source === undefined) return `no source ${name} is in use`;
  return { state: source.state, binding: sourceReasons(kept, name), further: [] };
}

function keptOfPath(kept: Kept, name: string): KeptPart | string {
  const source = kept.books.sources.get(sourceOfReady(name));
  if (source === undefined) return `there is no ready queue ${name}`;
  const state = `from the source ${source.name}, which is ${source.state}`;
  return { state, binding: pathReasons(kept, name), further: [] };
}

/** What the log knows of what keeps a source from a site. */
export function pathReasons(kept: Kept, name: string): Reason[] {
  const order = kept.rules.findReady(name);
  const own = order === undefined ? [] : [readyReason(order)];
  return [...own, ...sourceReasons(kept, sourceOfReady(name))];
}
