/**
 * Books as they were at a position of the log: the newest picture before it, and the records after
 * that, folded as the engine folds them. The one idea: it can go on from where it stands, so the
 * way from one instant to a later one is folded once. Reads only; damage is passed over as a start
 * passes over it, and said.
 */
import { Books } from '../domain/books.ts';
import { decodeBooks } from '../domain/snapshot.ts';
import { Replay } from '../events/replay.ts';
import type { StoredRecord } from '../ports/ports.ts';

/** The part of a log that rebuilding needs; see events/log-past.ts. */
export interface PastLog {
  readonly first: number;
  readonly last: number;
  readonly reports: { readonly all: readonly { readonly sentence: string }[] };
  snapshot(upto: number): { readonly position: number; readonly bytes: Uint8Array } | undefined;
  walk(from: number, upto: number): Iterable<readonly StoredRecord[]>;
  find(position: number): StoredRecord | undefined;
}

/** There is no way to the books of a position; the message is a sentence. */
export class NotRebuilt extends Error {
  override readonly name = 'NotRebuilt';
}

/** Books on their way through the log. */
export class Rebuild {
  /** Where the picture was taken that the books began with; 0 = at the beginning of the log. */
  readonly snapshot: number;
  /** Records folded so far. */
  folded = 0;
  readonly #log: PastLog;
  readonly #replay: Replay;
  #position: number;
  #last: Pick<StoredRecord, 'position' | 'turn' | 'at'> | undefined;

  /** Begins with the newest picture up to a position; throws NotRebuilt where none leads there. */
  constructor(log: PastLog, upto: number) {
    this.#log = log;
    const begun = beginWith(log, upto);
    this.snapshot = begun.position;
    this.#position = begun.position;
    this.#replay = new Replay(begun.books, () => log.reports.all.length > 0);
  }

  get books(): Books {
    return this.#replay.books;
  }

  /** The position up to which the books are folded. */
  get position(): number {
    return this.#position;
  }

  /** Turn and time of the last record; undefined where there is none. */
  get last(): Pick<StoredRecord, 'position' | 'turn' | 'at'> | undefined {
    this.#last ??= this.#position === 0 ? undefined : this.#log.find(this.#position);
    return this.#last;
  }

  /** Sentences about what was damaged, or did not fit any more. */
  get damage(): readonly string[] {
    return [...this.#log.reports.all.map(({ sentence }) => sentence), ...this.#replay.leftOut];
  }

  /** Folds the records up to a position; `shown` hears now and then how many that were. */
  foldTo(upto: number, shown: (folded: number) => void = () => {}): this {
    if (upto <= this.#position) return this;
    for (const records of this.#log.walk(this.#position + 1, upto)) {
      for (const record of records) this.#replay.apply(record);
      this.folded += records.length;
      this.#last = records.at(-1) ?? this.#last;
      shown(this.folded);
    }
    this.#position = upto;
    return this;
  }

  /** Folds one record: the next one. */
  step(record: StoredRecord): void {
    this.#replay.apply(record);
    this.folded += 1;
    this.#position = record.position;
    this.#last = record;
  }
}

/** The oldest picture of the books from which a log can be folded on, with these books. */
export function oldestBooks(log: PastLog): { books: Books; position: number } | undefined {
  let oldest: { books: Books; position: number } | undefined;
  for (let before = log.last; ; ) {
    const snapshot = log.snapshot(before);
    if (snapshot === undefined || snapshot.position + 1 < log.first) return oldest;
    const books = decodeBooks(snapshot.bytes);
    if (books !== undefined) oldest = { books, position: snapshot.position };
    before = snapshot.position - 1;
  }
}

function beginWith(log: PastLog, upto: number): { books: Books; position: number } {
  for (let before = upto; ; ) {
    const snapshot = log.snapshot(before);
    if (snapshot === undefined) break;
    const books = decodeBooks(snapshot.bytes);
    if (books !== undefined && snapshot.position + 1 >= log.first) {
      return { books, position: snapshot.position };
    }
    before = snapshot.position - 1;
  }
  if (log.first === 1) return { books: new Books(), position: 0 };
  const from = log.find(log.first)?.at;
  const since = from === undefined ? '' : ` (${new Date(from).toISOString()})`;
  throw new NotRebuilt(
    `position ${upto} cannot be rebuilt: the log begins at position ${log.first}${since}, and no ` +
      `snapshot of the books before position ${upto} is left${sayOldest(log)}`,
  );
}

function sayOldest(log: PastLog): string {
  const position = oldestBooks(log)?.position;
  if (position === undefined) return '';
  const at = log.find(position)?.at;
  const when = at === undefined ? '' : ` (${new Date(at).toISOString()})`;
  return `; the earliest that can be is position ${position}${when}`;
}
