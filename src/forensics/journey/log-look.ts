/**
 * Looking things up in a log by its index: candidates are read, proved and decoded. The one idea:
 * the index only says where to look; what is answered is what the record says, so an entry too many
 * (two keys that share a hash, a record that was changed since) costs a read and nothing else.
 * Deliberately unknown here: what the answers are used for.
 */
import type { Event } from '../../events/catalogue.ts';
import { decode, RecordUnreadable } from '../../events/codec.ts';
import type { CommittedRecord } from '../../ports/committed-log.ts';
import type { IndexedLog, JourneyIndex } from './journey-index.ts';
import type { KeyRange } from './key-questions.ts';
import type { KeyKind } from './keys.ts';
import { KEY } from './keys.ts';

/** Records kept decoded, for those that are looked at twice. */
const KEPT_MAX = 4_096;
const UNREADABLE_MAX = 20;
/** Fewer in doubt than one of so many do not change what is said about how many there are. */
const DOUBTFUL_ONE_OF = 20;
/** Records looked at for one that fits, and of one key between two positions. */
export const LOOKS_MAX = 1_000;

/** An event where it stands in the log. */
export interface LogEvent {
  readonly record: CommittedRecord;
  readonly position: number;
  readonly at: number;
  readonly event: Event;
}

/** Who follows a stream; true once it has heard enough. */
export interface StreamFollower {
  readonly stream: string;
  /** A position that no record of the stream lies before. */
  readonly from: number;
  readonly hear: (found: LogEvent) => boolean;
}

/** A log with its index. */
export class LogLook {
  readonly log: IndexedLog;
  readonly #index: JourneyIndex;
  readonly #kept = new Map<number, LogEvent | undefined>();
  /** Positions that were looked at in vain; the first of them. */
  readonly unreadable: number[] = [];

  constructor(log: IndexedLog, index: JourneyIndex) {
    this.log = log;
    this.#index = index;
  }

  /** The event at a position; undefined where it is damaged, gone, or of a newer version. */
  at(position: number): LogEvent | undefined {
    if (this.#kept.has(position)) return this.#kept.get(position);
    const found = readEvent(this.log.find(position));
    if (found === undefined && this.unreadable.length < UNREADABLE_MAX) {
      this.unreadable.push(position);
    }
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(position, found);
    return found;
  }

  /** Candidates of a key, newest first; streams and types are proved, other keys are not. */
  newest(kind: KeyKind, text: string, range?: KeyRange): Generator<LogEvent> {
    return this.#proved(kind, text, this.#index.find(kind, text, range));
  }

  /** Goes through the records of several streams, oldest first, all at once. */
  follow(followers: readonly StreamFollower[]): void {
    const heard = followers.map(({ stream, from, hear }) => ({
      text: stream,
      from,
      hear: (position: number): boolean => {
        const found = this.at(position);
        return found?.event.stream === stream && hear(found);
      },
    }));
    this.#index.follow(KEY.stream, heard);
  }

  *#proved(kind: KeyKind, text: string, positions: Iterable<number>): Generator<LogEvent> {
    for (const position of positions) {
      const found = this.at(position);
      if (found === undefined) continue;
      if (kind === KEY.stream && found.event.stream !== text) continue;
      if (kind === KEY.type && found.event.type !== text) continue;
      yield found;
    }
  }

  /** How many candidates a key has, about; looked at are those in doubt, where they matter. */
  count(kind: KeyKind, text: string, range: KeyRange, fits: (found: LogEvent) => boolean): number {
    const { count, doubtful } = this.#index.count(kind, text, range);
    if (doubtful.length < count / DOUBTFUL_ONE_OF) return count + doubtful.length;
    return count + [...this.#proved(kind, text, doubtful)].filter(fits).length;
  }

  /** The position that the index reaches; what comes behind it is not found yet. */
  get upto(): number {
    return this.log.upto() - this.#index.remaining();
  }

  /** The newest candidate that fits, up to a position. */
  latest(
    kind: KeyKind,
    text: string,
    upto: number,
    fits: (found: LogEvent) => boolean = () => true,
  ): LogEvent | undefined {
    let left = LOOKS_MAX;
    for (const found of this.newest(kind, text, { upto })) {
      if (fits(found)) return found;
      left -= 1;
      if (left === 0) return undefined;
    }
    return undefined;
  }

  /** The newest candidates within the range, `max` of them at most, in order. */
  within(kind: KeyKind, text: string, range: KeyRange, max = LOOKS_MAX): LogEvent[] {
    const all: LogEvent[] = [];
    for (const found of this.newest(kind, text, range)) {
      all.push(found);
      if (all.length === max) break;
    }
    return all.reverse();
  }
}

function readEvent(record: CommittedRecord | undefined): LogEvent | undefined {
  if (record === undefined) return undefined;
  try {
    const { position, at } = record;
    return { record, position, at, event: decode(record, true) };
  } catch (error) {
    if (error instanceof RecordUnreadable || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
