/**
 * Local log files as a sink: a batch is settled when all its lines are on the disk.
 * The one idea: the shipper that feeds it keeps the cursor, so a crash repeats at most one batch,
 * in the next segment; segments of the run before are complete by then.
 * Deliberately unknown here: filters and templates (applied before), cursors, retries.
 */
import { Buffer } from 'node:buffer';
import type { LocalLogsConfig } from '../../domain/options-local-logs.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import type { SegmentKind } from './layout.ts';
import { directoriesOf, segmentKindOf } from './layout.ts';
import { finishAbandoned, Segment } from './segment.ts';
import type { Compress } from './zstd.ts';
import { loadCompress } from './zstd.ts';

/** What the files need of the world. */
export interface FilesSinkParts {
  readonly config: LocalLogsConfig;
  readonly timers: Timers;
}

interface OpenSegment {
  readonly segment: Segment;
  readonly kind: SegmentKind;
  readonly stopTimer: () => void;
}

/** Completes what a run before left, then opens the files of a logger. */
export async function openFilesSink(parts: FilesSinkParts): Promise<Sink> {
  const compress = await loadCompress(parts.config.compression_level);
  await completeAbandoned(parts.config);
  return new FilesSink(parts, compress);
}

/** Completes what a run before left in the directories of a logger. */
export async function completeAbandoned(config: LocalLogsConfig): Promise<void> {
  for (const dir of directoriesOf(config)) {
    await finishAbandoned(dir).catch((error: NodeJS.ErrnoException) => {
      // It is made with the first record.
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

class FilesSink implements Sink {
  readonly #config: LocalLogsConfig;
  readonly #timers: Timers;
  readonly #compress: Compress;
  readonly #open = new Map<string, OpenSegment>();
  /** The batch that failed, and the segments that had it already: they do not get it twice. */
  #halfDone: { readonly first: string; readonly keys: Set<string> } | undefined;
  /** One thing at a time: batches, and segments whose time is over. */
  #work: Promise<unknown> = Promise.resolve();

  constructor({ config, timers }: FilesSinkParts, compress: Compress) {
    this.#config = config;
    this.#timers = timers;
    this.#compress = compress;
  }

  send(batch: readonly OutgoingRecord[]): Promise<SinkAnswer> {
    return this.#next(async (): Promise<SinkAnswer> => {
      try {
        await this.#write(batch);
        return { kind: 'settled', refused: [] };
      } catch (error) {
        return { kind: 'failed', reason: (error as Error).message };
      }
    });
  }

  close(): Promise<void> {
    return this.#next(async () => {
      for (const key of [...this.#open.keys()]) await this.#finish(key);
    });
  }

  #next<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => {});
    return done;
  }

  async #write(batch: readonly OutgoingRecord[]): Promise<void> {
    const first = batch[0]?.eventId ?? '';
    const isAgain = this.#halfDone?.first === first;
    const done = (isAgain ? this.#halfDone?.keys : undefined) ?? new Set<string>();
    this.#halfDone = { first, keys: done };
    for (const [kind, lines] of groupByKind(this.#config, batch)) {
      if (done.has(kind.key)) continue;
      await this.#append(kind, lines);
      done.add(kind.key);
    }
    this.#halfDone = undefined;
  }

  async #append(kind: SegmentKind, lines: readonly string[]): Promise<void> {
    const open = this.#open.get(kind.key) ?? (await this.#begin(kind));
    const header = open.segment.plainBytes === 0 ? kind.header : '';
    const bytes = Buffer.from(header + lines.join(''));
    await open.segment.add(this.#compress(bytes), bytes.length);
    if (open.segment.plainBytes >= this.#config.max_file_size) await this.#finish(kind.key);
  }

  async #begin(kind: SegmentKind): Promise<OpenSegment> {
    const segment = await Segment.begin(kind.dir, kind.suffix, this.#timers.now());
    const ageMs = this.#config.max_segment_duration;
    const stopTimer =
      ageMs === undefined
        ? () => {}
        : this.#timers.after(ageMs, () => {
            // A failure to complete is met again by the next start.
            this.#next(() => this.#finish(kind.key)).catch(() => {});
          });
    const open = { segment, kind, stopTimer };
    this.#open.set(kind.key, open);
    return open;
  }

  async #finish(key: string): Promise<void> {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    open.stopTimer();
    await open.segment.finish();
  }
}

/** The lines of a batch by the segment they go to, in order. */
function groupByKind(
  config: LocalLogsConfig,
  batch: readonly OutgoingRecord[],
): Iterable<readonly [SegmentKind, string[]]> {
  const groups = new Map<string, readonly [SegmentKind, string[]]>();
  for (const { record, text } of batch) {
    const kind = segmentKindOf(config, record.type);
    const group = groups.get(kind.key) ?? ([kind, []] as const);
    groups.set(kind.key, group);
    group[1].push(text.endsWith('\n') ? text : `${text}\n`);
  }
  return groups.values();
}
