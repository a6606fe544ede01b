/**
 * The books as bytes and back: a JSON head (queues, sources, answers, ledger) and the columns of
 * the living rows, packed. Reading a million rows is a copy, so a restart does not depend on the
 * length of history. Knows no file: the log keeps snapshots and checks their sums.
 */
import type { EngineRow, Ledger, QueueRow, SourceRow } from './books.ts';
import { Books } from './books.ts';
import type { Generation } from './generations.ts';
import { packGenerations } from './generations.ts';
import { invariant } from './invariant.ts';
import type { RowColumns } from './rows.ts';
import type { PackedRules } from './rule-snapshot.ts';
import { packRules, unpackRules } from './rule-snapshot.ts';
import { BY_HAND } from './source-health.ts';
import { TextTable } from './text-table.ts';

/**
 * Raise when the form changes. A newer form is not read, the log is folded instead; an older one
 * is brought up, because the records it stands for may have been let go.
 */
export const SNAPSHOT_FORM = 5;
/** Form 1 knew no pools of queues, and neither version nor epoch of the policy. */
const SNAPSHOT_FORM_MIN = 1;
/** From form 3 on queues are numbers and a table of texts, and the chains of rows are kept. */
const SNAPSHOT_FORM_CHAINED = 3;

/** name, state, until, cause, answer, site, emptySince, pool. */
type OldQueue = readonly [string, string, number, string, string, string, number, string?];

/** Fields of a queue beside its name, since form 3: numbers in a block of their own. */
const QUEUE_FIELDS = 10;

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
  readonly settled: readonly (readonly [number, readonly number[]])[];
}

const COLUMN_ORDER = [
  'number',
  'acceptedAt',
  'dueAt',
  'position',
  'bodyOffset',
  'bodySegment',
  'bodyBytes',
  'bodySum',
  'queue',
  'attempts',
  'recipients',
  'flags',
] as const satisfies readonly (keyof RowColumns)[];

const NONE = -1;
const ALIGN = 8;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

/** Where the slots of living rows come to lie when the free ones between them are left out. */
interface Order {
  /** Slots, in order. */
  readonly slots: Int32Array;
  /** Old slot → new slot. */
  readonly moved: Int32Array;
}

function orderOf(books: Books): Order {
  const { rows } = books;
  const slots = new Int32Array(rows.count);
  const moved = new Int32Array(rows.slotsUsed).fill(NONE);
  let count = 0;
  rows.each((slot) => {
    slots[count] = slot;
    moved[slot] = count;
    count += 1;
  });
  invariant(count === rows.count, 'every living row is counted');
  return { slots, moved };
}

const follow = (moved: Int32Array, slot: number): number =>
  slot === NONE ? NONE : (moved[slot] as number);

/** Packs the books; rows go in the order of their slots. */
export function encodeBooks(books: Books): Uint8Array {
  const { rows } = books;
  const order = orderOf(books);
  const table = new TextTable();
  const number = (text: string): number => table.numberOf(text);
  const names: string[] = [];
  const fields = new Float64Array(books.queueCount * QUEUE_FIELDS);
  const queueIndex = new Int32Array(books.queues.length);
  for (const queue of books.queues) {
    if (queue === undefined) continue;
    const at = names.push(queue.name) - 1;
    queueIndex[queue.slot] = at;
    const { state, until, cause, answer, site, emptySince, pool, count } = queue;
    const texts = [number(state), number(cause), number(answer), number(site), number(pool)];
    const chain = [follow(order.moved, queue.head), follow(order.moved, queue.tail), count];
    fields.set([...texts, until, emptySince, ...chain], at * QUEUE_FIELDS);
  }
  const settled = [...rows.settled].map(([slot, done]) => [
    rows.columns.number[slot] as number,
    [...done],
  ]) as [number, number[]][];
  const head: Head = {
    form: SNAPSHOT_FORM,
    rows: rows.count,
    engine: books.engine,
    ledger: books.ledger,
    queues: names,
    texts: table.texts,
    sources: [...books.sources.values()],
    rates: [...books.rates],
    answers: [...books.answers],
    orders: packRules(books.rules),
    generations: packGenerations(books.generations),
    settled,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  return pack(bytes, fields, books, order, queueIndex);
}

function pack(
  head: Uint8Array,
  fields: Float64Array,
  { rows }: Books,
  { slots, moved }: Order,
  queueIndex: Int32Array,
): Uint8Array {
  const count = slots.length;
  const start = aligned(8 + head.length) + fields.byteLength;
  const packed = new Uint8Array(
    start + bytesOfColumns(rows.columns, count) + 2 * aligned(4 * count),
  );
  new DataView(packed.buffer).setUint32(0, head.length, true);
  packed.set(head, 8);
  packed.set(new Uint8Array(fields.buffer), start - fields.byteLength);
  let offset = start;
  for (const name of COLUMN_ORDER) {
    const column = rows.columns[name];
    const out = viewOf(column, packed, offset, count);
    for (let at = 0; at < count; at += 1) out[at] = column[slots[at] as number] as number;
    if (name === 'queue') {
      for (let at = 0; at < count; at += 1) out[at] = queueIndex[out[at] as number] as number;
    }
    offset += aligned(out.byteLength);
  }
  for (const chain of [rows.next, rows.prev]) {
    const out = viewOf(chain, packed, offset, count);
    for (let at = 0; at < count; at += 1) {
      out[at] = follow(moved, chain[slots[at] as number] as number);
    }
    offset += aligned(out.byteLength);
  }
  return packed;
}

const bytesOfColumns = (columns: RowColumns, count: number): number => {
  let bytes = 0;
  for (const name of COLUMN_ORDER) bytes += aligned(count * columns[name].BYTES_PER_ELEMENT);
  return bytes;
};

type Column = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

/** `count` elements at an offset of the packed bytes, of the kind that `like` is. */
function viewOf<T extends Column>(like: T, packed: Uint8Array, offset: number, count: number): T {
  const Kind = like.constructor as new (b: ArrayBufferLike, o: number, n: number) => T;
  return new Kind(packed.buffer, packed.byteOffset + offset, count);
}

/** Unpacks books, or answers undefined when the form is another version's. */
export function decodeBooks(given: Uint8Array): Books | undefined {
  // Columns are read where they lie, which asks for whole words.
  const packed = given.byteOffset % ALIGN === 0 ? given : new Uint8Array(given);
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
