/**
 * The replays of one reader of the log: begun, gone on with after a restart, told of, cancelled.
 * Knows neither what the reader sends nor where to: how a shipper is made is lent to it.
 */
import type { CursorStore } from '../events/cursor-store.ts';
import type { Timers } from '../ports/timers.ts';
import type { FeedSource } from '../projections/feed.ts';
import type { HookAnswer, HookStatus } from '../projections/hook-status.ts';
import { replayCursor } from '../projections/shipper/beginning.ts';
import type { ShipperParts } from '../projections/shipper/held.ts';
import { startReplay } from '../projections/shipper/replay.ts';
import type { Shipper } from '../projections/shipper/shipper.ts';
import type { SavedCursor } from '../projections/shipper/surroundings.ts';

/** Replays of one reader at a time. */
const REPLAYS_MAX = 4;

/** How the reader's shippers are made. */
export interface ReplayMaker {
  openSource(): FeedSource;
  /** The parts of a shipper that keeps its cursor under `key`. */
  partsFor(key: string, cursor: SavedCursor, source: FeedSource): ShipperParts;
}

interface Replay {
  readonly parts: ShipperParts;
  readonly shipper: Shipper;
  readonly until: number;
}

/** The replays of the reader of a name. */
export class Replays {
  readonly #name: string;
  readonly #world: { readonly cursors: CursorStore; readonly timers: Timers };
  readonly #maker: ReplayMaker;
  readonly #under = new Map<string, Replay>();

  /** Goes on with those that the end of a process broke off. */
  constructor(
    name: string,
    world: { readonly cursors: CursorStore; readonly timers: Timers },
    maker: ReplayMaker,
  ) {
    this.#name = name;
    this.#world = world;
    this.#maker = maker;
    for (const { name: key } of world.cursors.list()) {
      if (key.startsWith(this.#prefix)) this.#goOn(key);
    }
  }

  get #prefix(): string {
    return `${this.#name}/replay-`;
  }

  shippers(): Shipper[] {
    return [...this.#under.values()].map(({ shipper }) => shipper);
  }

  status(): NonNullable<HookStatus['replays']> {
    return [...this.#under.values()].map(({ shipper, until }) => ({
      position: shipper.status().position,
      until,
    }));
  }

  /** A replay goes on where a restart broke it off; one without an end is none. */
  #goOn(key: string): void {
    const cursor = this.#world.cursors.find(key);
    if (cursor?.until === undefined) return;
    const { until } = cursor;
    // What the log still has it may have, however old: only nothing is kept for it for ever.
    const source = this.#maker.openSource();
    const parts = this.#maker.partsFor(key, cursor, source);
    const shipper = startReplay({ ...parts, cursor: { ...cursor, until } }, () => {
      this.#under.delete(key);
      source.close();
    });
    this.#under.set(key, { parts, shipper, until });
  }

  /** Begins one; `log` is where the span is looked up. Answers when it is durable. */
  begin(span: { readonly from: number; readonly to: number }, log: FeedSource): HookAnswer {
    const { cursors, timers } = this.#world;
    if (this.#under.size >= REPLAYS_MAX) {
      const many = `${this.#name} has ${REPLAYS_MAX} replays under way already`;
      return { kind: 'refused', said: `${many}; wait for one to end, or cancel them` };
    }
    const cursor = replayCursor(span, log);
    if (typeof cursor === 'string') return { kind: 'refused', said: cursor };
    const at = timers.now();
    let key = `${this.#prefix}${at}`;
    while (cursors.find(key) !== undefined) key += '+';
    try {
      cursors.save({ ...cursor, name: key, at });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { kind: 'refused', said: `the replay cannot be noted: ${cause}` };
    }
    this.#goOn(key);
    const positions = `positions ${cursor.position + 1} to ${cursor.until}`;
    return { kind: 'done', said: `${this.#name} sends ${positions} of the log again` };
  }

  /** Ends all of them; a batch under way is given up. Answers when none comes back. */
  async cancel(): Promise<HookAnswer> {
    const under = [...this.#under];
    if (under.length === 0) {
      return { kind: 'refused', said: `${this.#name} has no replay under way` };
    }
    const ends = under.map(([, { shipper, parts }]) => {
      shipper.reshape({ ...parts.shape, systemShutdownTimeoutMs: 0 });
      return new Promise<string | undefined>((resolve) =>
        shipper.stop(() => parts.keeper.forget(resolve)),
      );
    });
    const failed = (await Promise.all(ends)).find((cause) => cause !== undefined);
    return failed === undefined
      ? { kind: 'done', said: `the replays of ${this.#name} are over` }
      : { kind: 'refused', said: `a replay is stopped, and goes on at the next start: ${failed}` };
  }
}
