/**
 * What a running engine reports at some instants of a play: the answers that the HTTP API would
 * show, asked of the same functions, with the position that the log had reached. An instant counts
 * once everything before it is durable; what a crash takes back was never reported of any history.
 * Deliberately unknown here: what must be true of the answers.
 */
import { findMessage, findQueue } from '../../src/actors/inspecting/messages.ts';
import { findTop } from '../../src/actors/inspecting/queues.ts';
import { suspensionsOf } from '../../src/actors/source-desk.ts';
import { showReady } from '../../src/api/inspect-show.ts';
import type { Explanation, Subject } from '../../src/domain/explanation.ts';
import type { QueueTop, Ranking } from '../../src/domain/inspection.ts';
import { RANKINGS } from '../../src/domain/inspection.ts';
import type { Life } from '../../src/testing/world/process.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { Picture } from './memory-past.ts';

/** Messages of each queue that are looked at. */
const MESSAGES_MAX = 4;

/** What was reported at an instant. */
export type Observation = ReturnType<typeof observe>;

/** Looks at everything an operator may ask about. */
export function observe(world: World) {
  const { core, inspect } = world.engine;
  const at = world.now;
  const queues = core.books.queues.flatMap((row) => (row === undefined ? [] : [row.name]));
  const found = queues.map((name) => findQueue(core, name, MESSAGES_MAX));
  const messages = found.flatMap((one) => one?.found ?? []);
  const subjects: Subject[] = [
    ...queues.map((name) => ({ kind: 'queue', name }) as const),
    ...messages.map(({ id }) => ({ kind: 'message', name: id }) as const),
    ...[...core.books.sources.keys()].map((name) => ({ kind: 'source', name }) as const),
    ...[...core.readyQueues.keys()].map((name) => ({ kind: 'path', name }) as const),
  ];
  return {
    life: world.life,
    at,
    position: core.turns.position - 1,
    tops: RANKINGS.map((by) => [by, topOf(world, by)] as const),
    queues: found.map((one) => one?.about),
    // Envelopes are read back from the log, which does not change: only who there was is noted.
    messages: messages.map((one) => findMessage(core, one.id)),
    ready: [...core.readyQueues.keys()].map((name) => {
      const look = inspect.ready(name, true);
      return [name, look && showReady(look, at)] as const;
    }),
    sources: inspect.sources(),
    suspended: suspensionsOf(core),
    rates: inspect.rates(),
    rules: [...core.books.rules.all()].map((rule) => ({ ...rule, counts: new Map(rule.counts) })),
    engine: { ...core.books.engine },
    ledger: { ...core.books.ledger },
    reasons: subjects.map((subject) => [subject, world.engine.explain(subject)] as const),
  };
}

function topOf({ engine }: World, by: Ranking): QueueTop {
  const { books, lastErrors } = engine.core;
  let top: QueueTop | undefined;
  // No slices: between two of them the world would go on.
  const clock = { soon: (task: () => void) => task() };
  findTop({ books, lastErrors, ports: { clock } }, { by, max: 50, prefix: '' }, (one) => {
    top = one;
  });
  return top as QueueTop;
}

/** The part of an explanation that does not die with the process. */
export function withoutHeld(told: Explanation | string): Explanation | string {
  if (typeof told === 'string') return told;
  const { held: _, ...kept } = told;
  return { ...kept, reasons: told.reasons.filter(({ held }) => held !== true) };
}

/** Observes a world now and then, and keeps what the log came to hold. */
export class Observer {
  readonly settled: Observation[] = [];
  readonly pictures: Picture[] = [];
  #waiting: Observation[] = [];
  #left: number;

  constructor(max: number) {
    this.#left = max;
  }

  /** To be called after each step; `wants` says whether this is one of the instants. */
  look(world: World, wants: boolean): void {
    const picture = world.store.snapshots.at(-1);
    if (picture !== undefined && this.pictures.at(-1) !== picture) this.pictures.push(picture);
    this.#settle(world.life, world.witness.records.length);
    if (!wants || this.#left === 0 || world.life.isFatal || !world.life.isOpen) return;
    this.#left -= 1;
    this.#waiting.push(observe(world));
  }

  #settle(life: Life, durable: number): void {
    this.#waiting = this.#waiting.filter((one) => {
      // A crash has taken back what was on its way to the disk.
      if (one.life !== life) return false;
      if (one.position > durable) return true;
      this.settled.push(one);
      return false;
    });
  }
}
