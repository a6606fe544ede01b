/**
 * The segments of a log as a reader beside its writer opens them. The one idea: a connection to a
 * segment keeps its writer from sealing it, and a plain descriptor, once closed, would drop the
 * writer's locks; so what is not sealed is open only while it is the newest, and only by SQLite.
 * Deliberately unknown here: what is read, and what becomes of damage.
 */
import { existsSync, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { PlacedSegment } from './log-place.ts';
import { openForReading } from './log-schema.ts';
import { prepareRow, prepareRows } from './log-segments.ts';

/** Segments kept open at a time. */
const OPEN_SEGMENTS_MAX = 4;

/** A segment, open. */
export interface TailReader {
  /** `(from, count)` → event rows. */
  readonly rows: Database.Statement;
  /** `(position)` → event row. */
  readonly row: Database.Statement;
}

interface OpenReader extends TailReader {
  readonly db: Database.Database;
  readonly isSealed: boolean;
}

/** The segments of one log, opened as needed. */
export class TailFiles {
  readonly #list: () => readonly PlacedSegment[];
  readonly #hasWriter: boolean;
  /** By path, least recently used first. */
  readonly #open = new Map<string, OpenReader>();
  #segments: readonly PlacedSegment[] = [];

  constructor(list: () => readonly PlacedSegment[], hasWriter: boolean) {
    this.#list = list;
    this.#hasWriter = hasWriter;
    this.look();
  }

  get oldest(): PlacedSegment | undefined {
    return this.#segments[0];
  }

  get newest(): PlacedSegment | undefined {
    return this.#segments.at(-1);
  }

  /** Looks which segments there are; lets go of those that are gone or no longer the newest. */
  look(): void {
    this.#segments = this.#list();
    const known = new Set(this.#segments.map(({ path }) => path));
    for (const [path, { isSealed }] of [...this.#open]) {
      if (!known.has(path) || (!isSealed && path !== this.newest?.path)) this.drop(path);
    }
  }

  /** First position and octets of each segment, oldest first. */
  sizes(): { first: number; bytes: number }[] {
    const bytesOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return this.#segments.map(({ first, path }) => ({
      first,
      bytes: bytesOf(path) + bytesOf(`${path}-wal`),
    }));
  }

  /** The segment that holds a position, if any does, and the last position it may hold. */
  holding(position: number): { segment: PlacedSegment; bound: number } | undefined {
    const index = this.#segments.findLastIndex(({ first }) => first <= position);
    const segment = this.#segments[index];
    if (segment === undefined) return undefined;
    const next = this.#segments[index + 1];
    return { segment, bound: next === undefined ? Number.MAX_SAFE_INTEGER : next.first - 1 };
  }

  /** Reads from a segment; throws what SQLite throws. */
  use<T>(segment: PlacedSegment, task: (reader: TailReader) => T): T {
    const { path } = segment;
    try {
      return task(this.#reader(path));
    } catch (error) {
      this.drop(path);
      throw error;
    } finally {
      if (this.#open.get(path)?.isSealed === false && path !== this.newest?.path) this.drop(path);
    }
  }

  #reader(path: string): OpenReader {
    const found = this.#open.get(path);
    if (found !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, found);
      return found;
    }
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < OPEN_SEGMENTS_MAX) break;
      this.drop(oldest);
    }
    const isSealed = !existsSync(`${path}-wal`);
    const db = openForReading(path, { isLive: this.#hasWriter && !isSealed });
    const reader = { db, isSealed, rows: prepareRows(db), row: prepareRow(db) };
    this.#open.set(path, reader);
    return reader;
  }

  /** Lets go of what its writer may want to seal; the next read opens it again. */
  rest(): void {
    for (const [path, { isSealed }] of [...this.#open]) if (!isSealed) this.drop(path);
  }

  drop(path: string): void {
    this.#open.get(path)?.db.close();
    this.#open.delete(path);
  }

  close(): void {
    for (const path of [...this.#open.keys()]) this.drop(path);
  }
}
