/**
 * The body store on files: `<data>/bodies/NNNNNNNNNNNN.bodies`, written by group flush, read with
 * proof, recycled when nothing refers to them. New segments grow; a recycled one is overwritten in
 * place, which flushes faster and needs no space. After a start all found segments are sealed.
 * Deliberately unknown here: messages, the log; who may open the directory (it is locked
 * elsewhere).
 */

import type {
  BodiesListener,
  BodiesScan,
  BodiesUsage,
  OpenedBodies,
  SparseSegment,
} from '../body-store.ts';
import { DAMAGE_NAMED_MAX } from '../body-store.ts';
import type { BodyRef, Fault, Ms } from '../ports.ts';
import type { BodyDisk } from './bodies-disk.ts';
import { faultOfRead, makeFault, nodeDisk } from './bodies-disk.ts';
import { SegmentFiles } from './bodies-files.ts';
import { BodyReader } from './bodies-reader.ts';
import { paddedBytes } from './bodies-record.ts';
import { scanSegment } from './bodies-scan.ts';
import { SegmentTable, SPARES_MAX } from './bodies-segments.ts';
import { BODY_LANES, BodyWriter } from './bodies-writer.ts';

/** Bytes that may wait for the disk; past it new bodies are refused. */
export const BODIES_PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** How large a segment grows. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** The smallest segment that makes sense. */
export const SEGMENT_BYTES_MIN = 64 * 1024;
/** How often the file being written is looked for under its name. */
export const STANDING_CHECK_MS = 1000;

/** Where and how to keep bodies. */
export interface BodiesOptions {
  /** The directory of the segments: `<data>/bodies`. Made when it is not there. */
  readonly dir: string;
  readonly listener?: BodiesListener;
  readonly segmentBytes?: number;
  readonly sparesMax?: number;
  readonly pendingBytesMax?: number;
  /** Segments written side by side, at most. */
  readonly lanes?: number;
  readonly standingCheckMs?: Ms;
  /** The disk beneath; tests pass one that fails. */
  readonly disk?: BodyDisk;
}

/** Opens the store; rejects when the directory cannot be made or listed. */
export async function openBodies(options: BodiesOptions): Promise<OpenedBodies> {
  const files = await SegmentFiles.open(options.disk ?? nodeDisk, options.dir);
  const store = new NodeBodies(files, options);
  await store.list();
  return store;
}

class NodeBodies implements OpenedBodies {
  readonly #files: SegmentFiles;
  readonly #table: SegmentTable;
  readonly #reader: BodyReader;
  readonly #writer: BodyWriter;
  readonly #watch: NodeJS.Timeout;

  constructor(files: SegmentFiles, options: BodiesOptions) {
    const segmentBytes = Math.max(
      paddedBytes(options.segmentBytes ?? SEGMENT_BYTES),
      SEGMENT_BYTES_MIN,
    );
    const lanes = options.lanes ?? BODY_LANES;
    this.#files = files;
    this.#table = new SegmentTable({
      segmentBytes,
      sparesMax: options.sparesMax ?? SPARES_MAX,
      // One in each lane, and the next.
      writingMax: lanes + 1,
      freed: (segment) => this.#reader.forget(segment.number),
      discard: (segment) => files.discard(segment),
    });
    this.#reader = new BodyReader(files, this.#table);
    this.#writer = new BodyWriter({
      files,
      table: this.#table,
      segmentBytes,
      pendingBytesMax: options.pendingBytesMax ?? BODIES_PENDING_BYTES_MAX,
      lanes,
      failed: (fault) => options.listener?.failed(fault),
    });
    this.#watch = setInterval(
      () => this.#checkStanding(),
      options.standingCheckMs ?? STANDING_CHECK_MS,
    );
    this.#watch.unref();
  }

  list(): Promise<void> {
    return this.#files.list(this.#table);
  }

  write(
    header: string,
    chunks: readonly Buffer[],
    answered: (outcome: BodyRef | Fault) => void,
  ): void {
    this.#writer.submit(header, chunks, answered);
  }

  read(ref: BodyRef, answered: (outcome: Buffer | Fault) => void): void {
    this.#reader.read(ref, answered);
  }

  refer(segment: number, by: number, bodyBytes: number): void {
    this.#table.refer(segment, by, bodyBytes);
  }

  settle(): void {
    this.#table.settle();
    this.#writer.warm();
  }

  sparse(): readonly SparseSegment[] {
    return this.#table.sparse();
  }

  move(ref: BodyRef, answered: (outcome: BodyRef | Fault) => void): void {
    this.#reader.readWhole(ref, (outcome) => {
      if ('code' in outcome) answered(outcome);
      else this.#writer.submit(outcome.header, [outcome.body], answered);
    });
  }

  readHeader(ref: BodyRef, answered: (outcome: string | Fault) => void): void {
    this.#reader.readWhole(ref, (outcome) => {
      answered('code' in outcome ? outcome : outcome.header);
    });
  }

  scan(each: (header: string, ref: BodyRef) => void, done: (scan: BodiesScan) => void): void {
    void this.#scanAll(each).then(done);
  }

  usage(): BodiesUsage {
    return { ...this.#table.usage(), pendingBytes: this.#writer.pendingBytes };
  }

  close(answered: () => void): void {
    clearInterval(this.#watch);
    const refusal = makeFault('FAULT_DISK_IO', this.#files.dirName, 'the store is closed', true);
    this.#writer.close(refusal, () => {
      this.#reader.close();
      this.#files.closeDirectory();
      answered();
    });
  }

  async #scanAll(each: (header: string, ref: BodyRef) => void): Promise<BodiesScan> {
    const damage: Fault[] = [];
    let bodies = 0;
    let damaged = 0;
    const report = (fault: Fault): void => {
      damaged += 1;
      if (damage.length < DAMAGE_NAMED_MAX) damage.push(fault);
    };
    for (const { number, state, bytes } of this.#table.all()) {
      const where = this.#files.where(number);
      if (state === 'lost') {
        report(makeFault('FAULT_BODY_MISSING', where, 'there is no such segment', false));
        continue;
      }
      const target = { path: this.#files.path(number), segment: number, bytes };
      const listener = {
        found: (header: string, ref: BodyRef) => {
          bodies += 1;
          each(header, ref);
        },
        damaged: (offset: number, why: string) =>
          report(makeFault('FAULT_BODY_DAMAGED', `${where}+${offset}`, why, false)),
      };
      const error = await scanSegment(this.#files.disk, target, listener);
      if (error !== undefined) report(faultOfRead(error, where));
    }
    return { bodies, damaged, damage };
  }

  /** Whoever moves or removes the directory under a running store must be noticed soon. */
  #checkStanding(): void {
    for (const segment of this.#writer.active) {
      this.#files.checkStanding(segment, (fault) => {
        const isActive = this.#writer.active.includes(segment);
        if (fault !== undefined && isActive) this.#writer.fail(fault);
      });
    }
  }
}
