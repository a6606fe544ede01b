/**
 * A data directory as tables: records between two times out of whichever segments have them, queues
 * and sources folded up to the end, and a time that no statement outlives.
 * Deliberately unknown here: SQL (events/log-views.ts), how results look.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../events/log-start.ts';
import type { Standing, ViewSource } from '../events/log-views.ts';
import { LogViews } from '../events/log-views.ts';
import { toRecord } from '../events/log-walk.ts';
import { readLog } from '../forensics/replay-walk.ts';
import { createClock } from '../ports/node/clock.ts';
import type { StoredRecord } from '../ports/ports.ts';
import { readStanding } from './policy-live.ts';

/** Time after its own in which a statement may still end by itself, ms. */
const GRACE_MS = 5_000;

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
  #standing: ReturnType<typeof readStanding> | undefined;

  constructor(order: ViewOrder) {
    this.#order = order;
  }

  *records(): Generator<StoredRecord> {
    const { dir, from, upto } = this.#order;
    const log = readLog(dir);
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

/** Views with a watch over the time of each statement. */
export class WatchedViews {
  readonly #views: LogViews;
  readonly #clock = createClock();
  readonly #timeoutMs: number;
  readonly #cells = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #watchdog: Worker;

  constructor(order: ViewOrder) {
    // Says what is wrong with the directory before anybody asks.
    readLog(order.dir);
    this.#views = new LogViews(new DirectorySource(order));
    this.#timeoutMs = order.timeoutMs;
    const workerData = { memory: this.#cells.buffer, timeoutMs: order.timeoutMs + GRACE_MS };
    this.#watchdog = startThread('./sql-watchdog-thread', import.meta.url, { workerData });
    this.#watchdog.unref();
  }

  ask(sql: string, rowsMax: number): { columns: string[]; rows: unknown[][]; isMore: boolean } {
    const overAt = this.#clock.now() + this.#timeoutMs;
    const rows: unknown[][] = [];
    this.#step();
    try {
      const isOver = (): boolean => this.#clock.now() > overAt;
      const found = this.#views.ask(sql, rowsMax, isOver, (values) => rows.push([...values]));
      return { ...found, rows };
    } finally {
      this.#step();
    }
  }

  #step(): void {
    Atomics.add(this.#cells, 0, 1);
    Atomics.notify(this.#cells, 0);
  }

  async close(): Promise<void> {
    this.#views.close();
    await this.#watchdog.terminate();
  }
}
