/**
 * Books as flat facts that can be held against each other: queues, sources, rules, rates, policy,
 * counted recipients. The one idea: a portrait is a plain value, so the books may go on while it is
 * kept. Knows neither messages nor how differences are shown.
 */
import type { Books, Ledger } from '../domain/books.ts';

/** The fields of one thing. */
export type Facts = Readonly<Record<string, string | number>>;

/** Things by name. */
export type Named = ReadonlyMap<string, Facts>;

/** What a portrait shows. */
export interface Portrait {
  readonly queues: Named;
  readonly sources: Named;
  /** Suspensions and bounces that operators ordered, by id. */
  readonly rules: Named;
  readonly rates: Named;
  readonly policy: Facts;
  readonly ledger: Readonly<Ledger>;
}

/** Of these a portrait has many, by name. */
export const PARTS = ['queues', 'sources', 'rules', 'rates'] as const;

/** Takes a portrait of the books; times are ms since 1970. */
export function portray(books: Books): Portrait {
  const queues = new Map<string, Facts>();
  for (const row of books.queues) {
    if (row === undefined) continue;
    const { name, state, until, cause, site, answer, pool } = row;
    queues.set(name, { messages: row.count, state, until, cause, site, config: answer, pool });
  }
  const sources = [...books.sources.values()].map(
    ({ name, state, reason, until, cause, answer }) =>
      [name, { state, reason, until, cause, config: answer }] as const,
  );
  const rules = [...books.rules.all()].map(
    ({ id, kind, ready, criteria, until, cause }) =>
      [id, { kind, about: ready || JSON.stringify(criteria), until, cause }] as const,
  );
  const { policy: hash, policyFile: file, policyVersion: version, epoch } = books.engine;
  return {
    queues,
    sources: new Map(sources),
    rules: new Map(rules),
    rates: new Map([...books.rates].map(([key, until]) => [key, { until }] as const)),
    policy: { version, hash, file, epoch },
    ledger: { ...books.ledger },
  };
}

/** A field that differs: before and after. */
export type Changed = Readonly<Record<string, readonly [string | number, string | number]>>;

/** What differs between things of one kind. */
export interface PartDifference {
  readonly appeared: readonly string[];
  readonly gone: readonly string[];
  readonly changed: Readonly<Record<string, Changed>>;
}

/** What differs between two portraits. */
export interface Difference {
  readonly queues: PartDifference;
  readonly sources: PartDifference;
  readonly rules: PartDifference;
  readonly rates: PartDifference;
  readonly policy: Changed;
  /** Recipients that came and ended in between; `live` is how many more there are. */
  readonly ends: Readonly<Ledger>;
}

/** The fields that differ; one that only one side has is empty on the other. */
export function changedFields(before: Facts, after: Facts): Changed {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed: Record<string, readonly [string | number, string | number]> = {};
  for (const field of fields) {
    const pair = [before[field] ?? '', after[field] ?? ''] as const;
    if (pair[0] !== pair[1]) changed[field] = pair;
  }
  return changed;
}

function comparePart(before: Named, after: Named): PartDifference {
  const appeared: string[] = [];
  const changed: [string, Changed][] = [];
  for (const [name, facts] of after) {
    const old = before.get(name);
    if (old === undefined) appeared.push(name);
    else {
      const fields = changedFields(old, facts);
      if (Object.keys(fields).length > 0) changed.push([name, fields]);
    }
  }
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const byName = changed.sort(([a], [b]) => (a < b ? -1 : 1));
  return { appeared: appeared.sort(), gone: gone.sort(), changed: Object.fromEntries(byName) };
}

/** Holds two portraits against each other. */
export function comparePortraits(before: Portrait, after: Portrait): Difference {
  const [queues, sources, rules, rates] = PARTS.map((part) =>
    comparePart(before[part], after[part]),
  ) as [PartDifference, PartDifference, PartDifference, PartDifference];
  const counts = Object.entries(after.ledger).map(([field, value]) => [
    field,
    value - before.ledger[field as keyof Ledger],
  ]);
  return {
    queues,
    sources,
    rules,
    rates,
    policy: changedFields(before.policy, after.policy),
    ends: Object.fromEntries(counts) as unknown as Ledger,
  };
}
