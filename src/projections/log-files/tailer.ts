/**
 * Follows a directory of log files, oldest first, and hands their records out in batches.
 * The one idea: a batch is done when its reader commits it; until then the checkpoint stays before
 * it, so every record comes at least once. Files of the reference are read as ours are.
 * Deliberately unknown here: what readers do with records, the event log.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import type { Ms } from '../../ports/ports.ts';
import type { Timers } from '../../ports/timers.ts';
import type { Checkpoint } from './checkpoint.ts';
import { CheckpointFile, placeOf } from './checkpoint.ts';
import { SegmentLines } from './segment-lines.ts';
import type { Decompress } from './zstd.ts';
import { loadDecompress } from './zstd.ts';

/** What is to be followed, and how. */
export interface TailOptions {
  readonly directory: string;
  /** Which files, as a glob below the directory. */
  readonly pattern: string;
  readonly batchSize: number;
  /** How long the first record of a batch waits for others, ms. */
  readonly batchLatencyMs: Ms;
  /** Where to go on, and where to note how far a committed batch came; absent: from the oldest. */
  readonly checkpoint?: string;
  /** Begins with the newest file, without a checkpoint. */
  readonly fromNewest?: boolean;
  /** False ends where nothing more is there just now. */
  readonly follow: boolean;
  /** Only records for which it is true are handed out; what it throws ends the reading. */
  readonly filter?: (record: unknown, line: string) => boolean;
  /** Hears of files that cannot be read to their end. */
  readonly warn: (sentence: string) => void;
  readonly timers: Timers;
}

/** Records that belong together, with the lines they were read from. */
export interface LogBatch {
  readonly records: readonly unknown[];
  readonly lines: readonly string[];
  /** Notes that everything up to here is done; the second time it throws. */
  commit(): Promise<void>;
}

/** How often a quiet directory is looked at. */
const LOOK_MS = 200;

interface Row {
  readonly record: unknown;
  readonly line: string;
}

/** A reader of log files. */
export class LogTailer {
  readonly #options: TailOptions;
  readonly #checkpoints: CheckpointFile | undefined;
  /** Files that could not be read to their end: left alone from there on. */
  readonly #spoilt = new Set<string>();
  #makeDecompress: (() => Decompress) | undefined;
  #segment: SegmentLines | undefined;
  /** Where the next file is looked for. */
  #from = { file: '', isIncluded: true };
  /** The last line taken. */
  #at: Checkpoint = { file: '', line: 0 };
  /** Lines of the first file that a run before has done. */
  #skip = 0;
  #isClosed = false;

  constructor(options: TailOptions) {
    // A checkpoint means the same file wherever the next run is started.
    this.#options = { ...options, directory: resolve(options.directory) };
    const isKept = options.checkpoint !== undefined && options.fromNewest !== true;
    this.#checkpoints = isKept
      ? new CheckpointFile(options.directory, options.checkpoint as string)
      : undefined;
  }

  /** Ends `batches` soon. */
  close(): void {
    this.#isClosed = true;
  }

  async *batches(): AsyncGenerator<LogBatch> {
    const { batchSize, batchLatencyMs, timers, follow } = this.#options;
    await this.#findStart();
    let rows: Row[] = [];
    let dueMs = 0;
    try {
      while (!this.#isClosed) {
        const lines = await this.#nextLines();
        for (const line of lines ?? []) {
          const row = this.#read(line);
          if (row === undefined) continue;
          if (rows.length === 0) dueMs = timers.steadyMs() + batchLatencyMs;
          rows.push(row);
          if (rows.length < batchSize) continue;
          yield this.#batch(rows);
          rows = [];
        }
        const isOver = lines === undefined && !follow;
        if (rows.length > 0 && (isOver || timers.steadyMs() >= dueMs)) {
          yield this.#batch(rows);
          rows = [];
        }
        if (isOver) return;
        if (lines === undefined) await this.#rest(rows.length === 0 ? undefined : dueMs);
      }
    } finally {
      await this.#segment?.close();
    }
  }

  /** Until the next look, or until a batch that began is due. */
  #rest(dueMs: Ms | undefined): Promise<void> {
    const { timers } = this.#options;
    const leftMs = dueMs === undefined ? LOOK_MS : dueMs - timers.steadyMs();
    const waitMs = Math.min(LOOK_MS, Math.max(1, leftMs));
    return new Promise((done) => {
      timers.after(waitMs, done);
    });
  }

  #batch(rows: readonly Row[]): LogBatch {
    const at = this.#at;
    let isCommitted = false;
    return {
      records: rows.map(({ record }) => record),
      lines: rows.map(({ line }) => line),
      commit: async () => {
        if (isCommitted) throw new Error('this batch was committed before');
        isCommitted = true;
        await this.#checkpoints?.write(at);
      },
    };
  }

  /** A line as a record; undefined when it is not wanted, or done before. */
  #read(line: string): Row | undefined {
    if (this.#spoilt.has(this.#at.file)) return undefined;
    this.#at = { file: this.#at.file, line: this.#at.line + 1 };
    if (this.#at.line <= this.#skip) return undefined;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      this.#spoil(`line ${this.#at.line} is no JSON`);
      return undefined;
    }
    const { filter } = this.#options;
    return filter === undefined || filter(record, line) ? { record, line } : undefined;
  }

  #spoil(problem: string): void {
    const { file } = this.#at;
    this.#spoilt.add(file);
    this.#options.warn(`${file}: ${problem}; the rest of this file is left out`);
  }

  /** Lines that are there; undefined when there are none just now. */
  async #nextLines(): Promise<readonly string[] | undefined> {
    for (;;) {
      this.#segment ??= await this.#openNext();
      if (this.#segment === undefined) return undefined;
      const isSpoilt = this.#spoilt.has(this.#segment.path);
      const got = isSpoilt ? ({ kind: 'done' } as const) : await this.#look(this.#segment);
      if (got.kind === 'lines') return got.lines;
      // Newer files wait until this one is complete: others may be written at the same time.
      if (got.kind === 'idle') return undefined;
      await this.#segment.close();
      this.#segment = undefined;
    }
  }

  async #look(segment: SegmentLines): ReturnType<SegmentLines['next']> {
    try {
      return await segment.next();
    } catch (error) {
      this.#spoil(`cannot be decompressed (${(error as Error).message})`);
      return { kind: 'done' };
    }
  }

  async #openNext(): Promise<SegmentLines | undefined> {
    const { file, isIncluded } = this.#from;
    const files = await this.#list();
    const path = files.find((one) => (isIncluded ? one >= file : one > file));
    if (path === undefined) return undefined;
    if (path !== file) this.#skip = 0;
    this.#from = { file: path, isIncluded: false };
    this.#at = { file: path, line: 0 };
    this.#makeDecompress ??= await loadDecompress();
    return SegmentLines.open(path, this.#makeDecompress());
  }

  async #list(): Promise<string[]> {
    const { directory, pattern } = this.#options;
    const found = await glob(pattern, { cwd: directory, onlyFiles: true, dot: false });
    return found.map((name) => join(directory, name)).sort();
  }

  async #findStart(): Promise<void> {
    const { directory, fromNewest } = this.#options;
    await stat(directory);
    const files = await this.#list();
    if (fromNewest === true) {
      this.#from = { file: files.at(-1) ?? '', isIncluded: true };
      return;
    }
    const checkpoint = await this.#checkpoints?.read();
    if (checkpoint === undefined) return;
    this.#from = { file: placeOf(checkpoint, directory, files), isIncluded: true };
    this.#skip = checkpoint.line;
  }
}
