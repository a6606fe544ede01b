/**
 * A few quantiles for a distribution of times: drawn from, and made of samples. The one idea: the
 * inverse of the distribution is a line through the points given. Pure; knows no model.
 */
import type { Quantiles } from './model.ts';
import { QUANTILE_KEYS } from './model.ts';

type Point = readonly [share: number, ms: number];

/** The points of a table, from the lowest up. */
export const pointsOf = (quantiles: Quantiles): readonly Point[] =>
  QUANTILE_KEYS.flatMap((key): Point[] => {
    const ms = quantiles[key];
    return ms === undefined ? [] : [[Number(key.slice(1)) / 100, ms]];
  });

/** The time at a share, 0 to 1; 0 where there is no point at all. */
export function quantileAt(points: readonly Point[], share: number): number {
  const above = points.findIndex(([at]) => at >= share);
  if (above === 0) return points[0]?.[1] ?? 0;
  if (above < 0) return points.at(-1)?.[1] ?? 0;
  const [from, low] = points[above - 1] as Point;
  const [upto, high] = points[above] as Point;
  return low + ((high - low) * (share - from)) / (upto - from);
}

/** The mean of the line through the points. */
export function meanOf(quantiles: Quantiles): number {
  const points = pointsOf(quantiles);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return 0;
  let sum = first[0] * first[1] + (1 - last[0]) * last[1];
  for (let index = 1; index < points.length; index += 1) {
    const [from, low] = points[index - 1] as Point;
    const [upto, high] = points[index] as Point;
    sum += ((upto - from) * (low + high)) / 2;
  }
  return sum;
}

/** The sample at a share of those sorted; between two it is a straight line. */
export function sampleAt(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] ?? 0;
  const high = sorted[below + 1] ?? low;
  return low + (high - low) * (place - below);
}

/** The quantiles of samples, to a tenth of a millisecond; undefined where there are none. */
export function quantilesOf(samples: Iterable<number>): Quantiles | undefined {
  const sorted = Float64Array.from(samples).sort();
  if (sorted.length === 0) return undefined;
  const shown = (key: string): number =>
    Math.round(sampleAt(sorted, Number(key.slice(1)) / 100) * 10) / 10;
  return Object.fromEntries(QUANTILE_KEYS.map((key) => [key, shown(key)]));
}
