/**
 * Everything the log thread does to the disk, as plain calls: open, append, read, replay, snapshot,
 * release, close.
 * The one idea: the thread file is left with messages and retries, and this one can be driven
 * without any thread.
 * Deliberately unknown here: messages, timers, retries.
 */
import { basename, join } from 'node:path';
import type { EventRow } from './log-chain.ts';
import { linkOf } from './log-chain.ts';
import { removeDatabase, syncDir } from './log-files.ts';
import { HighWater } from './log-high-water.ts';
import type { LogSettings, WireBatch } from './log-messages.ts';
import { LogReader } from './log-reader.ts';
import type { Recovery } from './log-recovery.ts';
import { recoverLog, substituteMeta } from './log-recovery.ts';
import type { DamageReports } from './log-report.ts';
import { rebuildSegment } from './log-salvage.ts';
import { hasSeal, sealFile } from './log-seals.ts';
import type { SegmentInfo } from './log-segments.ts';
import { inspectSegment } from './log-segments.ts';
import { findSnapshots, writeSnapshot } from './log-snapshots.ts';
import { findChain, walkRows } from './log-walk.ts';
import { LogWriter } from './log-writer.ts';

/** The log of one data directory. */
export class LogStore {
  readonly recovery: Recovery;
  readonly writer: LogWriter;
  readonly reader: LogReader;
  readonly #settings: LogSettings;
  readonly #logDir: string;
  readonly #reports: DamageReports;
  readonly #highWater: HighWater;
  #releasedBefore = 0;
  /** First positions of the segments that need no seal any more. */
  readonly #looked = new Set<number>();
  #sealing: Promise<void> | undefined;

  constructor(settings: LogSettings, reports: DamageReports) {
    this.#settings = settings;
    this.#logDir = join(settings.dir, 'log');
    this.#reports = reports;
    const recovery = recoverLog(settings.dir, reports);
    const { node, segments, tail, appendable, first } = recovery;
    this.recovery = recovery;
    this.#highWater = new HighWater(settings.dir, { ...tail, first });
    this.writer = new LogWriter(settings, node, this.#highWater, segments, tail, appendable);
    this.reader = new LogReader(this.writer);
  }

  append(batch: WireBatch): void {
    this.writer.append(batch);
  }

  /** Everything that was there at opening, from `from` on, in chunks. */
  replay(from: number): Generator<EventRow[]> {
    const { segments, endPosition, snapshot } = this.recovery;
    const isFromSnapshot = snapshot !== undefined && snapshot.position === from - 1;
    return walkRows({
      segments,
      from,
      upto: endPosition,
      previousChain: isFromSnapshot ? snapshot.chain : findChain(segments, from - 1),
      reports: this.#reports,
      damaged: (name) => this.#leave(name),
      rescue: (segment, first, upto, isUnreadable) =>
        this.#rescue(segment, first, upto, isUnreadable),
    });
  }

  /** Nothing may be written over damage: the next turn begins a new segment. */
  #leave(name: string): void {
    const { path } = this.writer;
    if (path !== undefined && basename(path) === name) this.writer.abandon();
  }

  #rescue(
    segment: SegmentInfo,
    from: number,
    upto: number,
    isUnreadable: boolean,
  ): SegmentInfo | undefined {
    const { segments, tail } = this.recovery;
    const { name } = segment;
    this.#leave(name);
    this.reader.drop(segment.path);
    const index = segments.findIndex(({ first }) => first === segment.first);
    const bound = (segments[index + 1]?.first ?? tail.position + 1) - 1;
    const meta = substituteMeta(name, segments[index - 1]);
    const wanted = isUnreadable ? {} : { wanted: { from, upto } };
    const saved = rebuildSegment({ logDir: this.#logDir, name, upto: bound, meta, ...wanted });
    if (saved === undefined) return undefined;
    const sentence =
      `segment ${name} could not be read from position ${from} on; ${saved} records were saved ` +
      `from it, the damaged file is kept as ${name}.damaged`;
    this.#reports.add({ kind: 'segment-unreadable', position: from, segment: name, sentence });
    return inspectSegment(this.#logDir, name);
  }

  /** Stores a picture of the books as of a durable position. */
  async saveSnapshot(position: number, bytes: Uint8Array): Promise<void> {
    const { tail } = this.writer;
    if (position > tail.position) throw new Error(`position ${position} is not durable`);
    const chain = position === tail.position ? tail.chain : this.#chainAt(position);
    await writeSnapshot(this.#settings.dir, { position, chain, bytes });
    this.release();
  }

  #chainAt(position: number): string {
    const row = this.reader.findRow(position);
    return row === undefined ? '' : linkOf(row);
  }

  releaseBefore(position: number): void {
    this.#releasedBefore = Math.max(this.#releasedBefore, position);
    this.release();
  }

  /**
   * Removes segments nobody needs. Records that are in no snapshot are needed by the next start,
   * whatever was released, and the older of the two snapshots must still be usable.
   */
  release(): void {
    const oldestSnapshot = findSnapshots(this.#settings.dir).at(-1) ?? 0;
    const needed = Math.min(this.#releasedBefore, oldestSnapshot + 1);
    const { tail, sealed, path } = this.writer;
    const going: SegmentInfo[] = [];
    for (const [index, segment] of sealed.entries()) {
      if (index === sealed.length - 1 && path === undefined) break;
      if (segment.last >= needed || tail.at - segment.lastAt < this.#settings.keepMs) break;
      going.push(segment);
    }
    const newest = going.at(-1);
    if (newest === undefined) return;
    // The mark says first that they are gone on purpose; then they go.
    this.#highWater.note({ ...this.#highWater.mark, first: newest.last + 1 });
    this.#highWater.sync();
    for (const segment of going) {
      this.reader.drop(segment.path);
      removeDatabase(segment.path);
      this.writer.forget(segment.first);
    }
    syncDir(this.#logDir);
  }

  /** Once a second: what may not wait until the close. */
  tend(failed: (error: Error) => void): void {
    this.writer.checkPlace();
    this.#highWater.syncSoon(failed);
    this.writer.sealRetired();
    void this.sealNext();
  }

  /**
   * Seals the oldest closed segment without a seal; one at a time, and each is tried once a run.
   * Without a seal a segment is as good as before: only `verify` has less to hold it against.
   */
  sealNext(): Promise<void> {
    if (this.#sealing !== undefined) return this.#sealing;
    const { sealed, path } = this.writer;
    // Where none is being written the last one may be written to again.
    const closed = path === undefined ? sealed.slice(0, -1) : sealed;
    const next = closed.find(({ first }) => !this.#looked.has(first));
    if (next === undefined) return Promise.resolve();
    this.#looked.add(next.first);
    if (hasSeal(next.path)) return Promise.resolve();
    const finished = (): void => {
      this.#sealing = undefined;
    };
    // It may find no room, or be released meanwhile.
    this.#sealing = sealFile(next.path).then(finished, finished);
    return this.#sealing;
  }

  close(): void {
    this.reader.close();
    this.writer.close();
    this.#highWater.close();
  }
}
