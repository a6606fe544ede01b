/**
 * Which messages were made ready, when, and for which source, as far as something came of it: one
 * that goes another way without an attempt has not counted. The idea: places of rows are watched in
 * the engine, attempts on the wire. Deliberately unknown here: rates, and what must hold.
 */
import {
  PLACE_DUE,
  PLACE_OFFERED,
  PLACE_READY,
  PLACE_WAITING,
} from '../../src/actors/held-rows.ts';
import type { Life } from '../../src/testing/world/process.ts';
import type { World } from '../../src/testing/world/world.ts';

/** Times by name. */
export type Seen = Map<string, number[]>;

/** Notes a time under a name. */
export function note(seen: Seen, key: string, at: number): void {
  const times = seen.get(key);
  if (times !== undefined) times.push(at);
  else seen.set(key, [at]);
}

interface Made {
  readonly at: number;
  readonly ready: string;
  readonly queue: string;
  /** When it was offered, by the count of MAILs; 0 = not yet. */
  offered: number;
  isOff: boolean;
}

/** Watches all lives of a world. */
export class MadeReady {
  readonly #world: World;
  readonly #made: Made[] = [];
  /** MAILs so far, and the last one on each link. */
  #mails = 1;
  readonly #mailOf = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** MAIL was written on a link. */
  mailed(link: number): void {
    this.#mails += 1;
    this.#mailOf.set(link, this.#mails);
  }

  /** To be called with each life. */
  spy({ engine }: Life): void {
    const { core } = engine;
    const made = new Map<number, Made>();
    const linkOf = new Map<number, number>();
    const closeOffer = core.offerOf.delete.bind(core.offerOf);
    core.offerOf.delete = (slot) => {
      linkOf.set(slot, core.offerOf.get(slot)?.session.id ?? 0);
      return closeOffer(slot);
    };
    const place = core.held.place.bind(core.held);
    core.held.place = (slot, to) => {
      const from = core.held.placeOf(slot);
      if (from === PLACE_DUE && to === PLACE_READY) made.set(slot, this.#makes(core, slot));
      const one = made.get(slot);
      if (one === undefined || to === PLACE_READY) return place(slot, to);
      if (from === PLACE_READY && to === PLACE_OFFERED) one.offered = this.#mails;
      else {
        made.delete(slot);
        const wasMailed = (this.#mailOf.get(linkOf.get(slot) ?? 0) ?? 0) > one.offered;
        // One that nobody had and that is still there was deferred: that is an attempt.
        const isDeferred = to === PLACE_WAITING && core.books.rows.isLive(slot);
        one.isOff = one.offered > 0 ? !wasMailed : !isDeferred;
      }
      return place(slot, to);
    };
  }

  #makes(core: Life['engine']['core'], slot: number): Made {
    const { now } = this.#world;
    const ready = core.readyOf.get(slot)?.name ?? '';
    const queue = core.books.queueOfRow(slot).name;
    const one: Made = { at: now, ready, queue, offered: 0, isOff: false };
    // What a crash forgets together with its count had no consequences.
    core.turns.promise(() => this.#made.push(one));
    return one;
  }

  /** When messages were made ready, by ready queue or by queue. */
  seenBy(key: 'ready' | 'queue'): Seen {
    const seen: Seen = new Map();
    for (const one of this.#made) if (!one.isOff) note(seen, one[key], one.at);
    return seen;
  }
}
