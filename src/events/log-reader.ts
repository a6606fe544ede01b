/**
 * Reads single records back by position, from whichever segment holds them.
 * The one idea: a record that does not prove itself is as good as missing.
 * Deliberately unknown here: why somebody wants a record; turns not yet durable.
 */
import type Database from 'better-sqlite3';
import type { StoredRecord } from '../ports/ports.ts';
import type { EventRow } from './log-chain.ts';
import { isWhole, linkOf } from './log-chain.ts';
import { openForReading } from './log-schema.ts';
import { prepareRow } from './log-segments.ts';
import { toRecord } from './log-walk.ts';
import type { LogWriter } from './log-writer.ts';

/** Segments kept open for reading. */
const OPEN_SEGMENTS_MAX = 8;

interface OpenReader {
  readonly db: Database.Database;
  readonly findRow: Database.Statement;
}

/** Finds a record by position. */
export class LogReader {
  readonly #writer: LogWriter;
  /** By path, least recently used first. */
  readonly #readers = new Map<string, OpenReader>();

  constructor(writer: LogWriter) {
    this.#writer = writer;
  }

  read(position: number): StoredRecord | undefined {
    const row = this.findRow(position);
    return row !== undefined && isWhole(row) ? { ...toRecord(row), chain: linkOf(row) } : undefined;
  }

  findRow(position: number): EventRow | undefined {
    try {
      const row = this.#writer.findRow(position) ?? this.#findSealed(position);
      return row as EventRow | undefined;
    } catch {
      // An unreadable page: the record is missing; the next replay reports and mends it.
      return undefined;
    }
  }

  #findSealed(position: number): unknown {
    const segment = this.#writer.sealed.findLast(({ first }) => first <= position);
    return segment && this.#open(segment.path).findRow.get(position);
  }

  #open(path: string): OpenReader {
    const found = this.#readers.get(path);
    if (found !== undefined) {
      this.#readers.delete(path);
      this.#readers.set(path, found);
      return found;
    }
    for (const oldest of this.#readers.keys()) {
      if (this.#readers.size < OPEN_SEGMENTS_MAX) break;
      this.drop(oldest);
    }
    const db = openForReading(path);
    const reader = { db, findRow: prepareRow(db) };
    this.#readers.set(path, reader);
    return reader;
  }

  /** Lets go of a segment that is about to be replaced or removed. */
  drop(path: string): void {
    this.#readers.get(path)?.db.close();
    this.#readers.delete(path);
  }

  close(): void {
    for (const path of [...this.#readers.keys()]) this.drop(path);
  }
}
