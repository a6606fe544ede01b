/**
 * What is held in memory about the health of sources: the windows of their failures, which of them
 * a rule has just put out, and what was counted for metrics. All of it dies with the process; the
 * suspensions themselves are in the books. Emits nothing and stops nothing.
 */
import type { Books } from '../domain/books.ts';
import { formatDuration } from '../domain/duration.ts';
import type { FailureKind, FailureNote, SourceRules } from '../domain/source-health.ts';
import {
  FailureWindow,
  isBindFailure,
  kindOfFailure,
  ruleFor,
  thresholdOf,
} from '../domain/source-health.ts';
import type { Fault } from '../ports/ports.ts';

/** A rule has fired; the turn that says so is still to come. */
export interface Trip {
  readonly reason: FailureKind;
  readonly durationMs: number;
  readonly cause: string;
  readonly count: number;
  readonly failures: readonly FailureNote[];
}

/** Something counted for a source and a label. */
export interface SourceCount {
  readonly source: string;
  readonly label: string;
  value: number;
}

const SAYS: Readonly<Record<FailureKind, string>> = {
  Unplumbed: 'the source address is not on this machine',
  ProxyUnhealthy: 'the proxy does not do its work',
};

/** Counts by source and label. */
class Counts {
  readonly #byKey = new Map<string, SourceCount>();

  /** The count, made with 0 where it is new. */
  of(source: string, label: string): SourceCount {
    const key = `${label} ${source}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const made = { source, label, value: 0 };
    this.#byKey.set(key, made);
    return made;
  }

  /** Forgets those of sources that are no more. */
  keep(isThere: (source: string) => boolean): void {
    for (const [key, { source }] of this.#byKey) if (!isThere(source)) this.#byKey.delete(key);
  }

  values(): SourceCount[] {
    return [...this.#byKey.values()];
  }
}

/** The health of all sources. */
export class SourceHealth {
  /** Another one whenever a source goes out of rotation, stays out of it longer, or comes back. */
  generation = 0;
  /** Sources that came back, for queues that wait for them. */
  readonly freed = new Set<string>();
  readonly failures = new Counts();
  readonly suspensions = new Counts();
  bindFailures = 0;
  proxyFailures = 0;
  readonly #books: Books;
  readonly #windows = new Map<string, FailureWindow>();
  readonly #trips = new Map<string, Trip>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** True from the failure that fires a rule on, before the log knows, until it may be chosen. */
  isOut(source: string): boolean {
    return this.#trips.has(source) || this.#books.sources.get(source)?.state === 'suspended';
  }

  /** Counts a failure at dialling; true when a rule fired and nobody was told yet. */
  note(source: string, rules: SourceRules, fault: Fault, at: number): boolean {
    if (isBindFailure(fault.code)) this.bindFailures += 1;
    if (fault.code === 'FAULT_PROXY_UNREACHABLE') this.proxyFailures += 1;
    const kind = kindOfFailure(fault.code);
    if (kind === undefined) return false;
    this.failures.of(source, kind).value += 1;
    const rule = ruleFor(rules, kind);
    if (rule === undefined) return false;
    const { count, periodMs } = thresholdOf(rule.trigger);
    const window = this.#windowOf(source, kind, periodMs);
    if (!window.add({ at, where: fault.where, cause: fault.cause }, count)) return false;
    const isNews = !this.#trips.has(source);
    const times =
      rule.trigger === 'Immediate' ? '' : `: ${count} failures in ${formatDuration(periodMs)}`;
    this.#trips.set(source, {
      reason: kind,
      durationMs: rule.duration,
      cause: `${SAYS[kind]}${times}`,
      count: window.length,
      failures: [...window.notes],
    });
    return isNews;
  }

  /** The trip of a source, taken to be told. */
  takeTrip(source: string): Trip | undefined {
    const trip = this.#trips.get(source);
    this.#trips.delete(source);
    return trip;
  }

  /** Forgets windows in which nothing can count any more, and counts of retired sources. */
  forget(at: number): void {
    for (const [key, window] of this.#windows) if (window.isOver(at)) this.#windows.delete(key);
    const isThere = (source: string): boolean => this.#books.sources.has(source);
    this.failures.keep(isThere);
    this.suspensions.keep(isThere);
  }

  // A period of another length counts anew: what a longer one needs was not kept.
  #windowOf(source: string, kind: FailureKind, periodMs: number): FailureWindow {
    const key = `${kind} ${source}`;
    const known = this.#windows.get(key);
    if (known?.periodMs === periodMs) return known;
    const made = new FailureWindow(periodMs);
    this.#windows.set(key, made);
    return made;
  }
}
