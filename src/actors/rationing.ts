/**
 * Tokens of rates for one purpose: taken when there is use for them, spent one by one, and what is
 * left at the end of the turn is given back. An answer may come late: then the purpose waits for
 * it. What is counted in this process is on record before anything counted leaves it.
 * Deliberately unknown here: what the tokens are for.
 */
import type { NamedRate } from '../domain/throttle.ts';
import { intervalMs, rateKey, slowestFirst } from '../domain/throttle.ts';
import type { Taken } from '../ports/quotas.ts';
import type { Core } from './core.ts';
import type { Denial, Denied, Waiter } from './quota-lines.ts';

/** Tokens taken together from the same rates. */
export interface Ration extends Denied {
  /** The slowest first. */
  rates: readonly NamedRate[];
  keys: readonly string[];
  tokens: number;
  /** When they were counted. */
  at: number;
  isAsking: boolean;
  /** Answers have come late: more than one at a time is worth asking for. */
  isLate: boolean;
  /** Another answer is awaited before they can be spent: the turn does not give them back. */
  isKept: boolean;
  /** Whom a late answer wakes. */
  readonly askers: Set<Waiter>;
}

/** What tokens were counted by. */
interface Counted {
  readonly rates: readonly NamedRate[];
  readonly keys: readonly string[];
}

/** One token that was spent, with all that is needed to give it back. */
export interface Token extends Counted {
  at: number;
  /** What it was spent on waits for the log; see `whenRecorded`. */
  isHeld: boolean;
}

/** A ration of these rates, empty. */
export function makeRation(rates: readonly NamedRate[]): Ration {
  const sorted = slowestFirst(rates);
  return {
    rates: sorted,
    keys: sorted.map(rateKey),
    tokens: 0,
    at: 0,
    isAsking: false,
    isLate: false,
    isKept: false,
    said: undefined,
    askers: new Set(),
  };
}

/**
 * The ration for these rates: the same one where nothing has changed, else a new one. What an
 * answer to the old one grants is given back, and who waited for it looks again.
 */
export function renewRation(core: Core, old: Ration, rates: readonly NamedRate[]): Ration {
  const made = makeRation(rates);
  core.lines.forget(old);
  return made.keys.join('\n') === old.keys.join('\n') ? old : dropRation(core, old, made);
}

function dropRation(core: Core, old: Ration, made: Ration): Ration {
  giveBack(core, old, old.tokens, old.at);
  old.tokens = 0;
  old.isKept = false;
  for (const waiter of old.askers) waiter.wake();
  old.askers.clear();
  return made;
}

/** Asks for tokens where there are none: had, being asked for, or a no. */
export function askTokens(
  core: Core,
  ration: Ration,
  waiter: Waiter,
  wanted: number,
  at: number,
): 'had' | 'asking' | Denial {
  if (ration.tokens > 0) {
    core.lines.leave(waiter);
    return 'had';
  }
  if (ration.isAsking) {
    ration.askers.add(waiter);
    return 'asking';
  }
  const { said } = ration;
  if (said !== undefined && said.until > at) return said;
  const before = core.lines.ahead(waiter, ration.keys);
  if (before !== undefined) return before;
  return take(core, ration, waiter, wanted, at);
}

function take(
  core: Core,
  ration: Ration,
  waiter: Waiter,
  wanted: number,
  at: number,
): 'had' | 'asking' | Denial {
  let denial: Denial | undefined;
  let isNow = true;
  ration.isAsking = true;
  core.ports.quotas.take(ration.rates, wanted, (taken) => {
    if (isNow) denial = noteTaken(core, ration, taken, at);
    else core.turns.push({ kind: 'run', run: (later) => hearTaken(core, ration, taken, later) });
  });
  isNow = false;
  if (ration.isAsking) {
    ration.askers.add(waiter);
    return 'asking';
  }
  if (ration.tokens === 0) return denial as Denial;
  core.lines.leave(waiter);
  return 'had';
}

function noteTaken(core: Core, ration: Ration, taken: Taken, at: number): Denial | undefined {
  ration.isAsking = false;
  ration.at = taken.at;
  ration.tokens += taken.granted;
  if (ration.tokens > 0) core.rationed.add(ration);
  if (taken.waitMs <= 0) return undefined;
  const index = ration.rates.findIndex(({ name }) => name === taken.binding);
  const { name } = ration.rates[Math.max(0, index)] as NamedRate;
  return { key: ration.keys[Math.max(0, index)] as string, name, until: at + taken.waitMs };
}

function hearTaken(core: Core, ration: Ration, taken: Taken, at: number): void {
  ration.isLate = true;
  const denial = noteTaken(core, ration, taken, at);
  // Nobody asked where the rates have changed meanwhile.
  if (ration.askers.size > 0) core.lines.remember(ration, denial);
  for (const waiter of ration.askers) waiter.wake();
  ration.askers.clear();
}

/** Takes one token out of a ration that has some. */
export function spendToken(ration: Ration): Token {
  ration.tokens -= 1;
  const { rates, keys, at } = ration;
  return { rates, keys, at, isHeld: false };
}

/** What the token was spent on did not happen. */
export function returnToken(core: Core, token: Token): void {
  if (token.isHeld) {
    letGo(core, token, false);
    wakeFirst(core, token);
  } else giveBack(core, token, 1, token.at);
}

function giveBack(core: Core, counted: Counted, count: number, at: number): void {
  if (count === 0) return;
  core.ports.quotas.giveBack(counted.rates, count, at);
  wakeFirst(core, counted);
}

function wakeFirst(core: Core, { keys }: Counted): void {
  for (const key of keys) core.lines.wakeFirst(key);
}

/** The turn has no more use for what is left. */
export function returnRest(core: Core): void {
  if (core.rationed.size === 0) return;
  for (const ration of core.rationed) {
    if (ration.isKept && ration.tokens > 0) continue;
    core.rationed.delete(ration);
    const { tokens } = ration;
    ration.tokens = 0;
    giveBack(core, ration, tokens, ration.at);
  }
}

/** The span of the rate that a waiter stands in line for, ms. */
export function spanOf({ rates, keys }: Ration, key: string | undefined): number {
  const rate = rates[keys.indexOf(key ?? '')];
  return rate === undefined ? 0 : intervalMs(rate.spec);
}

/** What quotas that count in this process reserved in this turn goes on record with it. */
export function recordReserves(core: Core): void {
  const { reserves } = core;
  if (reserves.now.size === 0) return;
  for (const [key, until] of reserves.now) {
    core.turns.emit({ type: 'rate.reserved', stream: 'rates', body: { key, until } });
  }
  reserves.now.clear();
  reserves.inFlight += 1;
  core.turns.promise(() => {
    reserves.inFlight -= 1;
  });
}

/**
 * Does what a token was spent on: at once, or when the count that it rests on is durable. A disk
 * may take seconds for that, and those at the other end see what comes, not what was counted: so
 * the token does not drain meanwhile.
 */
export function whenRecorded(core: Core, token: Token | undefined, act: () => void): void {
  const { now, inFlight } = core.reserves;
  if (now.size === 0 && inFlight === 0) return act();
  if (token === undefined) return core.turns.promise(act);
  token.isHeld = core.ports.quotas.hold?.(token.rates, 1, token.at) === true;
  core.turns.promise(() => {
    letGo(core, token, true);
    act();
  });
}

function letGo(core: Core, token: Token, isUsed: boolean): void {
  if (!token.isHeld) return;
  token.isHeld = false;
  token.at = core.ports.quotas.letGo?.(token.rates, 1, isUsed) ?? token.at;
}
