/**
 * Where readers of the log keep their places, over restarts. The one idea: a save survives a kill
 * when it returns and costs no sync, for the log is the truth and a place is only where to go on;
 * a flush once a second bounds what a power cut makes them repeat. Only the first save syncs.
 * Deliberately unknown here: threads, clocks (whoever owns it calls `tend`), what readers do.
 */
import type Database from 'better-sqlite3';
import type { Cursor } from './sqlite-cursors.ts';
import { cursorSum, openCursorFile, writeCopy } from './sqlite-cursors.ts';

export type { Cursor, CursorState } from './sqlite-cursors.ts';

/** How often `tend` is to be called: a power cut repeats what was saved since, and one batch. */
export const CURSOR_FLUSH_MS = 1_000;
/** Every so many calls of `tend` the copy is written that stands in for a damaged file. */
const COPY_EVERY_TENDS = 60;

/** The cursors of one data directory. */
export interface CursorStore {
  /** What was not as it should be, in sentences. */
  readonly damage: readonly string[];
  /** True where a reader without a cursor may have had one: it begins at the log's beginning. */
  readonly hasForgotten: boolean;
  find(name: string): Cursor | undefined;
  /** All of them, by name. */
  list(): readonly Cursor[];
  /**
   * Survives a kill when it returns, the first of a name also a power cut; throws what the disk
   * makes of it, then nothing changed.
   */
  save(cursor: Cursor): void;
  forget(name: string): void;
  /** About once a second: makes what was saved survive a power cut. Throws as `save` does. */
  tend(): void;
  close(): void;
}

class SqliteCursorStore implements CursorStore {
  readonly damage: readonly string[];
  readonly hasForgotten: boolean;
  readonly #dir: string;
  readonly #db: Database.Database;
  readonly #cursors: Map<string, Cursor>;
  readonly #put: Database.Statement;
  readonly #drop: Database.Statement;
  #isDirty = false;
  #isCopyOld: boolean;
  #tends = 0;

  constructor(dir: string) {
    const { db, cursors, damage, hasForgotten } = openCursorFile(dir);
    this.damage = damage;
    this.hasForgotten = hasForgotten;
    this.#dir = dir;
    this.#db = db;
    this.#cursors = new Map(cursors.map((cursor) => [cursor.name, cursor]));
    this.#put = db.prepare('INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)');
    this.#drop = db.prepare('DELETE FROM cursor WHERE name = ?');
    this.#isCopyOld = cursors.length > 0;
    // What came out of the copy is in the file from here on, too.
    if (hasForgotten) for (const cursor of cursors) this.save(cursor);
  }

  find(name: string): Cursor | undefined {
    return this.#cursors.get(name);
  }

  list(): readonly Cursor[] {
    return [...this.#cursors.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  save(cursor: Cursor): void {
    const { name } = cursor;
    const body = JSON.stringify(cursor);
    this.#put.run(name, body, cursorSum(name, body));
    this.#isDirty = true;
    // One that began now and is forgotten would begin later: what lies between would be missed.
    if (!this.#cursors.has(name)) this.#flush();
    this.#cursors.set(name, cursor);
    this.#isCopyOld = true;
  }

  forget(name: string): void {
    this.#drop.run(name);
    this.#cursors.delete(name);
    this.#isDirty = true;
    this.#isCopyOld = true;
  }

  tend(): void {
    this.#tends += 1;
    this.#flush();
    if (this.#tends % COPY_EVERY_TENDS === 0) this.#copy();
  }

  /** A checkpoint syncs the write-ahead log, then what it wrote into the file. */
  #flush(): void {
    if (!this.#isDirty) return;
    this.#db.pragma('wal_checkpoint(PASSIVE)');
    this.#isDirty = false;
  }

  #copy(): void {
    if (!this.#isCopyOld) return;
    writeCopy(this.#dir, this.list());
    this.#isCopyOld = false;
  }

  close(): void {
    try {
      this.#flush();
      this.#copy();
    } finally {
      this.#db.close();
    }
  }
}

/** Opens the cursors of a data directory; never refuses for damage, see `damage`. */
export const openCursorStore = (dir: string): CursorStore => new SqliteCursorStore(dir);

class MemoryCursorStore implements CursorStore {
  readonly damage = [];
  readonly hasForgotten = false;
  readonly #cursors: Map<string, Cursor>;

  constructor(cursors: Map<string, Cursor>) {
    this.#cursors = cursors;
  }

  find(name: string): Cursor | undefined {
    return this.#cursors.get(name);
  }

  list(): readonly Cursor[] {
    return [...this.#cursors.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  save(cursor: Cursor): void {
    this.#cursors.set(cursor.name, cursor);
  }

  forget(name: string): void {
    this.#cursors.delete(name);
  }

  tend(): void {}

  close(): void {}
}

/** Cursors in memory, for tests: `cursors` outlives the store as a disk outlives a process. */
export const createMemoryCursors = (cursors = new Map<string, Cursor>()): CursorStore =>
  new MemoryCursorStore(cursors);
