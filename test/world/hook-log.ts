/**
 * The log, cursors and dead letters of a log hook in memory, under virtual time and unkind: writes
 * take time, are refused, or are on their way when the process dies.
 * The one idea: what is durable is kept apart from what was asked, so that a crash is dropping the
 * rest. Deliberately unknown here: shippers, sinks.
 */
import assert from 'node:assert/strict';
import type { LogRecord, RecordType } from '../../src/projections/log-record/record.ts';
import type { DeadLetter, DeadLetters } from '../../src/projections/shipper/dead-letters.ts';
import type {
  CursorKeeper,
  RecordSource,
  SavedCursor,
  SourceRecord,
  SourceSpan,
} from '../../src/projections/shipper/surroundings.ts';
import type { Chance } from '../../src/testing/world/chance.ts';
import type { LifeClock, WorldTime } from '../../src/testing/world/clock.ts';

/** A record with what the tests look at; all other fields are of no matter to a shipper. */
export function makeRecord(fields: Partial<LogRecord> & { event_id: string }): LogRecord {
  const { timestamp = 0 } = fields;
  const rest = {
    type: 'Delivery' as RecordType,
    recipient: 'user@a.test',
    queue: 'a.test',
    meta: {},
    headers: {},
    timestamp,
  };
  return { ...rest, ...fields } as LogRecord;
}

/** A log of public records; some positions hold none. */
export class HookLog implements RecordSource {
  readonly records: SourceRecord[] = [];
  /** Wall time of each position, from 1 on. */
  readonly #ats: number[] = [];
  readonly #watchers = new Set<{ after: number; task: () => void }>();
  readonly #time: WorldTime;
  #first = 1;
  /** While true, reading throws. */
  isBroken = false;
  /** How often it was read. */
  reads = 0;

  constructor(time: WorldTime) {
    this.#time = time;
  }

  /** One position, with a record or none, durable at once. */
  commit(record?: LogRecord): number {
    const position = this.#ats.push(this.#time.now);
    if (record !== undefined) this.records.push({ position, record });
    for (const watcher of [...this.#watchers]) {
      if (watcher.after >= position) continue;
      this.#watchers.delete(watcher);
      this.#time.after(0, watcher.task);
    }
    return position;
  }

  /** The oldest go, up to and including `position`. */
  fallOff(position: number): void {
    this.#first = Math.max(this.#first, Math.min(position, this.upto()) + 1);
  }

  /** As one process sees it: when that is dead, nobody is called. */
  ofLife(clock: LifeClock): RecordSource {
    return {
      upto: () => this.upto(),
      first: () => this.first(),
      read: (after, recordsMax) => this.read(after, recordsMax),
      textOf: (record) => this.textOf(record),
      lastBefore: (at) => this.lastBefore(at),
      whenMore: (after, task) =>
        this.whenMore(after, () => {
          if (!clock.isOver) task();
        }),
    };
  }

  upto(): number {
    return this.#ats.length;
  }

  first(): number {
    return this.#first;
  }

  read(after: number, recordsMax: number): SourceSpan {
    if (this.isBroken) throw new Error('the disk hums');
    this.reads += 1;
    const from = Math.max(after, this.#first - 1);
    const records = this.records.slice(this.#findIndex(from)).slice(0, recordsMax);
    const last = records.at(-1)?.position;
    const isCut = last !== undefined && records.length === recordsMax;
    return { records, upto: isCut ? last : this.upto() };
  }

  /** The index of the first record behind `after`. */
  #findIndex(after: number): number {
    let [low, high] = [0, this.records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle] as SourceRecord).position <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  textOf(record: LogRecord): string {
    return record.event_id;
  }

  whenMore(after: number, task: () => void): () => void {
    const watcher = { after, task };
    if (after < this.upto()) return this.#time.after(0, task);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  lastBefore(at: number): number {
    const index = this.#ats.findIndex((one) => one >= at);
    return index < 0 ? this.#ats.length : index;
  }
}

/** How unkind the disk is. */
export interface DiskMood {
  /** The longest a write takes, ms. */
  slowMs: number;
  /** How likely a write is refused. */
  refuses: number;
}

/** Writes to a disk: they take their time, and a crash may overtake them. */
export class HookDisk {
  readonly mood: DiskMood = { slowMs: 0, refuses: 0 };
  /** Writes asked for and not answered. */
  underWay = 0;
  #crash: ((isKept: boolean) => void)[] = [];
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  write(clock: LifeClock, keep: () => void, answered: (cause?: string) => void): void {
    const isRefused = this.#chance.hits(this.mood.refuses);
    this.underWay += 1;
    const crashed = (isKept: boolean): void => {
      if (isKept && !isRefused) keep();
    };
    this.#crash.push(crashed);
    clock.after(this.#chance.between(0, this.mood.slowMs), () => {
      this.#crash = this.#crash.filter((one) => one !== crashed);
      this.underWay -= 1;
      if (!isRefused) keep();
      answered(isRefused ? 'no space left' : undefined);
    });
  }

  /** Everything under way is kept or lost. */
  crash(): void {
    for (const crashed of this.#crash.splice(0)) crashed(this.#chance.hits(0.5));
    this.underWay = 0;
  }
}

/** What is durable of a hook. */
export class HookShelf {
  cursor: SavedCursor | undefined;
  readonly letters: DeadLetter[] = [];
  /** How often a cursor was written. */
  saves = 0;
  readonly disk: HookDisk;

  constructor(chance: Chance) {
    this.disk = new HookDisk(chance);
  }

  keeper(clock: LifeClock): CursorKeeper {
    return {
      save: (cursor, answered) => this.disk.write(clock, () => this.#keep(cursor), answered),
      forget: (answered) =>
        this.disk.write(
          clock,
          () => {
            this.cursor = undefined;
          },
          answered,
        ),
    };
  }

  deadLetters(clock: LifeClock): DeadLetters {
    return {
      bury: (letters, answered) => {
        assert.ok(letters.length > 0, 'nothing is not buried');
        this.disk.write(clock, () => this.letters.push(...letters), answered);
      },
    };
  }

  #keep(cursor: SavedCursor): void {
    const before = this.cursor?.position ?? 0;
    assert.ok(cursor.position >= before, `the cursor went from ${before} to ${cursor.position}`);
    this.saves += 1;
    this.cursor = cursor;
  }
}
