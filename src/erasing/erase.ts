/**
 * Takes the personal data of recipients out of a data directory that nobody else uses.
 * The one idea: the log says first what will be rewritten, with a seal for each new text; then the
 * segments, and everything that repeats them, are rewritten one by one. Every step may be cut short
 * and done again: the same order makes the same texts, and what is done already is found done.
 * Deliberately unknown here: the lock, which is held; who asked; how it is shown.
 */
import { join } from 'node:path';
import { encodeBooks } from '../domain/snapshot.ts';
import type { Event } from '../events/catalogue.ts';
import { encode } from '../events/codec.ts';
import type { ErasureListedBody } from '../events/erasure.ts';
import { ERASURE_LISTED_MAX } from '../events/erasure.ts';
import type { EventRow } from '../events/log-chain.ts';
import {
  erasedRow,
  readRows,
  rewriteSegment,
  sealOfErased,
  searchSegment,
} from '../events/log-erase.ts';
import { flatten } from '../events/log-messages.ts';
import { LogPast } from '../events/log-past.ts';
import { DamageReports } from '../events/log-report.ts';
import type { SegmentInfo } from '../events/log-segments.ts';
import { dropSnapshots, findSnapshotFiles } from '../events/log-snapshots.ts';
import { LogStore } from '../events/log-store.ts';
import { Rebuild } from '../forensics/rebuild.ts';
import { Addresses } from './addresses.ts';
import { dropJourneys, findLeft, isInFile, redactDeadLetters } from './copies.ts';
import { emptyEndedBodies, readBody } from './ended-bodies.ts';
import { ErasureRefused, livingBodies, refuseLiving } from './living.ts';
import type { ErasureOrder } from './pending.ts';
import { dropPending, notePending, PENDING_NAME, readPending } from './pending.ts';
import { Redaction } from './redaction.ts';

/** What an erasure did. */
export interface ErasureReport {
  readonly order: string;
  readonly records: number;
  readonly segments: number;
  readonly bodyBytes: number;
  readonly deadLetters: number;
  /** Files in which an address is still to be read, by their names in the data directory. */
  readonly left: readonly string[];
  /** Records of policy, queues or operators' rules that hold it; these are nobody's data. */
  readonly leftRecords: number;
}

/** How an erasure is run. */
export interface ErasureWorld {
  readonly now: () => number;
  /** Hears each step in a few words. */
  readonly shown?: (step: string) => void;
}

/** Nothing is closed, released or kept by time while this store is open. */
const SETTINGS = {
  segmentBytesMax: Number.MAX_SAFE_INTEGER,
  segmentAgeMsMax: Number.MAX_SAFE_INTEGER,
  keepMs: Number.MAX_SAFE_INTEGER,
  checkpointPages: 1_000,
  retryMs: 200,
  freeBytesMin: 0,
} as const;

interface Planned {
  readonly segment: SegmentInfo;
  readonly rows: readonly EventRow[];
}

interface Plan {
  readonly segments: readonly Planned[];
  /** Messages and requests in which an address was found. */
  readonly streams: ReadonlySet<string>;
  readonly positions: readonly number[];
  readonly leftRecords: number;
}

/** Carries an order out; one that was begun before has to be finished first. */
export const eraseRecipients = async (
  dir: string,
  order: ErasureOrder,
  world: ErasureWorld,
): Promise<ErasureReport> => {
  const begun = readPending(dir);
  if (begun !== undefined && begun.id !== order.id) {
    throw new ErasureRefused(
      'an erasure before this one was cut short: finish it with waybill erase --resume',
    );
  }
  return await new Erasure(dir, order, world, begun !== undefined).run();
};

class Erasure {
  readonly #dir: string;
  readonly #order: ErasureOrder;
  readonly #world: ErasureWorld;
  readonly #isResumed: boolean;
  readonly #addresses: Addresses;
  readonly #redaction: Redaction;

  constructor(dir: string, order: ErasureOrder, world: ErasureWorld, isResumed: boolean) {
    this.#dir = dir;
    this.#order = order;
    this.#world = world;
    this.#isResumed = isResumed;
    this.#addresses = new Addresses(order.addresses, order.id);
    this.#redaction = new Redaction(this.#addresses);
  }

  async run(): Promise<ErasureReport> {
    const reports = new DamageReports();
    const store = new LogStore({ ...SETTINGS, dir: this.#dir }, reports);
    try {
      if (!store.writer.leave()) {
        throw new ErasureRefused('somebody reads the newest segment of the log: try again');
      }
      const plan = this.#plan(store.writer.sealed);
      const books = this.#books(reports);
      const bodies = join(this.#dir, 'bodies');
      refuseLiving(books, plan.streams, (body) =>
        this.#addresses.isInBytes(readBody(bodies, body)),
      );
      this.#tell(`${plan.positions.length} records will be erased`);
      const listed = this.#isResumed ? this.#listed() : undefined;
      this.#begin(store, plan, listed !== undefined);
      const positions = [...new Set([...(listed ?? []), ...plan.positions])];
      for (const { segment, rows } of plan.segments) {
        this.#tell(`segment ${segment.name}: ${rows.length} records`);
        store.reader.drop(segment.path);
        await rewriteSegment(segment.path, rows, {
          shows: (path) => isInFile(path, this.#addresses),
          mustShow: (path) => this.#mustShow(path),
        });
      }
      this.#tell('snapshots');
      await this.#renewSnapshots(store, encodeBooks(books));
      this.#tell('bodies of ended messages');
      const bodyBytes = emptyEndedBodies(bodies, livingBodies(books));
      this.#tell('dead letters and indexes');
      const deadLetters = redactDeadLetters(this.#dir, this.#redaction);
      dropJourneys(this.#dir, positions);
      const { segments, leftRecords } = plan;
      const records = positions.length;
      const counts = { records, segments: segments.length, bodyBytes, deadLetters, leftRecords };
      return this.#finish(store, counts);
    } finally {
      store.close();
    }
  }

  /** Which rows of which segments become what; the log is read in order. */
  #plan(segments: readonly SegmentInfo[]): Plan {
    const streams = new Set<string>();
    const planned: Planned[] = [];
    let leftRecords = 0;
    for (const segment of segments) {
      this.#tell(`looking through segment ${segment.name}`);
      const { path } = segment;
      const rows: EventRow[] = [];
      const { pairs: wanted, tokenPairs } = this.#addresses;
      const pairs = this.#isResumed ? [...wanted, ...tokenPairs] : wanted;
      const named = searchSegment(path, { pairs, streams: [] });
      // Acceptances of this segment make the search for the rest of their messages possible.
      for (const row of readRows(path, named)) this.#redaction.redact(asRecord(row));
      const all = searchSegment(path, { pairs, streams: this.#redaction.messages });
      for (const row of readRows(path, all)) {
        const body = this.#redaction.redact(asRecord(row));
        if (body !== undefined) rows.push(erasedRow(row, body));
        if (body !== undefined && this.#addresses.isIn(row[6])) streams.add(row[3]);
        if (this.#isIn(row, body)) leftRecords += 1;
      }
      if (rows.length > 0) planned.push({ segment, rows });
    }
    const positions = planned.flatMap(({ rows }) => rows.map(([position]) => position));
    return { segments: planned, streams, positions, leftRecords };
  }

  #books(reports: DamageReports) {
    const past = new LogPast(this.#dir);
    const rebuild = new Rebuild(past, past.last).foldTo(past.last);
    const [damage] = [...reports.all.map(({ sentence }) => sentence), ...rebuild.damage];
    if (damage !== undefined) {
      // A body may be all that is left of a message whose record is damaged.
      throw new ErasureRefused(`the log is damaged, start waybilld on it first: ${damage}`);
    }
    return rebuild.books;
  }

  /** What will be rewritten is on record before anything is. */
  #begin(store: LogStore, { segments }: Plan, isOrdered: boolean): void {
    const { id, addresses, by, cause } = this.#order;
    notePending(this.#dir, this.#order);
    const events: Event[] = [];
    if (!isOrdered) {
      const body = { addresses: addresses.length, by, cause: this.#redaction.redactText(cause) };
      events.push({ type: 'erasure.ordered', stream: id, body });
    }
    const rows = segments.flatMap((planned) => planned.rows);
    for (let from = 0; from < rows.length; from += ERASURE_LISTED_MAX) {
      const some = rows.slice(from, from + ERASURE_LISTED_MAX);
      const body = { positions: some.map(([one]) => one), seals: some.map(sealOfErased) };
      events.push({ type: 'erasure.listed', stream: id, body });
    }
    this.#append(store, events);
  }

  /** What this order has listed in the log before it was cut short; undefined: not even itself. */
  #listed(): number[] | undefined {
    const past = new LogPast(this.#dir);
    const filter = { types: ['erasure.ordered', 'erasure.listed'], stream: this.#order.id };
    let listed: number[] | undefined;
    for (const { type, body } of past.records(filter, past.first, past.last)) {
      listed ??= [];
      if (type === 'erasure.ordered') continue;
      for (const one of (JSON.parse(body) as ErasureListedBody).positions) listed.push(one);
    }
    return listed;
  }

  #append(store: LogStore, events: readonly Event[]): void {
    if (events.length === 0) return;
    const { position, turn, at } = store.writer.tail;
    store.append({
      kind: 'append',
      turn: turn + 1,
      at: Math.max(at, this.#world.now()),
      position: position + 1,
      cells: flatten(events.map(encode)),
    });
  }

  /** The name of a queue may be like an address: nobody's data, and not rewritten. */
  #mustShow(path: string): boolean {
    const { pairs } = this.#addresses;
    for (const row of readRows(path, searchSegment(path, { pairs, streams: [] }))) {
      if (this.#isIn(row)) return true;
    }
    return false;
  }

  #isIn([, , , stream, , , body]: EventRow, kept = body): boolean {
    return this.#addresses.isIn(stream) || this.#addresses.isIn(kept);
  }

  /** Books hold few texts about people, such as failures of a request; those of now hold none. */
  async #renewSnapshots(store: LogStore, bytes: Uint8Array): Promise<void> {
    const shows = (path: string): boolean => isInFile(path, this.#addresses);
    if (!findSnapshotFiles(this.#dir).some(({ path }) => shows(path))) return;
    await store.saveSnapshot(store.writer.tail.position, bytes);
    const newest = findSnapshotFiles(this.#dir)[0]?.position;
    dropSnapshots(this.#dir, (at, path) => at !== newest && shows(path));
  }

  #finish(store: LogStore, done: Omit<ErasureReport, 'order' | 'left'>): ErasureReport {
    this.#tell('looking at every file once more');
    const left = findLeft(this.#dir, this.#addresses, (path) => isSearched(this.#dir, path));
    const { records, segments, bodyBytes } = done;
    const body = { records, segments, bodyBytes, left: left.length };
    this.#append(store, [{ type: 'erasure.finished', stream: this.#order.id, body }]);
    this.#tell('done');
    dropPending(this.#dir);
    return { order: this.#order.id, ...done, left };
  }

  #tell(step: string): void {
    this.#world.shown?.(step);
  }
}

const asRecord = ([, , , stream, type, , body]: EventRow) => ({ stream, type, body });

/** Segments were searched row by row; the rest is SQLite's own, and open. */
const isSearched = (dir: string, path: string): boolean => {
  const name = path.slice(dir.length + 1);
  if (name.startsWith(PENDING_NAME)) return true;
  return /^log\/\d+\.db$/.test(name) || /-shm$/.test(name) || /^(?!cursors)[^/]*\.db/.test(name);
};
