/**
 * A scrape as a stream of chunks: families one after the other, in slices between which everybody
 * else has the thread, no further ahead than the reader reads. Whoever does not read on is given
 * up, and only a few are served at once. Knows no HTTP.
 */
import { Readable } from 'node:stream';
import { createClock } from '../ports/node/clock.ts';
import { createTimers } from '../ports/node/timers.ts';
import type { Clock } from '../ports/ports.ts';
import type { Timers } from '../ports/timers.ts';
import { CATALOGUE } from './metrics/catalogue.ts';
import { greatest, nameFilter } from './metrics/choosing.ts';
import type { Family, Read, Series } from './metrics/families.ts';
import type { Meters, SourceMeters } from './metrics/meters.ts';
import { Scrape } from './metrics/meters.ts';
import type { FamilyWriter, Writer } from './metrics/text.ts';

/** Size of a chunk, UTF-16 units of its text. */
const CHUNK_CHARS = 65_536;
/** Longest time on the thread at once, ms. */
const SLICE_MS_MAX = 1;
/** Series and places to rest between two looks at the clock. */
const LOOK_EVERY = 64;
/** Scrapes at once; each holds some 20 MB for a million queues. */
export const SCRAPES_MAX = 3;
/** A reader that takes no chunk for so long is given up, ms. */
const STALL_MS_MAX = 20_000;
/** The longest scrape, ms: a slow reader must not keep its place for ever. */
const SCRAPE_MS_MAX = 120_000;

/** What part of the metrics is wanted. */
export interface Choice {
  /** Patterns of names; none: all. */
  readonly names: readonly string[];
  /** Of families without a bound only so many of the greatest series; 0: only their totals. */
  readonly top: number | undefined;
}

/** The metrics of a worker. */
export interface Metrics {
  /** Begins a scrape, a stream of texts; undefined while there are too many. */
  open(writer: Writer, choice: Choice): Readable | undefined;
}

/** How time passes for scrapes, and their bounds. */
export interface MetricsWorld {
  readonly clock: Pick<Clock, 'steadyMs' | 'soon'>;
  readonly timers: Pick<Timers, 'after'>;
  readonly stallMsMax: number;
  readonly scrapeMsMax: number;
  readonly families: readonly Family<Scrape>[];
}

/** Makes the metrics of one worker. */
export function createMetrics(
  meters: Meters,
  readSources?: () => SourceMeters,
  given: Partial<MetricsWorld> = {},
): Metrics {
  const clock = given.clock ?? createClock();
  const world: MetricsWorld = {
    clock,
    timers: createTimers(),
    stallMsMax: STALL_MS_MAX,
    scrapeMsMax: SCRAPE_MS_MAX,
    families: CATALOGUE,
    ...given,
  };
  let open = 0;
  return {
    open: (writer, choice) => {
      if (open >= SCRAPES_MAX) return undefined;
      open += 1;
      const stream = openStream(world, new Scrape(meters, readSources), writer, choice);
      stream.once('close', () => {
        open -= 1;
      });
      return stream;
    },
  };
}

function openStream(world: MetricsWorld, scrape: Scrape, writer: Writer, choice: Choice): Readable {
  const { timers, stallMsMax, scrapeMsMax } = world;
  const giveUp = (): void => {
    stream.destroy(new Error('the reader of the metrics is too slow'));
  };
  const cancelAll = timers.after(scrapeMsMax, giveUp);
  let cancelStall = (): void => {};
  const handed = (isTaken: boolean): void => {
    cancelStall();
    if (!isTaken) cancelStall = timers.after(stallMsMax, giveUp);
  };
  const chunks = new Pages(world, scrape, writer, choice).chunks(handed);
  // Texts, not bytes: 120 MB of buffers would have V8 look through its whole heap several times.
  const stream = Readable.from(chunks, { objectMode: true, highWaterMark: 1 });
  stream.once('close', () => {
    cancelStall();
    cancelAll();
  });
  return stream;
}

/** One scrape being written. */
class Pages {
  readonly #world: MetricsWorld;
  readonly #scrape: Scrape;
  readonly #writer: Writer;
  readonly #choice: Choice;
  #text = '';
  #sliceEndsAt = 0;
  #steps = 0;
  #hasBegun = false;

  constructor(world: MetricsWorld, scrape: Scrape, writer: Writer, choice: Choice) {
    this.#world = world;
    this.#scrape = scrape;
    this.#writer = writer;
    this.#choice = choice;
  }

  /** The text in chunks; `handed` is told when the reader has to take one, and when it did. */
  async *chunks(handed: (isTaken: boolean) => void): AsyncGenerator<string> {
    const isWanted = nameFilter(this.#choice.names);
    this.#beginSlice();
    this.#text = this.#writer.begin();
    for (const family of this.#world.families) {
      if (!isWanted(family.name)) continue;
      const writer = this.#writer.family(family);
      for (const _look of await this.#pieces(family, writer)) {
        const isOver = this.#isSliceOver();
        const isFirst = isOver && !this.#hasBegun && this.#text !== '';
        if (isFirst || this.#text.length >= CHUNK_CHARS) {
          handed(false);
          yield this.#takeChunk();
          handed(true);
        }
        if (isOver) await this.#pause();
      }
      this.#text += writer.end();
    }
    this.#text += this.#writer.end();
    if (this.#text !== '') yield this.#takeChunk();
  }

  async #pieces(family: Family<Scrape>, writer: FamilyWriter): Promise<Iterable<undefined>> {
    if (family.type === 'histogram') {
      return this.#write(family.read(this.#scrape), (series) => writer.histogram(series));
    }
    const { top } = this.#choice;
    if (top === 0 && family.per !== undefined) {
      // Not even looked at: a question for totals costs the same however much there is.
      return this.#write<Series>(family.totals?.(this.#scrape) ?? [], (one) => writer.value(one));
    }
    const all = await family.read(this.#scrape);
    const chosen =
      top === undefined || family.per === undefined ? all : greatest(all, top, family.rest);
    return this.#write<Series>(chosen, (series) => writer.value(series));
  }

  /** Writes series by series; stops where it is time to look at the clock or to hand out. */
  *#write<S>(all: Read<S>, write: (series: S) => string): Generator<undefined> {
    for (const series of all) {
      if (series !== undefined) this.#text += write(series);
      this.#steps += 1;
      if (this.#steps % LOOK_EVERY === 0 || this.#text.length >= CHUNK_CHARS) yield undefined;
    }
  }

  #takeChunk(): string {
    const chunk = this.#text;
    // The first bytes come at once, whatever is to be added up after them.
    this.#hasBegun = true;
    this.#text = '';
    return chunk;
  }

  #beginSlice(): void {
    this.#sliceEndsAt = this.#world.clock.steadyMs() + SLICE_MS_MAX;
  }

  #isSliceOver(): boolean {
    return this.#world.clock.steadyMs() >= this.#sliceEndsAt;
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.#world.clock.soon(resolve));
    this.#beginSlice();
  }
}
