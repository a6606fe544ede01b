/**
 * One reader of the log at work: a hook or a logger of files, with its shipper and those of its
 * replays, its cursor, its dead letters and its share of the feed. Knows neither threads nor
 * versions of the policy: whoever has it gives it shapes and asks it how it is.
 */

import type { HookConfig } from '../domain/options-hook.ts';
import type { ReaderNeed } from '../domain/reader-floors.ts';
import type { CursorStore } from '../events/cursor-store.ts';
import type { LogTail } from '../events/log-tail.ts';
import type { Random } from '../ports/ports.ts';
import type { Sink } from '../ports/sink.ts';
import type { Timers } from '../ports/timers.ts';
import type { Feed, FeedSource } from '../projections/feed.ts';
import type { HookShape } from '../projections/hook.ts';
import type { HookAnswer, HookOrder, HookStatus } from '../projections/hook-status.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import { firstCursor } from '../projections/shipper/beginning.ts';
import type { DeadLetters } from '../projections/shipper/dead-letters.ts';
import type { ShipperParts } from '../projections/shipper/held.ts';
import type { ShipperNews } from '../projections/shipper/news.ts';
import type { Shipper } from '../projections/shipper/shipper.ts';
import { startShipper } from '../projections/shipper/shipper.ts';
import type { CursorKeeper, SavedCursor } from '../projections/shipper/surroundings.ts';
import { cursorAt } from '../projections/shipper/surroundings.ts';
import type { Templates } from '../projections/templates.ts';
import { compileTemplates } from '../projections/templates.ts';
import { unwritten, withoutUnwritten } from '../projections/unwritten.ts';
import { Replays } from './projection-replays.ts';
import type { RetentionWorld } from './projection-retention.ts';
import { retentionFloor } from './projection-retention.ts';

/** What all readers of a log share. */
export interface ReaderWorld {
  readonly feed: Feed;
  readonly tail: RetentionWorld['tail'] & Pick<LogTail, 'upto'>;
  readonly cursors: CursorStore;
  readonly timers: Timers;
  readonly random: Random;
  /** Where the dead letters of a hook go. */
  readonly openLetters: (name: string) => DeadLetters;
  /** Loads what a hook's sink needs; the answer makes one, each time it is called. */
  readonly loadSink: (config: HookConfig) => Promise<() => Sink>;
  /** The policy's word on a record, whole. */
  readonly ask: (record: LogRecord, config: HookConfig) => unknown;
  /** Hears the news of each shipper, by the key of its cursor. */
  readonly tell: (key: string, news: ShipperNews) => void;
}

/** What was loaded for a reader before it can begin. */
interface Loaded {
  readonly templates: Templates;
  readonly makeSink: () => Sink;
  /** The position at which a reader that is new and starts `now` begins. */
  readonly now: number;
}

type Wish = (one: Shipper, answered: (refusal?: string) => void) => void;

/** Loads what a reader needs and begins to read. */
export async function openReader(
  config: HookConfig,
  shape: HookShape,
  now: number,
  world: ReaderWorld,
): Promise<ProjectionReader> {
  const templates = await compileTemplates(config.templates);
  const makeSink = await world.loadSink(config);
  const makeOwn = config.templates.size === 0 ? makeSink : () => withoutUnwritten(makeSink());
  return new ProjectionReader(config, shape, world, { templates, makeSink: makeOwn, now });
}

/** A reader, running. */
export class ProjectionReader {
  readonly config: HookConfig;
  readonly #world: ReaderWorld;
  readonly #loaded: Loaded;
  readonly #source: FeedSource;
  readonly #shipper: Shipper;
  readonly #replays: Replays;
  #shape: HookShape;
  #floor = 0;

  constructor(config: HookConfig, shape: HookShape, world: ReaderWorld, loaded: Loaded) {
    this.config = config;
    this.#shape = shape;
    this.#world = world;
    this.#loaded = loaded;
    this.#source = this.#openSource(() => this.#floor);
    const { name, start } = config;
    const saved = world.cursors.find(name);
    // Where a cursor may have been lost all there is comes again: better too much than too little.
    const from = world.cursors.hasForgotten ? 'beginning' : start;
    const fresh = () => (from === 'now' ? cursorAt(loaded.now) : firstCursor(from, this.#source));
    const cursor = saved ?? fresh();
    const parts = this.#parts(name, cursor, this.#source);
    this.#shipper = startShipper({ ...parts, isSaved: saved !== undefined }, () => {});
    this.#replays = new Replays(name, world, {
      openSource: () => this.#openSource(),
      partsFor: (key, replayed, source) => this.#parts(key, replayed, source),
    });
  }

  #openSource(floor = (): number => 0): FeedSource {
    const { templates } = this.#loaded;
    const render = (record: LogRecord): string | undefined => {
      if (!templates.has(record.type)) return undefined;
      const rendered = templates.render(record);
      return 'fault' in rendered ? unwritten(rendered.fault) : rendered.text;
    };
    const { capture } = this.config;
    return this.#world.feed.source({ capture, render, floor });
  }

  #parts(key: string, cursor: SavedCursor, source: FeedSource): ShipperParts {
    const { name, filter, batching, disableAfterMs } = this.config;
    const { feed, timers, random, openLetters, tell, ask } = this.#world;
    return {
      name,
      filter,
      batching,
      shape: this.#shape,
      disable: disableAfterMs === undefined ? {} : { failingMs: disableAfterMs },
      cursor,
      isSaved: true,
      source,
      keeper: this.#keeper(key),
      letters: openLetters(name),
      makeSink: this.#loaded.makeSink,
      timers,
      random,
      tell: (news) => tell(key, news),
      ask: (record) => ask(feed.wholeOf(record), this.config),
    };
  }

  #keeper(key: string): CursorKeeper {
    const { cursors, timers } = this.#world;
    const attempt = (task: () => void, answered: (cause?: string) => void): void => {
      try {
        task();
      } catch (error) {
        return answered(error instanceof Error ? error.message : String(error));
      }
      answered();
    };
    return {
      save: (cursor, answered) =>
        attempt(() => cursors.save({ ...cursor, name: key, at: timers.now() }), answered),
      forget: (answered) => attempt(() => cursors.forget(key), answered),
    };
  }

  /** As the policy shapes it just now. */
  get shape(): HookShape {
    return this.#shape;
  }

  /** The policy's word on queue and path has changed. */
  reshape(shape: HookShape): void {
    this.#shape = shape;
    for (const shipper of this.#all()) shipper.reshape(shape);
  }

  #all(): Shipper[] {
    return [this.#shipper, ...this.#replays.shippers()];
  }

  /** Looks what `retention` gives up by now, and answers what is still needed of the log. */
  needs(): ReaderNeed[] {
    const { retention } = this.config;
    const now = this.#world.timers.now();
    return this.#all().map((one) => {
      const { position } = one.status();
      const floor = retentionFloor(retention, position, now, this.#world);
      if (one !== this.#shipper) return { position, floor };
      this.#floor = Math.max(this.#floor, floor);
      return { position, floor: this.#floor };
    });
  }

  status(): HookStatus {
    const { tail, timers } = this.#world;
    const { state, position, ready, failures, lastError, lastErrorAt, counts } =
      this.#shipper.status();
    const lagRecords = Math.max(0, tail.upto() - position);
    const oldest = lagRecords === 0 ? undefined : tail.read(position, 1).records[0];
    const lagMs = oldest === undefined ? 0 : Math.max(0, timers.now() - oldest.at);
    const replays = this.#replays.status();
    return {
      name: this.config.name,
      sink: this.config.sink.kind,
      state: state.replace(/^halted\./, ''),
      position,
      lagRecords,
      lagSeconds: Math.floor(lagMs / 1000),
      ready,
      failures,
      ...(lastErrorAt === undefined ? {} : { lastError: { at: lastErrorAt, text: lastError } }),
      shipped: counts.settled,
      failedBatches: counts.failedBatches,
      deadLettered: counts.refused + counts.skipped,
      fellOff: counts.fallenOff,
      ...(replays.length === 0 ? {} : { replays }),
    };
  }

  /** Fulfils a wish about this reader; answers when that is durable. */
  fulfil(order: Exclude<HookOrder, { readonly do: 'list' }>): Promise<HookAnswer> {
    const { name } = this.config;
    switch (order.do) {
      case 'pause':
        return this.#stand((one, answered) => one.pause(answered), `${name} is paused`);
      case 'resume':
        return this.#stand((one, answered) => one.resume(answered), `${name} goes on`);
      case 'skip':
        return new Promise((resolve) =>
          this.#shipper.skip(order.records, (said) =>
            resolve(
              typeof said === 'string'
                ? { kind: 'refused', said }
                : { kind: 'done', said: `${said} records of ${name} are dead letters now` },
            ),
          ),
        );
      case 'replay':
        return Promise.resolve(this.#replays.begin(order, this.#source));
      case 'cancel':
        return this.#replays.cancel();
    }
  }

  /** Also of its replays, which have the same receiver; one that ends meanwhile has no say. */
  async #stand(wish: Wish, done: string): Promise<HookAnswer> {
    const ask = (one: Shipper) => new Promise<string | undefined>((resolve) => wish(one, resolve));
    const [refusal] = await Promise.all(this.#all().map(ask));
    return typeof refusal === 'string'
      ? { kind: 'refused', said: refusal }
      : { kind: 'done', said: done };
  }

  /** Ends it: batches under way may still be answered, for as long as the shape says. */
  async stop(): Promise<void> {
    const ends = this.#all().map((shipper) => new Promise<void>((ended) => shipper.stop(ended)));
    await Promise.all(ends);
    this.#source.close();
    this.#loaded.templates.free();
  }
}
