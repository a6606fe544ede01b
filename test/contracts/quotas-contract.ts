/**
 * What every implementation of the quotas port must do, whoever counts: bursts and waits, several
 * rates together or not at all, tokens given back, limits under one lease, lapsing, many askers.
 * The one idea: a test knows the port and a way to let time pass.
 * Deliberately unknown here: processes, servers, what outlives them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedRate } from '../../src/domain/throttle.ts';
import { parseThrottle } from '../../src/domain/throttle-spec.ts';
import type { Lease, Leased, NamedLimit, Quotas, Taken } from '../../src/ports/quotas.ts';

/** An implementation under test; one for each test. */
export interface QuotasPlace {
  readonly quotas: Quotas;
  /** A second one that shares what is shared; undefined where nothing is. */
  readonly other?: Quotas;
  /** Lets time pass, in whole seconds at the least where the implementation's clock is coarse. */
  pass(ms: number): void | Promise<void>;
  dispose(): void | Promise<void>;
}

/** A rate as written. */
export const rate = (name: string, text: string): NamedRate => ({
  name,
  spec: parseThrottle(text),
});

/** A limit as written. */
export const limit = (name: string, most: number): NamedLimit => ({
  name,
  spec: { limit: most, local: false },
});

/** Takes tokens. */
export const take = (quotas: Quotas, rates: readonly NamedRate[], count = 1): Promise<Taken> =>
  new Promise((answered) => quotas.take(rates, count, answered));

/** Asks for a lease. */
export const acquire = (
  quotas: Quotas,
  limits: readonly NamedLimit[],
  lifeMs = 60_000,
): Promise<Leased> => new Promise((answered) => quotas.acquire(limits, lifeMs, answered));

/** A lease that must be there. */
export async function held(
  quotas: Quotas,
  limits: readonly NamedLimit[],
  lifeMs?: number,
): Promise<Lease> {
  const leased = await acquire(quotas, limits, lifeMs);
  assert.equal(leased.kind, 'held');
  return (leased as Extract<Leased, { readonly kind: 'held' }>).lease;
}

const extend = (quotas: Quotas, lease: Lease, lifeMs: number): Promise<boolean> =>
  new Promise((answered) => quotas.extend(lease, lifeMs, answered));

/** Runs the suite over an implementation. */
export function quotasContract(name: string, open: () => QuotasPlace | Promise<QuotasPlace>): void {
  const says = (what: string, run: (place: QuotasPlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const place = await open();
      try {
        await run(place);
      } finally {
        await place.dispose();
      }
    });
  };
  ratesContract(says);
  limitsContract(says);
}

type Says = (what: string, run: (place: QuotasPlace) => Promise<void>) => void;

function ratesContract(says: Says): void {
  says('a burst passes at once, then one an interval', async ({ quotas, pass }) => {
    const rates = [rate('a', '6/m,max_burst=3')];
    const first = await take(quotas, rates, 5);
    assert.equal(first.granted, 3);
    assert.equal(first.binding, 'a');
    assert.ok(first.waitMs > 8_000 && first.waitMs <= 10_000, String(first.waitMs));
    await pass(first.waitMs);
    assert.equal((await take(quotas, rates, 5)).granted, 1);
    await pass(60_000);
    const last = await take(quotas, rates, 3);
    assert.deepEqual([last.granted, last.waitMs, last.binding], [3, 0, undefined]);
  });
  says('a burst is exactly as many as it says, and at least one', async ({ quotas }) => {
    assert.equal((await take(quotas, [rate('one', '60/m,max_burst=1')], 9)).granted, 1);
    assert.equal((await take(quotas, [rate('none', '60/m,max_burst=0')], 9)).granted, 1);
    assert.equal((await take(quotas, [rate('limit', '4/m')], 9)).granted, 4);
  });
  says('several rates pass together or not at all', async ({ quotas }) => {
    const both = [rate('narrow', '1/m'), rate('wide', '10/m')];
    assert.equal((await take(quotas, both, 3)).granted, 1);
    const denied = await take(quotas, both);
    assert.deepEqual([denied.granted, denied.binding], [0, 'narrow']);
    const left = await take(quotas, [rate('wide', '10/m')], 20);
    assert.equal(left.granted, 9, 'what the narrow rate turned away the wide one did not count');
  });
  says('a changed spec is a bucket of its own, the same one is not', async ({ quotas }) => {
    assert.equal((await take(quotas, [rate('a', '1/m')])).granted, 1);
    assert.equal((await take(quotas, [rate('a', '1/60s')])).granted, 0);
    assert.equal((await take(quotas, [rate('a', '2/m')])).granted, 1);
    assert.equal((await take(quotas, [rate('a', '1/m')])).granted, 0);
  });
  says('what is given back can be had again', async ({ quotas }) => {
    const rates = [rate('a', '5/h'), rate('b', '6/h')];
    const { granted, at } = await take(quotas, rates, 5);
    assert.equal(granted, 5);
    quotas.giveBack(rates, 2, at);
    assert.equal((await take(quotas, rates, 9)).granted, 2);
  });
  says('what has come back by itself is not given back', async ({ quotas, pass }) => {
    const rates = [rate('a', '30/m,max_burst=1')];
    const first = await take(quotas, rates);
    await pass(4_000);
    assert.equal((await take(quotas, rates)).granted, 1);
    quotas.giveBack(rates, 1, first.at);
    assert.equal((await take(quotas, rates)).granted, 0);
  });
}

function limitsContract(says: Says): void {
  says('a limit has so many places', async ({ quotas }) => {
    const limits = [limit('a', 2)];
    const first = await held(quotas, limits);
    await held(quotas, limits);
    const denied = await acquire(quotas, limits);
    assert.equal(denied.kind, 'denied');
    if (denied.kind === 'denied') {
      assert.equal(denied.binding, 'a');
      assert.ok(denied.waitMs > 0);
    }
    quotas.release(first);
    await held(quotas, limits);
  });
  says('all limits or none', async ({ quotas }) => {
    await held(quotas, [limit('narrow', 1)]);
    const denied = await acquire(quotas, [limit('narrow', 1), limit('wide', 1)]);
    assert.equal(denied.kind === 'denied' && denied.binding, 'narrow');
    await held(quotas, [limit('wide', 1)]);
    const other = await acquire(quotas, [limit('free', 1), limit('wide', 1)]);
    assert.equal(other.kind === 'denied' && other.binding, 'wide');
    await held(quotas, [limit('free', 1)]);
  });
  says('a lowered limit counts those that are there', async ({ quotas }) => {
    const leases = [await held(quotas, [limit('a', 3)]), await held(quotas, [limit('a', 3)])];
    assert.equal((await acquire(quotas, [limit('a', 1)])).kind, 'denied');
    for (const lease of leases) quotas.release(lease);
    await held(quotas, [limit('a', 1)]);
  });
  says('a lease lapses, and its holder hears of it', async ({ quotas, pass }) => {
    const limits = [limit('a', 1)];
    const lost = await held(quotas, limits, 3_000);
    assert.equal((await acquire(quotas, limits)).kind, 'denied');
    await pass(5_000);
    const lease = await held(quotas, limits, 5_000);
    assert.equal(await extend(quotas, lost, 5_000), false);
    quotas.release(lost);
    assert.equal((await acquire(quotas, limits)).kind, 'denied', 'the other one still holds it');
    assert.equal(await extend(quotas, lease, 5_000), true);
  });
  says('an extended lease lives on', async ({ quotas, pass }) => {
    const limits = [limit('a', 1), limit('b', 1)];
    const lease = await held(quotas, limits, 3_000);
    await pass(2_000);
    assert.equal(await extend(quotas, lease, 9_000), true);
    await pass(3_000);
    assert.equal((await acquire(quotas, [limit('b', 1)])).kind, 'denied');
    assert.equal(await extend(quotas, lease, 9_000), true);
  });
}
