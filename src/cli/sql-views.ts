/**
 * A data directory as tables: records between two times out of whichever segments have them, queues
 * and sources folded up to the end, and bounds of an answer.
 * Deliberately unknown here: SQL (events/log-views.ts), how results look, who waits for them.
 */
import type { Standing, ViewSource } from '../events/log-views.ts';
import { LogViews, QueryRefused } from '../events/log-views.ts';
import { toRecord } from '../events/log-walk.ts';
import type { LogToRead } from '../forensics/replay-walk.ts';
import { readLog } from '../forensics/replay-walk.ts';
import { createClock } from '../ports/node/clock.ts';
import type { StoredRecord } from '../ports/ports.ts';
import { readStanding } from './policy-live.ts';

/** Characters and octets of one answer. */
const ANSWER_CHARS_MAX = 256 * 2 ** 20;

/** Rows of a statement; there may be more than were asked for. */
export interface ViewAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly isMore: boolean;
  /** What of the log could not be read, and is therefore not in the rows. */
  readonly damage: readonly string[];
}

/** What may be asked about, and how long it may take. */
export interface ViewOrder {
  readonly dir: string;
  /** Ms since 1970, both ends included. */
  readonly from: number;
  readonly upto: number;
  readonly timeoutMs: number;
}

class DirectorySource implements ViewSource {
  readonly #order: ViewOrder;
  #log: LogToRead;
  #standing: ReturnType<typeof readStanding> | undefined;

  constructor(order: ViewOrder) {
    this.#order = order;
    // Says what is wrong with the directory before anybody asks.
    this.#log = readLog(order.dir);
  }

  /** What was found damaged when it was read last. */
  get damage(): readonly string[] {
    return this.#log.damage.map(({ sentence }) => sentence);
  }

  *records(): Generator<StoredRecord> {
    const { dir, from, upto } = this.#order;
    const log = readLog(dir);
    this.#log = log;
    // Whole segments that end before the time asked about are not opened again.
    const first = log.segments.find(({ lastAt }) => lastAt >= from)?.first ?? log.last + 1;
    for (const rows of log.rows(first)) {
      for (const row of rows) {
        if (row[2] > upto) return;
        if (row[2] >= from) yield toRecord(row);
      }
    }
  }

  queues(): readonly Standing[] {
    return this.#fold().queues;
  }

  sources(): readonly Standing[] {
    return this.#fold().sources;
  }

  #fold(): ReturnType<typeof readStanding> {
    this.#standing ??= readStanding(this.#order.dir);
    return this.#standing;
  }
}

/** Views of one directory, and the bounds of an answer. Throws LogOpenError, QueryRefused. */
export class DirectoryViews {
  readonly #source: DirectorySource;
  readonly #views: LogViews;
  readonly #clock = createClock();
  readonly #timeoutMs: number;

  constructor(order: ViewOrder) {
    this.#source = new DirectorySource(order);
    this.#views = new LogViews(this.#source);
    this.#timeoutMs = order.timeoutMs;
  }

  ask(sql: string, rowsMax: number): ViewAnswer {
    const overAt = this.#clock.now() + this.#timeoutMs;
    const rows: unknown[][] = [];
    let size = 0;
    const isOver = (): boolean => this.#clock.now() > overAt;
    const found = this.#views.ask(sql, rowsMax, isOver, (values) => {
      for (const value of values) size += sizeOf(value);
      if (size > ANSWER_CHARS_MAX) {
        throw new QueryRefused(`the answer is longer than ${ANSWER_CHARS_MAX} characters`);
      }
      rows.push([...values]);
    });
    return { ...found, rows, damage: this.#source.damage };
  }
}

const sizeOf = (value: unknown): number =>
  typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
