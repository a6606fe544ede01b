/**
 * The members of pools, as selection needs them: who is known and in rotation, on a ring, and the
 * ready queue of each towards a site. Shared by all queues of a pool and made anew only when
 * something changed, so that a pick of one among five hundred looks at few of them. Chooses nobody.
 */
import type { Site } from '../domain/mx-plan.ts';
import type { Rotation } from '../domain/round-robin.ts';
import { createRotation, Ring } from '../domain/round-robin.ts';
import { REFRESH_RETRY_MS } from './answers.ts';
import type { Core, ReadyQueue } from './core.ts';

/** Pools that are held; past it all are made anew. */
const POOLS_MAX = 1_024;
/** Sites of which a pool knows its ready queues; past it all are looked up anew. */
const SITES_MAX = 1_024;

/** A member of a pool. */
export interface Member {
  readonly name: string;
  readonly weight: number;
}

/** A member that may be chosen. */
export interface Candidate extends Member {
  /** Its place among the members of the pool. */
  readonly at: number;
}

/** Ready queues towards one site, by the place of the member. */
export type Readies = (ReadyQueue | undefined)[];

/** What is held about the members of a pool. */
export interface PoolMembers {
  /** Those with a weight. */
  readonly entries: readonly Member[];
  /** Those of them that the policy knows. */
  known: readonly Candidate[];
  /** Those of them that are not suspended. */
  ring: Ring<Candidate>;
  /** Earliest end of a suspension of the others; Infinity where nobody is suspended. */
  earliest: number;
  /** Of which epoch `known` is, and when it is to be asked for again. */
  epoch: number;
  learnAt: number;
  /** Of which state of health `ring` is. */
  generation: number;
  /** Where the next queue that picks begins: queues of one message each have exact shares, too. */
  readonly start: Rotation;
  readonly readies: Map<string, Readies>;
}

/** The pools that are held. */
export class Pools {
  readonly #byKey = new Map<string, PoolMembers>();
  /** Pools that differ but in order and zeros are one: the rotation of a queue goes on. */
  readonly #byShares = new Map<string, PoolMembers>();

  /** What is held of the pool that the answer `key` describes. */
  find(key: string): PoolMembers | undefined {
    return this.#byKey.get(key);
  }

  /** Holds the pool that `entries` describe. */
  open(key: string, entries: readonly Member[]): PoolMembers {
    if (this.#byKey.size >= POOLS_MAX) {
      this.#byKey.clear();
      this.#byShares.clear();
    }
    const shares = sharesText(entries);
    const pool = this.#byShares.get(shares) ?? newPool(entries);
    this.#byShares.set(shares, pool);
    this.#byKey.set(key, pool);
    return pool;
  }
}

const newPool = (entries: readonly Member[]): PoolMembers => ({
  entries: entries.filter(({ weight }) => weight > 0),
  known: [],
  ring: new Ring<Candidate>([]),
  earliest: Number.POSITIVE_INFINITY,
  epoch: -1,
  learnAt: 0,
  generation: -1,
  start: createRotation(),
  readies: new Map(),
});

/** Where a queue begins its round of the pool: where the queue before it began, and one pick on. */
export function beginRound({ ring, start }: PoolMembers): Rotation {
  const begin = { ...start };
  ring.begin();
  ring.pick(start);
  return begin;
}

/** Who has which share, in a text that neither order nor members without weight change. */
export function sharesText(entries: readonly Member[]): string {
  const shares = entries.filter(({ weight }) => weight > 0);
  return JSON.stringify(shares.map(({ name, weight }) => `${name} ${weight}`).sort());
}

/** The members of the pool that the answer `key` describes, as of now. */
export function membersOf(core: Core, key: string, at: number): PoolMembers {
  const pool =
    core.pools.find(key) ?? core.pools.open(key, core.answers.recordedPool(key)?.entries ?? []);
  if (pool.epoch !== core.epoch || at >= pool.learnAt) learnMembers(core, pool, at);
  if (pool.generation !== core.health.generation) turnRing(core, pool);
  return pool;
}

/** Asks the policy which members it knows; queues of the pool hear of those it knows now. */
export function learnMembers(core: Core, pool: PoolMembers, at: number): void {
  const isNew = pool.epoch < 0;
  const before = new Set(pool.known.map(({ name }) => name));
  const all = pool.entries.map(({ name, weight }, index) => ({ name, weight, at: index }));
  const known = all.filter(({ name }) => core.answers.source(name, at) !== undefined);
  pool.epoch = core.epoch;
  const isWhole = known.length === pool.entries.length;
  pool.learnAt = isWhole ? Number.POSITIVE_INFINITY : at + REFRESH_RETRY_MS;
  const come = known.filter(({ name }) => !before.has(name));
  if (come.length === 0 && known.length === before.size) return;
  pool.known = known;
  pool.generation = -1;
  if (isNew) return;
  for (const { name } of come) core.turns.push({ kind: 'sourceFreed', source: name });
}

/** True while the policy does not know every member. */
export const isIncomplete = (pool: PoolMembers): boolean => pool.known.length < pool.entries.length;

function turnRing(core: Core, pool: PoolMembers): void {
  const { sources } = core.books;
  let earliest = Number.POSITIVE_INFINITY;
  const open = pool.known.filter(({ name }) => {
    const row = sources.get(name);
    if (row?.state !== 'suspended') return true;
    earliest = Math.min(earliest, row.until);
    return false;
  });
  pool.ring = new Ring(open);
  pool.earliest = earliest;
  pool.generation = core.health.generation;
}

/** The ready queues of a pool's members towards a site, as far as they were looked up. */
export function readiesOf(pool: PoolMembers, { site, mtaSts, hosts }: Site): Readies {
  const isEnforced = mtaSts === 'enforce';
  const key = isEnforced ? `${site} ${hosts.map(({ name }) => name).join()}` : site;
  const known = pool.readies.get(key);
  if (known !== undefined) return known;
  if (pool.readies.size >= SITES_MAX) pool.readies.clear();
  const made: Readies = new Array<ReadyQueue | undefined>(pool.entries.length);
  pool.readies.set(key, made);
  return made;
}
