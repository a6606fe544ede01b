/**
 * The books as bytes and back: a JSON head (queues, sources, answers, ledger) and the columns of
 * the living rows, packed. Reading a million rows is a copy, so a restart does not depend on the
 * length of history. Knows no file: the log keeps snapshots and checks their sums.
 */
import type { EngineRow, Ledger, QueueRow, SourceRow } from './books.ts';
import { Books } from './books.ts';
import { invariant } from './invariant.ts';
import type { RowColumns } from './rows.ts';

/**
 * Raise when the form changes. A newer form is not read, the log is folded instead; an older one
 * is brought up, because the records it stands for may have been let go.
 */
export const SNAPSHOT_FORM = 2;
/** Form 1 knew no pools of queues, and neither version nor epoch of the policy. */
const SNAPSHOT_FORM_MIN = 1;

type QueueHead = readonly [string, string, number, string, string, string, number, string?];

interface Head {
  readonly form: number;
  readonly rows: number;
  readonly engine: EngineRow;
  readonly ledger: Ledger;
  readonly queues: readonly QueueHead[];
  readonly sources: readonly SourceRow[];
  readonly answers: readonly (readonly [string, string])[];
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

const ALIGN = 8;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

/** Packs the books; rows go in the order of their slots. */
export function encodeBooks(books: Books): Uint8Array {
  const { rows } = books;
  const order = new Int32Array(rows.count);
  let count = 0;
  rows.each((slot) => {
    order[count] = slot;
    count += 1;
  });
  invariant(count === rows.count, 'every living row is counted');
  const queues: QueueHead[] = [];
  const queueIndex = new Int32Array(books.queues.length);
  for (const queue of books.queues) {
    if (queue === undefined) continue;
    queueIndex[queue.slot] = queues.length;
    const { name, state, until, cause, answer, site, emptySince, pool } = queue;
    queues.push([name, state, until, cause, answer, site, emptySince, pool]);
  }
  const settled = [...rows.settled].map(([slot, done]) => [
    rows.columns.number[slot] as number,
    [...done],
  ]) as [number, number[]][];
  const head: Head = {
    form: SNAPSHOT_FORM,
    rows: count,
    engine: books.engine,
    ledger: books.ledger,
    queues,
    sources: [...books.sources.values()],
    answers: [...books.answers],
    settled,
  };
  return pack(new TextEncoder().encode(JSON.stringify(head)), rows.columns, order, queueIndex);
}

function pack(
  head: Uint8Array,
  columns: RowColumns,
  order: Int32Array,
  queueIndex: Int32Array,
): Uint8Array {
  let bytes = aligned(8 + head.length);
  for (const name of COLUMN_ORDER) {
    bytes += aligned(order.length * columns[name].BYTES_PER_ELEMENT);
  }
  const packed = new Uint8Array(bytes);
  new DataView(packed.buffer).setUint32(0, head.length, true);
  packed.set(head, 8);
  let offset = aligned(8 + head.length);
  for (const name of COLUMN_ORDER) {
    const column = columns[name];
    const Column = column.constructor as new (
      b: ArrayBufferLike,
      o: number,
      n: number,
    ) => typeof column;
    const out = new Column(packed.buffer, offset, order.length);
    for (let at = 0; at < order.length; at += 1) out[at] = column[order[at] as number] as number;
    if (name === 'queue') {
      for (let at = 0; at < out.length; at += 1) {
        out[at] = queueIndex[out[at] as number] as number;
      }
    }
    offset += aligned(order.length * column.BYTES_PER_ELEMENT);
  }
  return packed;
}

/** Unpacks books, or answers undefined when the form is another version's. */
export function decodeBooks(packed: Uint8Array): Books | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const headBytes = view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(packed.subarray(8, 8 + headBytes))) as Head;
  if (head.form < SNAPSHOT_FORM_MIN || head.form > SNAPSHOT_FORM) return undefined;
  const books = new Books();
  Object.assign(books.engine, head.engine);
  for (const [key, text] of head.answers) books.answers.set(key, text);
  for (const source of head.sources) books.sources.set(source.name, { ...source });
  const opened = head.queues.map(([name, state, until, cause, answer, site, emptySince, pool]) => {
    const queue = books.openQueue(name, emptySince);
    queue.state = state as QueueRow['state'];
    queue.until = until;
    queue.cause = cause;
    queue.answer = answer;
    queue.site = site;
    queue.pool = pool ?? '';
    return queue;
  });
  readRows(books, opened, head.rows, packed, aligned(8 + headBytes));
  for (const [number, done] of head.settled) {
    books.rows.settled.set(books.rows.find(number), new Set(done));
  }
  Object.assign(books.ledger, head.ledger);
  return books;
}

function readRows(
  books: Books,
  queues: readonly QueueRow[],
  count: number,
  packed: Uint8Array,
  start: number,
): void {
  const { rows } = books;
  rows.reserve(2 ** Math.ceil(Math.log2(Math.max(1024, count))));
  let offset = start;
  for (const name of COLUMN_ORDER) {
    const column = rows.columns[name];
    const Column = column.constructor as new (b: ArrayBufferLike) => typeof column;
    const bytes = count * column.BYTES_PER_ELEMENT;
    column.set(new Column(packed.slice(offset, offset + bytes).buffer));
    offset += aligned(bytes);
  }
  rows.adopt(count);
  const queueOf = rows.columns.queue;
  for (let slot = 0; slot < count; slot += 1) {
    const queue = queues[queueOf[slot] as number] as QueueRow;
    queueOf[slot] = queue.slot;
    books.link(slot, queue);
  }
}
