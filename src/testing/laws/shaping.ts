/**
 * Laws about the wire: links open at once and commands a second, held against the options of the
 * paths they went. The one idea: bytes and dials are counted where they leave, by address, and an
 * address that serves several sources or a host of several sites may do what all of them may.
 * Deliberately unknown here: how tokens and leases are kept.
 */
import { intervalMs } from '../../domain/throttle.ts';
import type { ThrottleSpec } from '../../domain/throttle-spec.ts';
import { formatThrottle } from '../../domain/throttle-spec.ts';
import type { PathState } from '../history.ts';
import { recount } from '../history.ts';
import type { Observed } from '../result.ts';
import type { Breach, Law } from './law.ts';

/** From the count to the wire at most, ms: the commit and the name that the count waits for. */
const LATE_MS = 250;

/** All paths that links from one address to another may belong to, with every answer they had. */
class Ways {
  readonly #paths: PathState[] = [];
  readonly #addresses = new Map<string, Set<string>>();
  readonly #hosts: Observed['hosts'];

  constructor({ events, hosts }: Observed) {
    this.#hosts = hosts;
    for (const [{ type, stream }, standing] of recount(events)) {
      if (type === 'path.configured') this.#paths.push(standing.paths.get(stream) as PathState);
      if (type !== 'source.opened' && type !== 'source.configured') continue;
      const address = standing.sources.get(stream)?.config.source_address ?? '';
      this.#addresses.set(stream, (this.#addresses.get(stream) ?? new Set()).add(address));
    }
  }

  /** By ready queue: its answers. */
  of(from: string, to: string): ReadonlyMap<string, readonly PathState[]> {
    const found = new Map<string, PathState[]>();
    for (const path of this.#paths) {
      const isFrom = (this.#addresses.get(path.source) ?? new Set([''])).has(from);
      const isTo = path.hosts.some((host) => (this.#hosts.get(host) ?? host) === to);
      if (!isFrom || !isTo) continue;
      const name = `${path.source}->${path.site}`;
      found.set(name, [...(found.get(name) ?? []), path]);
    }
    return found;
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

/** In any span no more than burst and rate allow. */
function overRate(
  observed: Observed,
  option: RateOption,
  seen: readonly { readonly at: number; readonly from: string; readonly to: string }[],
): Breach | undefined {
  const ways = new Ways(observed);
  const used = new Map<string, number>();
  for (const { at, from, to } of seen) {
    const paths = ways.of(from, to);
    const [name = '', answers = []] = [...paths][0] ?? [];
    const specs = answers.map(({ config }) => config[option] as ThrottleSpec | undefined);
    const [spec] = specs;
    // Where several paths meet, or the rate changed, nobody can tell whose it was.
    const isPlain = spec !== undefined && specs.every((one) => isSame(one, spec));
    if (paths.size !== 1 || !isPlain) continue;
    const interval = intervalMs(spec);
    const usedUntil = Math.max(used.get(name) ?? 0, at) + interval;
    used.set(name, usedUntil);
    if (usedUntil - at - LATE_MS - Math.max(1, spec.maxBurst) * interval <= 1e-3) continue;
    const says = `${name} went beyond its ${option} of ${formatThrottle(spec)}`;
    return { says, at, about: [name.split('->')[0] ?? ''] };
  }
  return undefined;
}

const isSame = (one: ThrottleSpec | undefined, other: ThrottleSpec): boolean =>
  one !== undefined && formatThrottle(one) === formatThrottle(other);

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
