/**
 * The books as bytes and back: a JSON head (queues, sources, answers, ledger) and the columns of
 * the living rows, packed. Reading a million rows is a copy, so a restart does not depend on the
 * length of history. Knows no file: the log keeps snapshots and checks their sums.
 */
import type { EngineRow, Ledger, QueueRow, SourceRow } from './books.ts';
import { Books } from './books.ts';
import type { Generation } from './generations.ts';
import type { OwedNdr } from './ndrs.ts';
import { pictureOf } from './picture.ts';
import type { PackedRules } from './rule-snapshot.ts';
import { unpackRules } from './rule-snapshot.ts';
import type { PackedSchedules } from './schedule.ts';
import {
  aligned,
  COLUMN_ORDER,
  isAligned,
  QUEUE_FIELDS,
  SNAPSHOT_FORM,
  viewOf,
} from './snapshot-form.ts';
import { BY_HAND } from './source-health.ts';

/** Form 1 knew no pools of queues, and neither version nor epoch of the policy. */
const SNAPSHOT_FORM_MIN = 1;
/** From form 3 on queues are numbers and a table of texts, and the chains of rows are kept. */
const SNAPSHOT_FORM_CHAINED = 3;

/** name, state, until, cause, answer, site, emptySince, pool. */
type OldQueue = readonly [string, string, number, string, string, string, number, string?];

interface Head {
  readonly form: number;
  readonly rows: number;
  readonly engine: EngineRow;
  readonly ledger: Ledger;
  /** Names since form 3; whole queues before. */
  readonly queues: readonly string[] | readonly OldQueue[];
  /** Since form 3: what the queues' fields name by number. */
  readonly texts?: readonly string[];
  readonly sources: readonly SourceRow[];
  /** Since form 4. */
  readonly rates?: readonly (readonly [string, number])[];
  readonly answers: readonly (readonly [string, string])[];
  /** Since form 4: what operators have ordered. */
  readonly orders?: PackedRules;
  /** Since form 5: requests that are not through. */
  readonly generations?: readonly Generation[];
  /** Reports of failure that are owed; absent: none. */
  readonly ndrs?: readonly OwedNdr[];
  readonly settled: readonly (readonly [number, readonly number[]])[];
  /** Since form 6. */
  readonly schedules?: PackedSchedules;
}

/** Packs the books as they are now, in one go. */
export const encodeBooks = (books: Books): Uint8Array => pictureOf(books).bytes;

/** Unpacks books, or answers undefined when the form is another version's. */
export function decodeBooks(given: Uint8Array): Books | undefined {
  // Columns are read where they lie, which asks for whole words.
  const packed = isAligned(given.byteOffset) ? given : new Uint8Array(given);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const headBytes = view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(packed.subarray(8, 8 + headBytes))) as Head;
  if (head.form < SNAPSHOT_FORM_MIN || head.form > SNAPSHOT_FORM) return undefined;
  const books = new Books();
  Object.assign(books.engine, head.engine);
  for (const [key, text] of head.answers) books.answers.set(key, text);
  for (const [key, until] of head.rates ?? []) books.rates.set(key, until);
  for (const source of head.sources) {
    // Pictures of earlier versions name no reason: only operators could suspend then.
    const reason = source.state === 'suspended' ? BY_HAND : '';
    books.sources.set(source.name, { ...source, reason: source.reason ?? reason });
  }
  unpackRules(books.rules, head.orders);
  for (const each of head.generations ?? []) books.generations.set(each.id, each);
  for (const each of head.ndrs ?? []) books.ndrs.set(each.position, { ...each, body: each.body });
  const start = aligned(8 + headBytes);
  if (head.form < SNAPSHOT_FORM_CHAINED) {
    const queues = openOldQueues(books, head.queues as readonly OldQueue[]);
    readColumns(books, queues, head.rows, packed, start);
    linkRows(books, head.rows);
  } else {
    const names = head.queues as readonly string[];
    const fields = viewOf(new Float64Array(), packed, start, names.length * QUEUE_FIELDS);
    const queues = openQueues(books, names, fields, head.texts ?? []);
    const after = readColumns(books, queues, head.rows, packed, start + fields.byteLength);
    readChains(books, head.rows, packed, after);
  }
  for (const [number, done] of head.settled) {
    books.rows.settled.set(books.rows.find(number), new Set(done));
  }
  books.rows.schedules.unpack(head.schedules, (number) => books.rows.find(number));
  Object.assign(books.ledger, head.ledger);
  return books;
}

const openQueues = (
  books: Books,
  names: readonly string[],
  fields: Float64Array,
  texts: readonly string[],
): QueueRow[] => {
  const fieldOf = (at: number): number => fields[at] as number;
  const textOf = (at: number): string => texts[fieldOf(at)] as string;
  return names.map((name, index) => {
    const at = index * QUEUE_FIELDS;
    const queue = books.openQueue(name, fieldOf(at + 6));
    queue.state = textOf(at) as QueueRow['state'];
    queue.cause = textOf(at + 1);
    queue.answer = textOf(at + 2);
    queue.site = textOf(at + 3);
    queue.pool = textOf(at + 4);
    queue.until = fieldOf(at + 5);
    queue.head = fieldOf(at + 7);
    queue.tail = fieldOf(at + 8);
    queue.count = fieldOf(at + 9);
    return queue;
  });
};

const openOldQueues = (books: Books, heads: readonly OldQueue[]) =>
  heads.map(([name, state, until, cause, answer, site, emptySince, pool = '']) => {
    const fields = { state: state as QueueRow['state'], until, cause, answer, site, pool };
    return Object.assign(books.openQueue(name, emptySince), fields);
  });

/** Fills the columns of `count` rows; answers where the bytes after them begin. */
function readColumns(
  books: Books,
  queues: readonly QueueRow[],
  count: number,
  packed: Uint8Array,
  start: number,
): number {
  const { rows } = books;
  rows.reserve(2 ** Math.ceil(Math.log2(Math.max(1024, count))));
  let offset = start;
  for (const name of COLUMN_ORDER) {
    const column = rows.columns[name];
    const from = viewOf(column, packed, offset, count);
    column.set(from);
    offset += aligned(from.byteLength);
  }
  rows.adopt(count);
  const queueOf = rows.columns.queue;
  for (let slot = 0; slot < count; slot += 1) {
    queueOf[slot] = (queues[queueOf[slot] as number] as QueueRow).slot;
  }
  return offset;
}

function readChains({ rows }: Books, count: number, packed: Uint8Array, start: number): void {
  let offset = start;
  for (const chain of [rows.next, rows.prev]) {
    const from = viewOf(chain, packed, offset, count);
    chain.set(from);
    offset += aligned(from.byteLength);
  }
}

/** Old forms knew no order within a queue; that of the slots is as good. */
function linkRows(books: Books, count: number): void {
  const queueOf = books.rows.columns.queue;
  for (let slot = 0; slot < count; slot += 1) {
    books.link(slot, books.queues[queueOf[slot] as number] as QueueRow);
  }
}
