/**
 * What the failures of a source's connections mean for the source: which of them tell that the
 * source itself is broken, and when there were so many that a rule suspends it. The idea: a window
 * is the times of the newest failures and nothing else, so that a rule of N in a period fires at
 * exactly the Nth. Deliberately unknown here: connections, and what a suspension does.
 */
import type { Fault } from '../ports/ports.ts';
import type { SuspendRule, SuspendTrigger } from './options-egress.ts';

/** In which way a source is broken. */
export type FailureKind = 'Unplumbed' | 'ProxyUnhealthy';

/** Placed by an operator, not by a rule. */
export const BY_HAND = 'Operator';

/** What suspended a source. */
export type SuspendReason = FailureKind | typeof BY_HAND;

/** One failure of a connection, as it is told of later. */
export interface FailureNote {
  readonly at: number;
  /** The address that was dialled. */
  readonly where: string;
  readonly cause: string;
}

/** The rules of a source. */
export interface SourceRules {
  readonly suspend_when_unplumbed?: SuspendRule | undefined;
  readonly suspend_when_proxy_unhealthy?: SuspendRule | undefined;
}

/**
 * The kind of a failure at dialling; undefined where it says nothing about the source: that a
 * destination refuses or cannot be reached is the destination's affair, also behind a proxy.
 */
export function kindOfFailure(code: Fault['code']): FailureKind | undefined {
  switch (code) {
    case 'FAULT_LINK_UNPLUMBED':
      return 'Unplumbed';
    case 'FAULT_PROXY_UNREACHABLE':
    case 'FAULT_PROXY_HANDSHAKE':
    case 'FAULT_PROXY_UNPLUMBED':
      return 'ProxyUnhealthy';
    default:
      return undefined;
  }
}

/** Whether the local address could not be used, for whatever reason. */
export const isBindFailure = (code: Fault['code']): boolean =>
  code === 'FAULT_LINK_UNPLUMBED' || code === 'FAULT_LINK_BIND';

/** The rule of a source for a kind of failure. */
export const ruleFor = (source: SourceRules, kind: FailureKind): SuspendRule | undefined =>
  kind === 'Unplumbed' ? source.suspend_when_unplumbed : source.suspend_when_proxy_unhealthy;

/** How many failures within how long, ms; `Immediate` is one, and its period plays no part. */
export function thresholdOf(trigger: SuspendTrigger): { count: number; periodMs: number } {
  if (trigger === 'Immediate') return { count: 1, periodMs: 1 };
  const { limit, periodMs } = trigger.Threshold;
  return { count: limit, periodMs };
}

const TIMES_FIRST = 8;
/** So many of the newest failures are kept in words. */
const NOTES_MAX = 8;

/**
 * The failures of the last `periodMs`, exactly: one at `t` counts until, and not at,
 * `t + periodMs`. Holds at most as many times as the rule asks for.
 */
export class FailureWindow {
  readonly periodMs: number;
  readonly notes: FailureNote[] = [];
  #times = new Float64Array(TIMES_FIRST);
  #head = 0;
  #length = 0;
  #lastAt = 0;

  constructor(periodMs: number) {
    this.periodMs = periodMs;
  }

  /** Failures in the window, at the last of them; never more than the rule asked for. */
  get length(): number {
    return this.#length;
  }

  /** True when nothing in it can count any more. */
  isOver(at: number): boolean {
    return at - this.#lastAt >= this.periodMs;
  }

  /** Adds a failure; true when with it there are `count` in the window. */
  add(failure: FailureNote, count: number): boolean {
    const { at } = failure;
    this.#lastAt = at;
    while (this.#length > 0 && at - this.#first() >= this.periodMs) this.#shift();
    while (this.#length >= count) this.#shift();
    while (this.notes.length > 0 && at - (this.notes[0] as FailureNote).at >= this.periodMs) {
      this.notes.shift();
    }
    if (this.notes.length === NOTES_MAX) this.notes.shift();
    this.notes.push(failure);
    if (this.#length === this.#times.length) this.#grow();
    this.#times[(this.#head + this.#length) % this.#times.length] = at;
    this.#length += 1;
    return this.#length >= count;
  }

  #first(): number {
    return this.#times[this.#head] as number;
  }

  #shift(): void {
    this.#head = (this.#head + 1) % this.#times.length;
    this.#length -= 1;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    for (let at = 0; at < this.#length; at += 1) {
      times[at] = this.#times[(this.#head + at) % this.#times.length] as number;
    }
    this.#times = times;
    this.#head = 0;
  }
}
