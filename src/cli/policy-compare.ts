/**
 * What differs between the answers of two versions, as an operator would write it: option by
 * option, from → to, equal changes in one group, with the queued mail it is about. Pure; knows
 * neither stores nor terminals.
 */
import { formatDuration } from '../domain/duration.ts';
import { duration, limit, throttle } from '../domain/option-kinds.ts';
import type { OptionTable } from '../domain/options.ts';
import { isTable } from '../domain/options.ts';
import { POOL_OPTIONS, SOURCE_OPTIONS } from '../domain/options-egress.ts';
import { PATH_OPTIONS } from '../domain/options-path.ts';
import { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import type { LimitSpec, ThrottleSpec } from '../domain/throttle-spec.ts';
import { formatLimit, formatThrottle } from '../domain/throttle-spec.ts';
import type { Effective, EffectiveAnswer } from '../manager/policy-jobs.ts';

/** What is configured. */
export type Configured = 'queue' | 'pool' | 'source' | 'path';

/** One option that changed; an absent side means that it was not set, or the whole not known. */
export interface OptionChange {
  /** '' when the whole came or went. */
  readonly option: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** `file: key` of what set it, of at most ORIGINS_MAX names. */
  readonly origins: readonly string[];
}

/** Names with the same change. */
export interface ChangeGroup {
  readonly what: Configured;
  readonly names: readonly string[];
  readonly changes: readonly OptionChange[];
  /** Queued messages that this is about. */
  readonly messages: number;
}

/** All that differs. */
export interface Comparison {
  readonly groups: readonly ChangeGroup[];
  /** Queued messages that any of it is about. */
  readonly messages: number;
}

const ORIGINS_MAX = 3;
const NOTHING = '(not set)';

const TABLES: Readonly<Record<Configured, OptionTable>> = {
  queue: QUEUE_OPTIONS,
  pool: POOL_OPTIONS,
  source: SOURCE_OPTIONS,
  path: PATH_OPTIONS,
};

// The engine's units back into the operator's words.
const formatValue = (table: OptionTable, option: string, value: unknown): string => {
  const kind = table[option]?.kind;
  if (kind === duration) return formatDuration(value as number);
  if (kind === throttle) return formatThrottle(value as ThrottleSpec);
  if (kind === limit) return formatLimit(value as LimitSpec);
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const isWhole = (table: OptionTable, option: string): boolean =>
  ([duration, throttle, limit] as unknown[]).includes(table[option]?.kind);

/** Options in words, tables inside them by dotted names; secrets are not shown. */
const flatten = (table: OptionTable, text: string): Map<string, string> => {
  const flat = new Map<string, string>();
  const add = (name: string, value: unknown): void => {
    if (isTable(value) && !isWhole(table, name)) {
      for (const [key, entry] of Object.entries(value)) add(`${name}.${key}`, entry);
      if (Object.keys(value).length === 0) flat.set(name, '{}');
    } else if (value !== undefined) {
      const isSecret = name.endsWith('.key_data');
      flat.set(name, isSecret ? '(secret)' : formatValue(table, name, value));
    }
  };
  for (const [name, value] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
    add(name, value);
  }
  return flat;
};

type PlainChange = Omit<OptionChange, 'origins'>;

const findChanges = (what: Configured, from: string | undefined, to: string | undefined) => {
  if (from === undefined || to === undefined) {
    return [{ option: '', from: from && 'known', to: to && 'known' }];
  }
  const table = TABLES[what];
  const before = flatten(table, from);
  const after = flatten(table, to);
  const changes: PlainChange[] = [];
  for (const option of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const change = { option, from: before.get(option), to: after.get(option) };
    if (change.from !== change.to) changes.push(change);
  }
  // Only a secret differs, and it is not shown.
  if (changes.length === 0) changes.push({ option: 'a secret', from: 'one', to: 'another' });
  return changes;
};

const originOf = (answer: EffectiveAnswer | undefined, option: string): string | undefined =>
  answer?.origins?.[option] ?? answer?.origins?.[option.split('.')[0] ?? ''];

interface Group {
  readonly what: Configured;
  readonly names: string[];
  readonly changes: readonly PlainChange[];
  readonly origins: readonly Set<string>[];
}

/** Gathers equal changes; the two texts that differ are looked at once, however many share them. */
export class Grouping {
  readonly #textOf: (key: string) => string | undefined;
  readonly groups = new Map<string, Group>();
  readonly #known = new Map<string, readonly PlainChange[]>();

  /** `textOf` finds the text of an answer by its key. */
  constructor(textOf: (key: string) => string | undefined) {
    this.#textOf = textOf;
  }

  add(what: Configured, name: string, from?: EffectiveAnswer, to?: EffectiveAnswer): void {
    if (from?.key === to?.key) return;
    const pair = `${what} ${from?.key} ${to?.key}`;
    const changes = this.#known.get(pair) ?? findChanges(what, this.#text(from), this.#text(to));
    this.#known.set(pair, changes);
    const id = JSON.stringify([what, changes]);
    const group = this.groups.get(id) ?? {
      what,
      names: [],
      changes,
      origins: changes.map(() => new Set<string>()),
    };
    this.groups.set(id, group);
    group.names.push(name);
    for (const [at, { option }] of changes.entries()) {
      const origins = group.origins[at];
      // What is no longer set was set by the version before.
      const origin = originOf(to, option) ?? originOf(from, option);
      if (origin !== undefined && (origins?.size ?? 0) < ORIGINS_MAX) origins?.add(origin);
    }
  }

  #text(answer: EffectiveAnswer | undefined): string | undefined {
    return answer && this.#textOf(answer.key);
  }
}

const KINDS = [
  ['queue', 'queues'],
  ['pool', 'pools'],
  ['source', 'sources'],
] as const;

/** Paths that both versions lead to; one that only one of them knows is no change of its own. */
const addPaths = (grouping: Grouping, before: Effective, after: Effective): Map<string, string> => {
  const wayOf = new Map<string, string>();
  for (const [way, from] of before.paths) {
    const to = after.paths.get(way);
    if (to === undefined || to.keys === from.keys) continue;
    for (const [source, answer] of from.bySource) {
      const other = to.bySource.get(source);
      if (other === undefined) continue;
      const name = `${source}->${way}`;
      wayOf.set(name, way);
      grouping.add('path', name, answer, other);
    }
  }
  return wayOf;
};

// The queues a changed thing is about, in either version.
const queuesAbout = (
  effective: Effective,
  wayOf: ReadonlyMap<string, string>,
): ((what: Configured, name: string) => readonly string[]) => {
  const ofPool = new Map<string, string[]>();
  for (const [queue, pool] of effective.poolOf) {
    const queues = ofPool.get(pool);
    if (queues === undefined) ofPool.set(pool, [queue]);
    else queues.push(queue);
  }
  const ofSource = new Map<string, string[]>();
  for (const [pool, members] of effective.membersOf) {
    for (const member of members) {
      const pools = ofSource.get(member);
      if (pools === undefined) ofSource.set(member, [pool]);
      else pools.push(pool);
    }
  }
  return (what, name) => {
    if (what === 'queue') return [name];
    if (what === 'path') return effective.queuesOf.get(wayOf.get(name) ?? '') ?? [];
    const pools = what === 'pool' ? [name] : (ofSource.get(name) ?? []);
    return pools.flatMap((pool) => ofPool.get(pool) ?? []);
  };
};

/** The changes of a group with what set them. */
export const withOrigins = (
  changes: readonly PlainChange[],
  origins: readonly ReadonlySet<string>[],
): OptionChange[] =>
  changes.map((change, at) => ({ ...change, origins: [...(origins[at] ?? [])] }));

/** Compares what two versions answer; `messagesOf` says how many messages a queue has. */
export const compareEffective = (
  before: Effective,
  after: Effective,
  messagesOf: ReadonlyMap<string, number>,
): Comparison => {
  const grouping = new Grouping((key) => before.texts.get(key) ?? after.texts.get(key));
  for (const [what, field] of KINDS) {
    const names = new Set([...before[field].keys(), ...after[field].keys()]);
    for (const name of names) {
      grouping.add(what, name, before[field].get(name), after[field].get(name));
    }
  }
  const wayOf = addPaths(grouping, before, after);
  const about = [queuesAbout(before, wayOf), queuesAbout(after, wayOf)];
  const sum = (queues: ReadonlySet<string>): number => {
    let messages = 0;
    for (const queue of queues) messages += messagesOf.get(queue) ?? 0;
    return messages;
  };
  const all = new Set<string>();
  const groups = [...grouping.groups.values()].map(({ what, names, changes, origins }) => {
    const found = names.flatMap((name) => about.flatMap((find) => find(what, name)));
    const queues = new Set(found);
    for (const queue of queues) all.add(queue);
    const placed = withOrigins(changes, origins);
    return { what, names: names.sort(), changes: placed, messages: sum(queues) };
  });
  return { groups, messages: sum(all) };
};

/** A change in words: `retry_interval  20m → 5m`. */
export const describeChange = ({ option, from, to }: OptionChange): string => {
  if (option !== '') return `${option}  ${from ?? NOTHING} → ${to ?? NOTHING}`;
  return to === undefined ? 'is no longer known' : 'is new';
};
