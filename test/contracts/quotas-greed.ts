/**
 * Those who take all they can get: workers of several daemons that hold places, work a little, ask
 * whether they may go on, and stop when they may not; and takers of tokens. What they had is
 * counted here, outside of whatever is under test, and judged over every span.
 * Deliberately unknown here: who counts, and what goes wrong.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NamedRate } from '../../src/domain/throttle.ts';
import type { Lease, NamedLimit, Quotas } from '../../src/ports/quotas.ts';
import { acquire, take } from './quotas-contract.ts';

/** What is asked for. */
export interface GreedParts {
  readonly rates: readonly NamedRate[];
  readonly limits: readonly NamedLimit[];
  readonly lifeMs: number;
  /** Workers of each daemon. */
  readonly workers: number;
}

/** What must have been kept. */
export interface Bounds {
  readonly limit: number;
  readonly burst: number;
  readonly perS: number;
  /** How long after it was counted a token may reach whoever asked. */
  readonly slackMs: number;
}

const PROGRESS_MS_MAX = 20_000;

/** Greedy workers. */
export class Greed {
  readonly #parts: GreedParts;
  readonly #running: Promise<void>[] = [];
  readonly #tokens: number[] = [];
  #busy = 0;
  #busyMost = 0;
  #places = 0;
  #lost = 0;
  #isOver = false;

  constructor(parts: GreedParts) {
    this.#parts = parts;
  }

  /** Lets the workers of one more daemon loose. */
  add(quotas: Quotas): void {
    for (let at = 0; at < this.#parts.workers; at += 1) {
      this.#running.push(this.#work(quotas, 20 + 5 * at, at % 2 === 0 ? 60 : 4));
    }
    this.#running.push(this.#draw(quotas, 1), this.#draw(quotas, 7));
  }

  /** Waits until places and tokens were had anew. */
  async progress(when: string): Promise<void> {
    const { places, tokens } = { places: this.#places, tokens: this.#tokens.length };
    const end = performance.now() + PROGRESS_MS_MAX;
    while (this.#places < places + 5 || this.#tokens.length < tokens + 20) {
      assert.ok(performance.now() < end, `no progress ${when}: ${this.describe()}`);
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** Nothing was ever exceeded, in any span. */
  judge({ limit, burst, perS, slackMs }: Bounds): void {
    assert.ok(this.#busyMost <= limit, `${this.#busyMost} places at once`);
    let worst = Number.NEGATIVE_INFINITY;
    // How far ahead of its rate each token came; the highest rise of that is the largest burst.
    let lowest = Number.POSITIVE_INFINITY;
    this.#tokens.forEach((at, index) => {
      lowest = Math.min(lowest, index - (at / 1_000) * perS);
      worst = Math.max(worst, index + 1 - (at / 1_000) * perS - lowest);
    });
    const most = burst + (perS * slackMs) / 1_000;
    assert.ok(worst <= most, `${worst.toFixed(2)} tokens more than the rate, ${most} at most`);
  }

  /** The figures of a run. */
  describe(): string {
    const seconds = ((this.#tokens.at(-1) ?? 0) - (this.#tokens[0] ?? 0)) / 1_000;
    const had = `${this.#places} places, at most ${this.#busyMost} at once`;
    const early = `${this.#lost} ended early`;
    return `${had}, ${early}; ${this.#tokens.length} tokens in ${seconds.toFixed(1)} s`;
  }

  async #work(quotas: Quotas, workMs: number, messages: number): Promise<void> {
    const { limits, lifeMs } = this.#parts;
    while (!this.#isOver) {
      const leased = await acquire(quotas, limits, lifeMs);
      if (leased.kind === 'denied') {
        await sleep(Math.min(leased.waitMs, 60));
        continue;
      }
      this.#places += 1;
      this.#busy += 1;
      this.#busyMost = Math.max(this.#busyMost, this.#busy);
      let isHeld = true;
      for (let message = 0; message < messages && isHeld && !this.#isOver; message += 1) {
        await sleep(workMs);
        isHeld = await this.#extend(quotas, leased.lease);
      }
      if (!isHeld) this.#lost += 1;
      this.#busy -= 1;
      quotas.release(leased.lease);
    }
  }

  #extend(quotas: Quotas, lease: Lease): Promise<boolean> {
    return new Promise((answered) => quotas.extend(lease, this.#parts.lifeMs, answered));
  }

  async #draw(quotas: Quotas, count: number): Promise<void> {
    while (!this.#isOver) {
      const { granted, waitMs } = await take(quotas, this.#parts.rates, count);
      const at = performance.now();
      for (let token = 0; token < granted; token += 1) this.#tokens.push(at);
      if (granted < count) await sleep(Math.min(waitMs, 60));
    }
  }
}
