/**
 * One pass over the log for all readers of a thread: each record is read, judged and projected
 * once, its text is made once for all who see the same of it. The one idea: whoever is furthest
 * reads on and leaves a stretch of records behind (feed-ring.ts), the others find theirs there.
 * Deliberately unknown here: hooks, sinks, cursors; who reads holds its own place.
 */
import type { CommittedLog, CommittedRecord } from '../ports/committed-log.ts';
import type { At, Ms } from '../ports/ports.ts';
import type { Timers } from '../ports/timers.ts';
import type { FeedEntry } from './feed-ring.ts';
import { FeedRing } from './feed-ring.ts';
import { FeedWatch } from './feed-watch.ts';
import { captureFor } from './log-record/capture.ts';
import type { LogRecord } from './log-record/record.ts';
import type { MailFirst } from './mail-first.ts';
import type { RecordSource, SourceRecord } from './shipper/surroundings.ts';

/** Records of the log read at a time for all. */
export const PASS_RECORDS_MAX = 1_024;
const SECOND_MS: Ms = 1_000;
/** Looks at the log are no closer together than this, however often it grows. */
export const PASS_WAIT_MS: Ms = 10;

/** Names of metadata and header fields that a reader asks for. */
export interface FeedCapture {
  readonly meta: readonly string[];
  readonly headers: readonly string[];
}

/** How one reader wants its records. */
export interface FeedView {
  readonly capture: FeedCapture;
  /** What is sent in place of the JSON; undefined where this type has no template. */
  readonly render?: (record: LogRecord) => string | undefined;
  /** The first position it may have, whatever is there: its retention. */
  readonly floor?: () => number;
}

/** The log as one reader of the feed sees it; `close` when it reads no more. */
export interface FeedSource extends RecordSource {
  close(): void;
}

/** What a feed stands on. */
export interface FeedParts {
  readonly log: CommittedLog;
  readonly timers: Pick<Timers, 'now' | 'after' | 'steadyMs'>;
  /** Says how long a reader so far behind is to wait, ms; without it nobody waits. */
  readonly pace?: Pick<MailFirst, 'waitMs'>;
  /** The whole public record of a record of the log; undefined where it makes none. */
  readonly project: (record: CommittedRecord) => LogRecord | undefined;
  /** A record could not be projected: it is left out. */
  readonly unfit: (record: CommittedRecord, cause: string) => void;
}

/** Beside the fields of a record that was handed out; JSON and loops over its fields pass it by. */
const HANDED = Symbol('handed');

/** What is known of a record that was handed out. */
interface Handed {
  readonly whole: LogRecord;
  text: string | undefined;
}

type HandedRecord = LogRecord & { [HANDED]?: Handed };

/** Records of a stretch of the log, and how far it goes. */
interface Pass {
  readonly entries: readonly FeedEntry[];
  readonly upto: number;
}

/** How far a reader is. */
interface Place {
  /** -1 before its first look. */
  at: number;
  /** The time of the last record it had; undefined before the first. */
  time: At | undefined;
}

/** The pass, and its readers. */
export class Feed {
  readonly #parts: FeedParts;
  readonly #ring: FeedRing;
  readonly #watch: FeedWatch;
  readonly #places = new Set<Place>();
  /** Lists of captured fields as text; their index is the number of the view. */
  readonly #captures: string[] = [];

  constructor(parts: FeedParts, ring = new FeedRing()) {
    this.#parts = parts;
    this.#ring = ring;
    this.#watch = new FeedWatch(parts.log, parts.timers, PASS_WAIT_MS);
  }

  /** The log as one reader sees it. */
  source({ capture, render, floor = () => 0 }: FeedView): FeedSource {
    const { log } = this.#parts;
    const number = this.#numberOf(capture);
    const place: Place = { at: -1, time: undefined };
    this.#places.add(place);
    const view = (entry: FeedEntry): SourceRecord => ({
      position: entry.position,
      record: entry.views[number] ?? this.#makeView(entry, number, capture),
    });
    return {
      upto: () => log.upto(),
      first: () => Math.max(log.first(), floor()),
      read: (after, recordsMax, isWanted = false) => {
        if (!isWanted && this.#isPutOff(place)) return { records: [], upto: after };
        const { entries, upto } = this.#read(after, recordsMax);
        place.at = upto;
        const last = entries.at(-1)?.record.timestamp;
        if (last !== undefined) place.time = last * SECOND_MS;
        this.#shorten();
        return { records: entries.map(view), upto };
      },
      textOf: (record) => render?.(record) ?? this.#textOf(record),
      whenMore: (after, task) => this.#watch.whenMore(after, task),
      lastBefore: (at) => this.lastBefore(at),
      close: () => this.#places.delete(place),
    };
  }

  /** The whole record behind one that was handed out: the same object for all readers. */
  wholeOf(record: LogRecord): LogRecord {
    return (record as HandedRecord)[HANDED]?.whole ?? record;
  }

  /** The last position older than `at`; the time in the log never runs backwards. */
  lastBefore(at: At): number {
    const { log } = this.#parts;
    let [low, high] = [log.first(), log.upto() + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      // The first whole record from there on speaks for those that are damaged.
      const [found] = log.read(middle - 1, 1).records;
      if (found !== undefined && found.at < at) low = Math.max(middle, found.position) + 1;
      else high = middle;
    }
    return Math.min(low, log.upto() + 1) - 1;
  }

  /** For the sake of mail; who is put off and waits for more is called when its time has come. */
  #isPutOff({ time }: Place): boolean {
    const { pace, timers } = this.#parts;
    if (pace === undefined) return false;
    const waitMs = pace.waitMs(time === undefined ? 0 : timers.now() - time);
    if (waitMs > 0) this.#watch.rest(waitMs);
    return waitMs > 0;
  }

  #numberOf({ meta, headers }: FeedCapture): number {
    const text = JSON.stringify([[...meta].sort(), [...headers].sort()]);
    const known = this.#captures.indexOf(text);
    return known >= 0 ? known : this.#captures.push(text) - 1;
  }

  #read(after: number, recordsMax: number): Pass {
    const ring = this.#ring;
    // Alone, and no further than the stretch, which is then as good: two never chase each other's.
    if (after < ring.after) {
      return this.#pass(after, Math.min(recordsMax, PASS_RECORDS_MAX, ring.after - after));
    }
    // Whoever is ahead of the stretch takes it along.
    if (after > ring.upto) ring.restart(after);
    if (after === ring.upto) {
      const { entries, upto } = this.#pass(after, PASS_RECORDS_MAX);
      ring.extend(entries, upto);
      // The stretch may be full before its end is reached.
      if (after < ring.after) return firstOf({ entries, upto }, recordsMax);
    }
    return ring.read(after, recordsMax);
  }

  /** What all have behind them is let go of; who is behind the stretch may yet catch up with it. */
  #shorten(): void {
    let lowest = this.#ring.upto;
    for (const { at } of this.#places) lowest = Math.min(lowest, at);
    this.#ring.dropUpto(lowest);
  }

  #pass(after: number, recordsMax: number): Pass {
    const { log } = this.#parts;
    const { records, upto } = log.read(after, recordsMax);
    const entries: FeedEntry[] = [];
    for (const stored of records) {
      const record = this.#project(stored);
      if (record === undefined) continue;
      const { position, body } = stored;
      entries.push({ position, record, chars: body.length, views: [] });
    }
    return { entries, upto };
  }

  /** A record that this version cannot read is nobody's fault and must stop nobody. */
  #project(stored: CommittedRecord): LogRecord | undefined {
    try {
      return this.#parts.project(stored);
    } catch (error) {
      this.#parts.unfit(stored, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #makeView(entry: FeedEntry, number: number, { meta, headers }: FeedCapture): LogRecord {
    const record: HandedRecord = captureFor(entry.record, meta, headers);
    record[HANDED] = { whole: entry.record, text: undefined };
    entry.views[number] = record;
    return record;
  }

  #textOf(record: LogRecord): string {
    const handed = (record as HandedRecord)[HANDED];
    // A reader that is alone asks once, and has it.
    if (handed === undefined || this.#places.size === 1) return JSON.stringify(record);
    handed.text ??= JSON.stringify(record);
    return handed.text;
  }
}

/** The first of them. */
function firstOf({ entries, upto }: Pass, recordsMax: number): Pass {
  if (entries.length <= recordsMax) return { entries, upto };
  const first = entries.slice(0, recordsMax);
  return { entries: first, upto: first.at(-1)?.position ?? upto };
}
