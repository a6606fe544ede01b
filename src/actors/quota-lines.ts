/**
 * Those who wait for a rate or a limit stand in one line for each, first come, first served: so
 * that many who share one neither starve each other nor all wake up for the same token. The first
 * of a line is woken when the alarm rings or something is freed, and wakes the next by leaving.
 * Whoever is woken asks again, or leaves. Deliberately unknown here: what is waited for.
 */
import type { Alarms } from './alarms.ts';

/** Why somebody waits, for whoever asks. */
export interface Binding {
  /** The rate or the limit, by its name. */
  readonly name: string;
  /** When it is asked again at the latest. */
  readonly until: number;
}

/** A no, with the line to stand in for it. */
export interface Denial extends Binding {
  readonly key: string;
}

/** Somebody who was told no, and need not ask again before that may have changed. */
export interface Denied {
  said: Denial | undefined;
}

/** Somebody who may wait, for one thing at a time. */
export interface Waiter {
  /** Has it looked at again in this turn. */
  readonly wake: () => void;
  /** The line it stands in. */
  line: string | undefined;
  binding: Binding | undefined;
  /** Since then the first of a line makes itself ready for what it waited for; 0 = not begun. */
  graceSince: number;
}

/** Somebody who does not wait. */
export const makeWaiter = (wake: () => void): Waiter => ({
  wake,
  line: undefined,
  binding: undefined,
  graceSince: 0,
});

interface Line {
  readonly waiters: Set<Waiter>;
  until: number;
}

/** What the alarms of lines are called, before the key. */
export const ALARM_QUOTA = 'quota';

const firstOf = ({ waiters }: Line): Waiter => waiters.values().next().value as Waiter;

/** All lines. */
export class QuotaLines {
  readonly #lines = new Map<string, Line>();
  /** Who was told no, by the key that said it. */
  readonly #denied = new Map<string, Set<Denied>>();
  readonly #alarms: Alarms;

  constructor(alarms: Alarms) {
    this.#alarms = alarms;
  }

  /** Those who wait, in all lines. */
  get size(): number {
    let size = 0;
    for (const { waiters } of this.#lines.values()) size += waiters.size;
    return size;
  }

  /**
   * The line among `keys` in which others come before `waiter`. Whoever has come to the head of one
   * of them may ask: were the heads of two lines sent to the end of each other's, none ever would.
   */
  ahead(waiter: Waiter, keys: readonly string[]): Denial | undefined {
    const own = waiter.line === undefined ? undefined : this.#lines.get(waiter.line);
    if (own !== undefined && firstOf(own) === waiter && keys.includes(waiter.line ?? '')) return;
    for (const key of keys) {
      const line = this.#lines.get(key);
      if (line === undefined || firstOf(line) === waiter) continue;
      const name = firstOf(line).binding?.name ?? key;
      return { key, name, until: line.until };
    }
    return undefined;
  }

  /** Puts it in the line of a denial, at the end unless it stands there already. */
  stand(waiter: Waiter, { key, name, until }: Denial): void {
    if (waiter.line !== key) this.leave(waiter);
    const line = this.#lines.get(key) ?? { waiters: new Set(), until };
    this.#lines.set(key, line);
    line.waiters.add(waiter);
    waiter.line = key;
    waiter.graceSince = 0;
    waiter.binding = { name, until };
    if (firstOf(line) !== waiter) return;
    line.until = until;
    this.#alarms.set(`${ALARM_QUOTA} ${key}`, until);
  }

  /** It does not wait any more; the one behind it is woken. */
  leave(waiter: Waiter): void {
    const { line: key } = waiter;
    if (key === undefined) return;
    const line = this.#lines.get(key) as Line;
    const wasFirst = firstOf(line) === waiter;
    line.waiters.delete(waiter);
    waiter.line = undefined;
    waiter.binding = undefined;
    waiter.graceSince = 0;
    if (line.waiters.size === 0) {
      this.#lines.delete(key);
      this.#alarms.clear(`${ALARM_QUOTA} ${key}`);
    } else if (wasFirst) this.wakeFirst(key);
  }

  /** The alarm of a line rang, or what it is for was freed: its first looks again. */
  wakeFirst(key: string): void {
    for (const one of this.#denied.get(key) ?? []) one.said = undefined;
    this.#denied.delete(key);
    const line = this.#lines.get(key);
    if (line === undefined) return;
    line.until = 0;
    firstOf(line).wake();
  }

  /** Keeps what was said until the line of it moves; undefined: it was no no. */
  remember(one: Denied, said: Denial | undefined): void {
    this.forget(one);
    if (said === undefined) return;
    one.said = said;
    const all = this.#denied.get(said.key);
    if (all === undefined) this.#denied.set(said.key, new Set([one]));
    else all.add(one);
  }

  /** Whoever was told no asks again. */
  forget(one: Denied): void {
    const { said } = one;
    if (said === undefined) return;
    one.said = undefined;
    const all = this.#denied.get(said.key);
    all?.delete(one);
    if (all?.size === 0) this.#denied.delete(said.key);
  }

  /** True while it stands in a line and it is not its turn to ask. */
  isWaiting(waiter: Waiter, at: number): boolean {
    const line = waiter.line === undefined ? undefined : this.#lines.get(waiter.line);
    return line !== undefined && (firstOf(line) !== waiter || line.until > at);
  }

  /** When the line it stands in is looked at next; undefined where it does not wait. */
  untilOf({ line }: Waiter): number | undefined {
    return line === undefined ? undefined : this.#lines.get(line)?.until;
  }

  /**
   * The first of a line, woken, cannot use at once what it waited for: it keeps its place for
   * `graceMs`, and leaves when they are over. Anybody else goes on waiting.
   */
  linger(waiter: Waiter, graceMs: number, at: number): void {
    const { line: key } = waiter;
    const line = key === undefined ? undefined : this.#lines.get(key);
    if (line === undefined || firstOf(line) !== waiter || line.until > at) return;
    if (waiter.graceSince === 0) waiter.graceSince = at;
    const graceUntil = waiter.graceSince + graceMs;
    if (line.waiters.size === 1 || at >= graceUntil) this.leave(waiter);
    else this.#alarms.set(`${ALARM_QUOTA} ${key}`, graceUntil);
  }
}
