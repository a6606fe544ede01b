/**
 * Asking the stretches of an index for the positions of a key: newest first, oldest first, or only
 * how many. The one idea: a stretch that lies wholly outside what is wanted is not asked at all, and
 * the next one only when more is wanted than the last one had.
 * Deliberately unknown here: how stretches come to be, and what was hashed.
 */
import type { Stretch, TimeSpan } from './stretch.ts';
import { BLOCK_POSITIONS } from './stretch.ts';

/** Positions in doubt of one count: the two ends of a span of time, each within a block. */
const DOUBTFUL_MAX = 2 * BLOCK_POSITIONS;
/** Damaged files met in one question, before it is given up. */
const REPAIRS_MAX = 8;

/** Which positions are wanted of a key; without ends, all. */
export interface KeyRange {
  readonly from?: number;
  readonly upto?: number;
  readonly span?: TimeSpan | undefined;
}

/** The stretches that are asked. */
export interface AskedStretches {
  /** All there are, in order. */
  stretches(): readonly Stretch[];
  /** Asks one; undefined where its file was damaged or gone: it has been made again, ask anew. */
  ask<T>(stretch: Stretch, question: (stretch: Stretch) => T): T | undefined;
}

/** Positions of a hash, newest first; too many where time is wanted, never too few. */
export function* newestFirst(
  asked: AskedStretches,
  hash: number,
  { from = 1, upto = Number.MAX_SAFE_INTEGER, span }: KeyRange,
): Generator<number> {
  let before = upto + 1;
  for (let repairs = 0; repairs <= REPAIRS_MAX; ) {
    const stretch = newestBefore(asked, before);
    if (stretch === undefined || stretch.last < from) return;
    const positions = meets(stretch.span, span)
      ? asked.ask(stretch, (one) => one.positionsOf(hash))
      : [];
    if (positions === undefined) {
      repairs += 1;
      continue;
    }
    for (let index = positions.length - 1; index >= 0; index -= 1) {
      const position = positions[index] as number;
      if (position >= before || position === positions[index + 1]) continue;
      if (position < from) return;
      if (span === undefined || meets(stretch.spanAt(position), span)) yield position;
    }
    before = stretch.first;
  }
}

/** Positions of a hash from one on, oldest first. */
export function* oldestFirst(asked: AskedStretches, hash: number, from: number): Generator<number> {
  let after = from - 1;
  for (let repairs = 0; repairs <= REPAIRS_MAX; ) {
    const stretch = oldestAfter(asked, after);
    if (stretch === undefined) return;
    const positions = asked.ask(stretch, (one) => one.positionsOf(hash));
    if (positions === undefined) {
      repairs += 1;
      continue;
    }
    for (const position of positions) {
      if (position <= after) continue;
      after = position;
      yield position;
    }
    after = stretch.last;
  }
}

/** Positions of a key, counted. */
export interface KeyCount {
  readonly count: number;
  /** Positions beside those counted, at the edges of the time: only their records can tell. */
  readonly doubtful: readonly number[];
}

/** Counts positions of a hash; of a stretch that lies within the range hardly anything is read. */
export function countPositions(asked: AskedStretches, hash: number, range: KeyRange): KeyCount {
  const { from = 1, upto = Number.MAX_SAFE_INTEGER, span } = range;
  const doubtful: number[] = [];
  let count = 0;
  for (const stretch of asked.stretches()) {
    const { first, last } = stretch;
    if (last < from || first > upto || !meets(stretch.span, span)) continue;
    const isWhole = first >= from && last <= upto && isWithin(stretch.span, span);
    const entries = isWhole ? asked.ask(stretch, (one) => one.countOf(hash)) : undefined;
    count += entries ?? 0;
    if (entries !== undefined) continue;
    const part = { from: Math.max(first, from), upto: Math.min(last, upto), span };
    for (const position of newestFirst(asked, hash, part)) {
      const isSure = isWithin(stretch.spanAt(position), span) || doubtful.length === DOUBTFUL_MAX;
      if (isSure) count += 1;
      else doubtful.push(position);
    }
  }
  return { count, doubtful };
}

const meets = (inner: TimeSpan, span: TimeSpan | undefined): boolean =>
  span === undefined || (inner.from <= span.upto && inner.upto >= span.from);

const isWithin = (inner: TimeSpan, span: TimeSpan | undefined): boolean =>
  span === undefined || (inner.from >= span.from && inner.upto <= span.upto);

const newestBefore = (asked: AskedStretches, position: number): Stretch | undefined => {
  const all = asked.stretches();
  return all[countWhere(all, ({ first }) => first < position) - 1];
};

const oldestAfter = (asked: AskedStretches, position: number): Stretch | undefined => {
  const all = asked.stretches();
  return all[countWhere(all, ({ last }) => last <= position)];
};

/** How many stretches, the first of all, are so; behind them none is. */
function countWhere(all: readonly Stretch[], isSo: (stretch: Stretch) => boolean): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSo(all[middle] as Stretch)) low = middle + 1;
    else high = middle;
  }
  return low;
}
