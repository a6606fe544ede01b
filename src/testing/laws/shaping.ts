/**
 * Laws about the wire: links open at once and commands a second, held against the options of the
 * paths they went. The one idea: bytes and dials are counted where they leave, by address, and an
 * address that serves several sources or a host of several sites may do what all of them may.
 * Deliberately unknown here: how tokens and leases are kept.
 */
import type { ThrottleSpec } from '../../domain/throttle-spec.ts';
import { formatThrottle } from '../../domain/throttle-spec.ts';
import type { PathState } from '../history.ts';
import { recount } from '../history.ts';
import type { Observed } from '../result.ts';
import type { Breach, Law } from './law.ts';

/**
 * From the count to the wire at most, ms. A message is counted when its MAIL leaves, however long
 * its commit took, and that leaves nothing to be late; but what is on record is the count of before
 * the commit, and a new process goes by that; and an answer from elsewhere is late by itself. A
 * dial asks for the name of its host once it may go.
 */
const LATE_MS = 250;
/** What an answer of before has counted leaves so long after a change: two commits in flight. */
const CHANGE_MS = 250;
const SLOW_CHANGE_MS = 6_250;
/** Rounding, ms. */
const NEARLY_MS = 1e-3;

/** An answer, and since when it holds. */
interface SincePath extends PathState {
  readonly since: number;
}

/** All paths that links from one address to another may belong to, with every answer they had. */
class Ways {
  readonly #paths: SincePath[] = [];
  readonly #known = new Map<string, readonly SincePath[]>();
  readonly #addresses = new Map<string, Set<string>>();
  readonly #hosts: Observed['hosts'];

  constructor({ events, hosts }: Observed) {
    this.#hosts = hosts;
    for (const [{ type, stream, at }, standing] of recount(events)) {
      if (type === 'path.configured') {
        this.#paths.push({ ...(standing.paths.get(stream) as PathState), since: at });
      }
      if (type !== 'source.opened' && type !== 'source.configured') continue;
      const address = standing.sources.get(stream)?.config.source_address ?? '';
      this.#addresses.set(stream, (this.#addresses.get(stream) ?? new Set()).add(address));
    }
  }

  /** By ready queue: its answers. */
  of(from: string, to: string): ReadonlyMap<string, readonly PathState[]> {
    const found = new Map<string, PathState[]>();
    for (const path of this.#between(from, to)) {
      const name = `${path.source}->${path.site}`;
      found.set(name, [...(found.get(name) ?? []), path]);
    }
    return found;
  }

  /** By ready queue: the answer in force at a time; the first one where it is not on record yet. */
  at(from: string, to: string, at: number): ReadonlyMap<string, PathState> {
    const found = new Map<string, PathState>();
    for (const path of this.#between(from, to)) {
      const name = `${path.source}->${path.site}`;
      if (!found.has(name) || path.since <= at) found.set(name, path);
    }
    return found;
  }

  /** Whether any of them ever had two answers. */
  isChanged(from: string, to: string): boolean {
    return [...this.of(from, to).values()].some((answers) => answers.length > 1);
  }

  #between(from: string, to: string): readonly SincePath[] {
    const key = `${from} ${to}`;
    const known = this.#known.get(key) ?? this.#find(from, to);
    this.#known.set(key, known);
    return known;
  }

  #find(from: string, to: string): readonly SincePath[] {
    return this.#paths.filter(({ source, hosts }) => {
      const isFrom = (this.#addresses.get(source) ?? new Set([''])).has(from);
      return isFrom && hosts.some((host) => (this.#hosts.get(host) ?? host) === to);
    });
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** Never more links than connection_limit. */
export const connectionLimitsHold: Law = {
  name: 'connection-limits-hold',
  says: 'At no time are more connections open from a source to a site than connection_limit.',
  find: (observed) => {
    const ways = new Ways(observed);
    const open = new Map<string, number>();
    const changes = observed.dialled.flatMap(({ at, endedAt, from, to }) => [
      { at, by: 1, from, to },
      ...(endedAt === undefined ? [] : [{ at: endedAt, by: -1, from, to }]),
    ]);
    // What ends in the same instant has ended first.
    changes.sort((a, b) => a.at - b.at || a.by - b.by);
    for (const { at, by, from, to } of changes) {
      const key = `${from} ${to}`;
      const count = (open.get(key) ?? 0) + by;
      open.set(key, count);
      if (by < 0) continue;
      const paths = ways.of(from, to);
      const limits = [...paths.values()].map((answers) =>
        Math.max(...answers.map(({ config }) => config.connection_limit.limit)),
      );
      if (paths.size === 0 || count <= sum(limits)) continue;
      const names = [...paths.keys()];
      const says = `${count} connections are open for ${names.join(', ')}; ${sum(limits)} may be`;
      return { says, at, about: names.map((name) => name.split('->')[0] ?? '') };
    }
    return undefined;
  },
};

type RateOption = 'max_connection_rate' | 'max_message_rate';

/** What all rates that may have been asked allow together; undefined: one of them is none. */
interface Allowed {
  readonly name: string;
  readonly text: string;
  readonly burst: number;
  readonly perMs: number;
}

function allowedBy(paths: ReadonlyMap<string, PathState>, option: RateOption): Allowed | undefined {
  const specs = [...paths.values()].map(({ config }) => config[option] as ThrottleSpec | undefined);
  if (specs.length === 0 || specs.some((spec) => spec === undefined)) return undefined;
  const rates = specs as readonly ThrottleSpec[];
  return {
    name: [...paths.keys()].join(', '),
    text: rates.map(formatThrottle).join(' and '),
    // Reckoned here, not by the engine's own arithmetic.
    burst: sum(rates.map(({ maxBurst }) => Math.max(1, maxBurst))),
    perMs: sum(rates.map(({ limit, periodMs }) => limit / periodMs)),
  };
}

/** By time: the number of the process that lived then. */
function lives({ events }: Observed): (at: number) => number {
  const starts = events.filter(({ type }) => type === 'engine.started').map(({ at }) => at);
  return (at) => starts.filter((start) => start <= at).length;
}

/**
 * In any span no more than burst and rate allow: those of all paths between two addresses together.
 * A changed rate has a bucket of its own, so a span ends where an answer changes; and where commits
 * take seconds it ends with the process, too: what left last may not be on record when it dies.
 * Only who counts in this process leaves a record of it.
 */
function overRate(
  observed: Observed,
  option: RateOption,
  seen: readonly { readonly at: number; readonly from: string; readonly to: string }[],
): Breach | undefined {
  const isSlow = (observed.scenario.faults?.slowLog ?? 0) > 0;
  const changeMs = isSlow ? SLOW_CHANGE_MS : CHANGE_MS;
  const lifeAt = lives(observed);
  const isHere = observed.events.some(({ type }) => type === 'rate.reserved');
  // An answer from elsewhere waits for a turn, and that for the log.
  if (isSlow && !isHere) return undefined;
  const isExact = option === 'max_message_rate' && isHere && lifeAt(observed.endedAt) <= 1;
  const lateMs = isExact ? 0 : LATE_MS;
  const ways = new Ways(observed);
  const used = new Map<string, { text: string; until: number; changedAt: number }>();
  for (const { at, from, to } of seen) {
    const allowed = allowedBy(ways.at(from, to, at), option);
    const key = `${from} ${to}`;
    if (allowed === undefined) {
      used.delete(key);
      continue;
    }
    const { name, text, burst, perMs } = allowed;
    const last = used.get(key);
    const same = `${name} ${text} ${isSlow ? lifeAt(at) : ''}`;
    const bucket = last?.text === same ? last : { text: same, until: 0, changedAt: at };
    used.set(key, bucket);
    // What leaves just then may have been counted by the answer before.
    if (at - bucket.changedAt < changeMs && ways.isChanged(from, to)) continue;
    bucket.until = Math.max(bucket.until, at) + 1 / perMs;
    if (bucket.until - at - lateMs - burst / perMs <= NEARLY_MS) continue;
    const says = `${name} went beyond its ${option} of ${text}`;
    return { says, at, about: [name.split('->')[0] ?? ''] };
  }
  return undefined;
}

/** Rates hold in every window. */
export const ratesHold: Law = {
  name: 'rates-hold',
  says: 'In no window are there more connections or messages than the rates of a path allow.',
  find: (observed) => {
    const mails = observed.mailed.flatMap(({ at, link }) => {
      const dialled = observed.dialled[link - 1];
      return dialled === undefined ? [] : [{ at, from: dialled.from, to: dialled.to }];
    });
    return (
      overRate(observed, 'max_connection_rate', observed.dialled) ??
      overRate(observed, 'max_message_rate', mails)
    );
  },
};
