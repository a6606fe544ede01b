/**
 * A log hook in a world of its own: log, disk, receiver and virtual time outlive the shipper, which
 * may be stopped or killed at any moment and begins again at the cursor that was kept.
 * Deliberately unknown here: what must hold; that is the judge's (hook-judge.ts).
 */
import type { HookBatching, HookFilter, HookShape } from '../../src/projections/hook.ts';
import { RECORD_TYPES } from '../../src/projections/log-record/record.ts';
import { firstCursor } from '../../src/projections/shipper/beginning.ts';
import type { AskPolicy } from '../../src/projections/shipper/filter.ts';
import type { DisableRule } from '../../src/projections/shipper/held.ts';
import type { ShipperNews } from '../../src/projections/shipper/news.ts';
import type { Shipper } from '../../src/projections/shipper/shipper.ts';
import { startShipper } from '../../src/projections/shipper/shipper.ts';
import type { SavedCursor } from '../../src/projections/shipper/surroundings.ts';
import { Receiver } from '../../src/testing/sinks/receiver.ts';
import { Chance } from '../../src/testing/world/chance.ts';
import { LifeClock, WorldTime } from '../../src/testing/world/clock.ts';
import { HookLog, HookShelf } from './hook-log.ts';

/** 2025-06-15, as good as any day. */
const START_AT = 1_750_000_000_000;

/** Everything passes. */
export const EVERYTHING: HookFilter = { types: new Set(RECORD_TYPES) };

/** One record at a time. */
export const ONE_BY_ONE: HookBatching = { batchSize: 1, minBatchSize: 1, maxBatchLatencyMs: 0 };

/** A shape without rates. */
export const FREE_SHAPE: HookShape = {
  retryIntervalMs: 1_000,
  maxRetryIntervalMs: 20_000,
  maxReady: 100,
  connectionLimit: 1,
  maxDeliveriesPerConnection: 0,
  idleTimeoutMs: 5_000,
  systemShutdownTimeoutMs: 3_000,
};

/** What a hook is made of. */
export interface HookKnobs {
  readonly seed: number;
  readonly filter?: HookFilter;
  readonly batching?: HookBatching;
  readonly shape?: HookShape;
  readonly disable?: DisableRule;
  readonly ask?: AskPolicy;
  readonly sendMsMax?: number;
  readonly cursor?: SavedCursor;
  /** Hears of each step of the shipper's chart. */
  readonly inspect?: Parameters<typeof startShipper>[2];
}

// Answers pass through a few promises on their way.
const HOPS = 8;

/** The world of one hook. */
export class HookWorld {
  readonly time = new WorldTime(START_AT);
  readonly chance: Chance;
  readonly log = new HookLog(this.time);
  readonly shelf: HookShelf;
  readonly receiver: Receiver;
  readonly news: ShipperNews[] = [];
  /** The states in which a shipper was found between two steps. */
  readonly states = new Set<string>();
  readonly knobs: HookKnobs;
  shape: HookShape;
  shipper!: Shipper;
  /** Set when the shipper of this life has ended. */
  ended: 'through' | 'stopped' | undefined;
  clock!: LifeClock;

  constructor(knobs: HookKnobs) {
    this.knobs = knobs;
    this.chance = new Chance(knobs.seed);
    this.shelf = new HookShelf(this.chance);
    this.receiver = new Receiver(this.chance);
    this.shape = knobs.shape ?? FREE_SHAPE;
  }

  start(): void {
    const { filter = EVERYTHING, batching = ONE_BY_ONE, disable = {}, ask } = this.knobs;
    const clock = new LifeClock(this.time);
    this.clock = clock;
    this.ended = undefined;
    const kept = this.shelf.cursor;
    const parts = {
      name: 'webhook',
      filter,
      batching,
      disable,
      shape: this.shape,
      cursor: kept ?? this.knobs.cursor ?? firstCursor('beginning', this.log),
      isSaved: kept !== undefined,
      source: this.log.ofLife(clock),
      keeper: this.shelf.keeper(clock),
      letters: this.shelf.deadLetters(clock),
      makeSink: () => this.receiver.connect(clock),
      timers: {
        now: () => clock.now(),
        steadyMs: () => clock.steadyMs(),
        after: (waitMs: number, task: () => void) => clock.after(waitMs, task),
      },
      random: this.chance,
      tell: (news: ShipperNews) => {
        if (!clock.isOver) this.news.push(news);
      },
      ...(ask === undefined ? {} : { ask }),
      ...(this.knobs.sendMsMax === undefined ? {} : { sendMsMax: this.knobs.sendMsMax }),
    };
    const ended = (isThrough: boolean): void => {
      this.ended = isThrough ? 'through' : 'stopped';
    };
    this.shipper = startShipper(parts, ended, this.knobs.inspect);
  }

  /** The process dies: what was on its way is kept or not, the receiver may have the batch. */
  crash(): void {
    this.clock.end();
    this.shelf.disk.crash();
    this.receiver.cutOff();
  }

  /** Lets so much time pass. */
  async runFor(ms: number): Promise<void> {
    const endAt = this.time.now + ms;
    this.time.after(ms, () => {});
    while (this.time.now < endAt) await this.step();
  }

  /** Runs until it holds; false when it does not within `msMax`. */
  async runUntil(holds: () => boolean, msMax: number): Promise<boolean> {
    const endAt = this.time.now + msMax;
    while (!holds()) {
      if (this.time.nextDueAt() > endAt) return holds();
      await this.step();
    }
    return true;
  }

  async step(): Promise<boolean> {
    const isMoved = this.time.step();
    for (let hop = 0; hop < HOPS; hop += 1) await null;
    this.states.add(this.shipper.status().state);
    if (this.receiver.fault !== undefined) throw this.receiver.fault;
    return isMoved;
  }
}
