/**
 * The last values of one number, and what is drawn of them: a ring of fixed size, rates made from
 * counters, a sparkline. Pure; knows no clock and no screen.
 */

/** Values kept: ten minutes at one a second. */
export const KEPT_MAX = 600;

const BARS = '▁▂▃▄▅▆▇█';

/** A ring of the last values; a value that could not be had is NaN. */
export class History {
  readonly #values: number[] = [];
  #next = 0;

  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEPT_MAX;
  }

  /** The newest; NaN before the first. */
  get last(): number {
    return this.at(0);
  }

  /** The value of so many steps ago; NaN where there is none. */
  at(ago: number): number {
    if (ago >= this.#values.length) return Number.NaN;
    return this.#values[(this.#next - 1 - ago + KEPT_MAX) % KEPT_MAX] ?? Number.NaN;
  }

  /** Means of `zoom` values each, oldest first; NaN where there are none. */
  columns(count: number, zoom: number): number[] {
    return Array.from({ length: count }, (_, column) => {
      const newest = (count - 1 - column) * zoom;
      let sum = 0;
      let seen = 0;
      for (let ago = newest; ago < newest + zoom; ago += 1) {
        const value = this.at(ago);
        if (Number.isNaN(value)) continue;
        sum += value;
        seen += 1;
      }
      return seen === 0 ? Number.NaN : sum / seen;
    });
  }
}

/** Bars from nothing to the greatest of the values; blanks where there are none. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(0, ...values.filter((value) => !Number.isNaN(value)));
  return values
    .map((value) => {
      if (Number.isNaN(value)) return ' ';
      const height = most === 0 ? 0 : Math.ceil((value / most) * BARS.length) - 1;
      return BARS[Math.min(BARS.length - 1, Math.max(0, height))];
    })
    .join('');
}

/** Makes rates of a counter that is looked at now and then. */
export class Rate {
  #value = Number.NaN;
  #atMs = 0;

  /** What it grew by in a second since the last look; NaN at the first, and when it began anew. */
  look(value: number, atMs: number): number {
    const [before, beforeMs] = [this.#value, this.#atMs];
    this.#value = value;
    this.#atMs = atMs;
    const isGood = value >= before && atMs > beforeMs;
    return isGood ? ((value - before) * 1000) / (atMs - beforeMs) : Number.NaN;
  }
}
