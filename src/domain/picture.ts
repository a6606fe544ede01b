/**
 * A picture of the books at one moment, made bit by bit while they go on: what is about to change
 * is copied just before, so the picture shows the moment it was begun. The form is that of
 * snapshot.ts, which reads it. Knows no turns: whoever makes it says how much at once.
 */
import type { Books } from './books.ts';
import { packGenerations } from './generations.ts';
import { invariant } from './invariant.ts';
import { ListText } from './list-text.ts';
import type { RowColumns } from './rows.ts';
import { packRules } from './rule-snapshot.ts';
import {
  aligned,
  bytesOfColumns,
  COLUMN_ORDER,
  QUEUE_FIELDS,
  SNAPSHOT_FORM,
  viewOf,
} from './snapshot-form.ts';
import { TextTable } from './text-table.ts';

/** Rows copied in one step. */
const ROWS_AT_ONCE = 4_096;
/** Bytes copied in one step. */
const BYTES_AT_ONCE = 1 << 18;
/** What a step with a queue, and with a block of rows or bytes, weighs against a look at one. */
const QUEUE_LOOKS = 8;
const BLOCK_LOOKS = 512;

const NONE = -1;
const HEAD_AT = 8;

/** Makes a picture; each step says what it weighs. */
export type Making = Generator<number, Uint8Array, unknown>;

type Raw = Pick<Books['rows'], 'columns' | 'next' | 'prev'>;

/** The columns of so many slots, empty. */
function makeRaw(like: RowColumns, slots: number): Raw {
  const made = (column: RowColumns[keyof RowColumns]) =>
    new (column.constructor as new (length: number) => typeof column)(slots);
  const columns = Object.fromEntries(COLUMN_ORDER.map((name) => [name, made(like[name])]));
  const chains = { next: new Int32Array(slots), prev: new Int32Array(slots) };
  return { columns: columns as unknown as RowColumns, ...chains };
}

/**
 * One picture, of the moment in which it is constructed. Unless it is made in one go, the books
 * must be `watchedBy` it from that moment on.
 */
export class Picture {
  /** The lowest position of a record that a message of the picture needs; known at the end. */
  lowest = Number.POSITIVE_INFINITY;
  readonly #books: Books;
  readonly #raw: Raw;
  readonly #slots: number;
  readonly #rowsAtOnce: number;
  readonly #hasBlock: Uint8Array;
  readonly #hasQueue: Uint8Array;
  readonly #queueIndex: Int32Array;
  readonly #fields: Float64Array;
  readonly #names = new ListText();
  readonly #texts = new ListText();
  readonly #answers = new ListText();
  readonly #table = new TextTable((text) => this.#texts.add(text));
  readonly #answersUpto: number;
  readonly #rows: number;
  /** What is small, as JSON of that moment, without the braces. */
  readonly #rest: string;
  #queues = 0;

  constructor(books: Books, rowsAtOnce = ROWS_AT_ONCE) {
    const { rows } = books;
    this.#books = books;
    this.#slots = rows.slotsUsed;
    this.#rows = rows.count;
    this.#rowsAtOnce = rowsAtOnce;
    this.#raw = makeRaw(rows.columns, rows.slotsUsed);
    this.#hasBlock = new Uint8Array(Math.ceil(rows.slotsUsed / rowsAtOnce));
    this.#hasQueue = new Uint8Array(books.queues.length);
    this.#queueIndex = new Int32Array(books.queues.length);
    this.#fields = new Float64Array(books.queueCount * QUEUE_FIELDS);
    this.#answersUpto = books.answers.size;
    this.#rest = restOf(books);
  }

  /** A row is about to change. */
  beforeRow(slot: number): void {
    const block = Math.floor(slot / this.#rowsAtOnce);
    if (slot < this.#slots && this.#hasBlock[block] === 0) this.#copyBlock(block);
  }

  /** A queue is about to change, to go, or to come. */
  beforeQueue(slot: number): void {
    if (slot < this.#hasQueue.length && this.#hasQueue[slot] === 0) this.#copyQueue(slot);
  }

  /** Makes all of it; to be called once. */
  *make(): Making {
    for (let slot = 0; slot < this.#hasQueue.length; slot += 1) {
      this.beforeQueue(slot);
      yield QUEUE_LOOKS;
    }
    for (let block = 0; block < this.#hasBlock.length; block += 1) {
      this.beforeRow(block * this.#rowsAtOnce);
      yield BLOCK_LOOKS;
    }
    yield* this.#copyAnswers();
    this.#books.watchedBy(undefined, this);
    const moved = yield* this.#orderRows();
    return yield* this.#pack(moved);
  }

  #copyBlock(block: number): void {
    this.#hasBlock[block] = 1;
    const { columns, next, prev } = this.#books.rows;
    const from = block * this.#rowsAtOnce;
    const upto = Math.min(from + this.#rowsAtOnce, this.#slots);
    for (const name of COLUMN_ORDER) {
      this.#raw.columns[name].set(columns[name].subarray(from, upto), from);
    }
    this.#raw.next.set(next.subarray(from, upto), from);
    this.#raw.prev.set(prev.subarray(from, upto), from);
  }

  #copyQueue(slot: number): void {
    this.#hasQueue[slot] = 1;
    const queue = this.#books.queues[slot];
    if (queue === undefined) return;
    const table = this.#table;
    const fields = this.#fields;
    const at = this.#queues * QUEUE_FIELDS;
    fields[at] = table.numberOf(queue.state);
    fields[at + 1] = table.numberOf(queue.cause);
    fields[at + 2] = table.numberOf(queue.answer);
    fields[at + 3] = table.numberOf(queue.site);
    fields[at + 4] = table.numberOf(queue.pool);
    fields[at + 5] = queue.until;
    fields[at + 6] = queue.emptySince;
    fields[at + 7] = queue.head;
    fields[at + 8] = queue.tail;
    fields[at + 9] = queue.count;
    this.#queueIndex[slot] = this.#queues;
    this.#names.add(queue.name);
    this.#queues += 1;
  }

  /** Those there were at the beginning: answers are only added while a picture is made. */
  *#copyAnswers(): Generator<number, void, unknown> {
    let left = this.#answersUpto;
    for (const answer of this.#books.answers) {
      if (left === 0) return;
      left -= 1;
      this.#answers.add(answer);
      yield QUEUE_LOOKS;
    }
  }

  /** Old slot → new slot: the free ones between living rows are left out. */
  *#orderRows(): Generator<number, Int32Array, unknown> {
    const { queue, position } = this.#raw.columns;
    const moved = new Int32Array(this.#slots);
    let count = 0;
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (slot % ROWS_AT_ONCE === 0) yield BLOCK_LOOKS;
      const isLive = queue[slot] !== NONE;
      moved[slot] = isLive ? count : NONE;
      if (!isLive) continue;
      count += 1;
      this.lowest = Math.min(this.lowest, position[slot] as number);
    }
    invariant(count === this.#rows, 'every living row is counted');
    return moved;
  }

  *#pack(moved: Int32Array): Making {
    const before = `{"form":${SNAPSHOT_FORM},"rows":${this.#rows},${this.#rest},"queues":`;
    const head = [
      new TextEncoder().encode(before),
      ...this.#names.end(),
      new TextEncoder().encode(',"texts":'),
      ...this.#texts.end(),
      new TextEncoder().encode(',"answers":'),
      ...this.#answers.end(),
      new TextEncoder().encode('}'),
    ];
    const length = head.reduce((sum, part) => sum + part.length, 0);
    const fieldsAt = aligned(HEAD_AT + length);
    const start = fieldsAt + this.#fields.byteLength;
    const rows = this.#rows;
    const packed = new Uint8Array(
      start + bytesOfColumns(this.#raw.columns, rows) + 2 * aligned(4 * rows),
    );
    new DataView(packed.buffer).setUint32(0, length, true);
    let offset = HEAD_AT;
    for (const part of head) {
      packed.set(part, offset);
      offset += part.length;
      yield BLOCK_LOOKS;
    }
    yield* this.#packFields(packed, fieldsAt, moved);
    yield* this.#packRows(packed, start, moved);
    return packed;
  }

  *#packFields(packed: Uint8Array, from: number, moved: Int32Array): Generator<number> {
    const fields = this.#fields;
    for (let at = 7; at < fields.length; at += QUEUE_FIELDS) {
      fields[at] = follow(moved, fields[at] as number);
      fields[at + 1] = follow(moved, fields[at + 1] as number);
      if (at % BYTES_AT_ONCE < QUEUE_FIELDS) yield BLOCK_LOOKS;
    }
    const bytes = new Uint8Array(fields.buffer);
    for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
      packed.set(bytes.subarray(at, at + BYTES_AT_ONCE), from + at);
      yield BLOCK_LOOKS;
    }
  }

  *#packRows(packed: Uint8Array, start: number, moved: Int32Array): Generator<number> {
    const { columns, next, prev } = this.#raw;
    const index = this.#queueIndex;
    let offset = start;
    const kinds = [...COLUMN_ORDER.map((name) => columns[name]), next, prev];
    for (const column of kinds) {
      const out = viewOf(column, packed, offset, this.#rows);
      offset += aligned(out.byteLength);
      for (let slot = 0; slot < this.#slots; slot += 1) {
        if (slot % ROWS_AT_ONCE === 0) yield BLOCK_LOOKS;
        const to = moved[slot] as number;
        if (to === NONE) continue;
        const value = column[slot] as number;
        if (column === columns.queue) out[to] = index[value] as number;
        else out[to] = column === next || column === prev ? follow(moved, value) : value;
      }
    }
  }
}

/** A picture of the books as they are now, made in one go. */
export function pictureOf(books: Books): { readonly bytes: Uint8Array; readonly lowest: number } {
  const picture = new Picture(books);
  const making = picture.make();
  for (;;) {
    const step = making.next();
    if (step.done) return { bytes: step.value, lowest: picture.lowest };
  }
}

const follow = (moved: Int32Array, slot: number): number =>
  slot === NONE ? NONE : (moved[slot] as number);

function restOf(books: Books): string {
  const { rows } = books;
  const settled = [...rows.settled].map(([slot, done]) => [rows.columns.number[slot], [...done]]);
  const rest = {
    engine: books.engine,
    ledger: books.ledger,
    sources: [...books.sources.values()],
    rates: [...books.rates],
    orders: packRules(books.rules),
    generations: packGenerations(books.generations),
    ndrs: [...books.ndrs.values()],
    settled,
    schedules: rows.schedules.pack((slot) => rows.columns.number[slot] as number),
  };
  return JSON.stringify(rest).slice(1, -1);
}
