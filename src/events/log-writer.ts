/**
 * Appends turns to the current segment: one transaction each, sealed, strictly in order. What is
 * slow and not the commit itself (checkpoint, closing a full segment) waits for `tidy`, after the
 * answer. Deliberately unknown here: messages between threads, retries, what an event means.
 */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chainOf, LINK_BYTES, Salts, sealText, sumOf } from './log-chain.ts';
import { isNoRoom, removeDatabase, syncDir } from './log-files.ts';
import type { HighWater } from './log-high-water.ts';
import type { LogSettings, WireBatch } from './log-messages.ts';
import { DRAFT_COLUMNS } from './log-messages.ts';
import type { OpenSegment } from './log-open-segment.ts';
import { closeSegment, open, seal } from './log-open-segment.ts';
import { LOG_FORMAT, PAGE_BYTES } from './log-schema.ts';
import type { SegmentInfo } from './log-segments.ts';
import { createSegment, inspectSegment } from './log-segments.ts';

/** Bytes a record takes beside its texts: numbers, seal, cell and page overhead. */
const RECORD_OVERHEAD_BYTES = 80;
/** Pages a turn rewrites whatever its size: the last leaf and the pages above it. */
const TURN_PAGES = 3;
/** Turns to wait before a roll that found no room is tried again. */
const ROLL_PATIENCE_TURNS = 64;

/** Where the log stands. */
export interface LogTail {
  readonly position: number;
  readonly turn: number;
  readonly at: number;
  readonly chain: string;
}

/** The file SQLite writes to is no longer at its path: the directory was moved or removed. */
export class LogDisplaced extends Error {
  override readonly name = 'LogDisplaced';
}

/** The appending end of the log. */
export class LogWriter {
  /** Closed segments, oldest first; the one being written is not among them. */
  readonly sealed: SegmentInfo[];
  readonly #settings: LogSettings;
  readonly #logDir: string;
  readonly #node: string;
  readonly #highWater: HighWater;
  readonly #retired: OpenSegment[] = [];
  readonly #salts = new Salts();
  /** Link and salt of the record being written. */
  readonly #chainBytes = Buffer.alloc(2 * LINK_BYTES);
  #current: OpenSegment | undefined;
  #tail: LogTail;
  /** Last position really there; behind `tail` after a log that was shortened. */
  #after: number;
  #bytes = 0;
  #begunAt: number | undefined;
  #walPages = 0;
  #rollNotBefore = 0;

  constructor(
    settings: LogSettings,
    node: string,
    highWater: HighWater,
    segments: readonly SegmentInfo[],
    tail: LogTail,
    appendable: SegmentInfo | undefined,
  ) {
    this.#settings = settings;
    this.#logDir = join(settings.dir, 'log');
    this.#node = node;
    this.#highWater = highWater;
    this.#tail = tail;
    this.#after = segments.at(-1)?.last ?? 0;
    this.sealed = segments.filter((segment) => segment !== appendable);
    if (appendable !== undefined) this.#enter(appendable.path, appendable.first);
  }

  get tail(): LogTail {
    return this.#tail;
  }

  /** Path of the segment being written. */
  get path(): string | undefined {
    return this.#current?.path;
  }

  /** Reads a row of the segments that are open for writing. */
  findRow(position: number): unknown {
    const open = [...this.#retired, this.#current];
    const holder = open.findLast((segment) => segment !== undefined && segment.first <= position);
    return holder?.findRow.get(position);
  }

  /** Closes the segment being written: what comes next begins another. False: it is in use. */
  leave(): boolean {
    const current = this.#current;
    if (current !== undefined && this.#begunAt !== undefined) {
      this.#current = undefined;
      this.#retired.push(current);
    }
    this.sealRetired();
    return this.#retired.length === 0;
  }

  /** The segment being written is damaged: nothing more goes into it. */
  abandon(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    try {
      closeSegment(current);
    } catch {
      // A damaged database may refuse to close; the process lets go of it at its end.
    }
    this.#remember(current);
  }

  /** Writes one turn; it is durable when this returns. Throws what SQLite throws. */
  append(batch: WireBatch): void {
    if (batch.position !== this.#tail.position + 1) {
      throw new Error(`position ${batch.position} does not follow ${this.#tail.position}`);
    }
    if (batch.cells.length === 0) return;
    if (this.#current === undefined || this.#isRollDue(batch)) this.#roll(batch);
    const current = this.#current as OpenSegment;
    current.begin.run();
    try {
      this.#write(current, batch);
    } catch (error) {
      if (current.db.inTransaction) current.rollback.run();
      throw error;
    }
    this.checkPlace();
    this.#note();
  }

  /** A mark that cannot be written for want of room lags behind, which is its lawful side. */
  #note(): void {
    try {
      this.#highWater.note({ ...this.#tail, first: this.#highWater.mark.first });
    } catch (error) {
      if (!isNoRoom(error)) throw error;
    }
  }

  /** SQLite goes on writing to a file that was moved or removed; such a commit promises nothing. */
  checkPlace(): void {
    const current = this.#current;
    if (current === undefined) return;
    const wal = `${current.path}-wal`;
    if (statSync(wal, { throwIfNoEntry: false })?.ino !== current.walInode) {
      throw new LogDisplaced(`${wal} is no longer at its place`);
    }
  }

  #write(current: OpenSegment, batch: WireBatch): void {
    const { turn, at, cells } = batch;
    let { position } = batch;
    let { chain } = this.#tail;
    let bytes = 0;
    for (let cell = 0; cell < cells.length; cell += DRAFT_COLUMNS, position++) {
      const stream = cells[cell] as string;
      const type = cells[cell + 1] as string;
      const version = cells[cell + 2] as number;
      const body = cells[cell + 3] as string;
      const text = sealText(position, turn, at, stream, type, version, body);
      const salt = this.#salts.next();
      chain = chainOf(chain, text, salt);
      this.#chainBytes.write(chain, 'hex');
      this.#chainBytes.write(salt, LINK_BYTES, 'hex');
      const sum = sumOf(text);
      current.insert.run(position, turn, at, stream, type, version, body, sum, this.#chainBytes);
      bytes += text.length + RECORD_OVERHEAD_BYTES;
    }
    current.commit.run();
    this.#tail = { position: position - 1, turn, at, chain };
    this.#after = position - 1;
    this.#begunAt ??= at;
    this.#bytes += bytes;
    this.#walPages += TURN_PAGES + bytes / PAGE_BYTES;
  }

  #isRollDue({ turn, at }: WireBatch): boolean {
    if (this.#begunAt === undefined || turn < this.#rollNotBefore) return false;
    const { segmentBytesMax, segmentAgeMsMax } = this.#settings;
    return this.#bytes >= segmentBytesMax || at - this.#begunAt >= segmentAgeMsMax;
  }

  /** Begins the segment that `batch` opens. Where there is no room for it, the old one goes on. */
  #roll({ position, turn }: WireBatch): void {
    const old = this.#current;
    let path: string | undefined;
    try {
      path = createSegment(this.#logDir, {
        format: LOG_FORMAT,
        node: this.#node,
        first: position,
        after: this.#after,
        chainBefore: this.#tail.chain,
      });
      this.forget(position);
      this.#enter(path, position);
    } catch (error) {
      if (old === undefined) throw error;
      if (this.#current !== old && this.#current !== undefined) closeSegment(this.#current);
      // An empty segment behind one that goes on would hide all that is written from now on.
      if (path !== undefined) removeDatabase(path);
      syncDir(this.#logDir);
      this.#current = old;
      this.#rollNotBefore = turn + ROLL_PATIENCE_TURNS;
      return;
    }
    if (old !== undefined) this.#retired.push(old);
  }

  #enter(path: string, first: number): void {
    this.#current = open(path, first);
    this.#bytes = statSync(path).size;
    this.#walPages = 0;
    const begun: unknown = this.#current.db
      .prepare('SELECT at FROM event ORDER BY position LIMIT 1')
      .pluck()
      .get();
    this.#begunAt = typeof begun === 'number' ? begun : undefined;
  }

  /** A closed segment is no more. */
  forget(first: number): void {
    const index = this.sealed.findIndex((segment) => segment.first === first);
    if (index >= 0) this.sealed.splice(index, 1);
  }

  /** Moves the write-ahead log into the database when it has grown. */
  tidy(): void {
    if (this.#walPages < this.#settings.checkpointPages) return;
    this.#walPages = 0;
    this.#current?.db.pragma('wal_checkpoint(PASSIVE)');
  }

  /** Closes full segments; one that a reader still looks at waits for the next time. */
  sealRetired(): void {
    for (const old of [...this.#retired]) {
      if (!seal(old)) continue;
      this.#retired.splice(this.#retired.indexOf(old), 1);
      this.#remember(old);
    }
  }

  #remember({ path, first }: OpenSegment): void {
    const name = path.slice(dirname(path).length + 1);
    this.forget(first);
    try {
      this.sealed.push(inspectSegment(this.#logDir, name));
      this.sealed.sort((one, other) => one.first - other.first);
    } catch {
      // Unreadable: single records are not served from it; the next start rebuilds it.
    }
  }

  close(): void {
    this.sealRetired();
    for (const old of this.#retired.splice(0)) closeSegment(old);
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined && !seal(current)) closeSegment(current);
  }
}
