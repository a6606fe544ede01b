/**
 * Asking the stretches of an index for the positions of a key: newest first, oldest first, or only
 * how many. The one idea: a stretch that lies outside of what is wanted is not asked at all, and
 * the next one only when more is wanted than the last one had.
 * Deliberately unknown here: how stretches come to be, and what was hashed.
 */
import { partitionPoint } from '../../domain/partition-point.ts';
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

/** Who follows a hash through the stretches; true once it has heard enough. */
export interface Follower {
  readonly hash: number;
  /** The first position that it wants. */
  readonly from: number;
  hear(position: number): boolean;
}

/** Tells each follower the positions of its hash, oldest first; opens a stretch once for all. */
export function followAll(asked: AskedStretches, followers: readonly Follower[]): void {
  let left = followers.toSorted((one, other) => one.hash - other.hash);
  let after = Math.min(...left.map(({ from }) => from)) - 1;
  for (let repairs = 0; repairs <= REPAIRS_MAX && left.length > 0; ) {
    const stretch = oldestAfter(asked, after);
    if (stretch === undefined) return;
    const { last } = stretch;
    const now = left.filter(({ from }) => from <= last);
    const all = asked.ask(stretch, (one) => one.positionsOfEach(now.map(({ hash }) => hash)));
    if (all === undefined) {
      repairs += 1;
      continue;
    }
    const sated = new Set(now.filter((follower, index) => hearAll(follower, all[index] ?? [])));
    left = left.filter((follower) => !sated.has(follower));
    after = last;
  }
}

function hearAll(follower: Follower, positions: readonly number[]): boolean {
  for (const [index, position] of positions.entries()) {
    if (position < follower.from || position === positions[index - 1]) continue;
    if (follower.hear(position)) return true;
  }
  return false;
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
  return all[partitionPoint(0, all.length, (at) => (all[at] as Stretch).first < position) - 1];
};

const oldestAfter = (asked: AskedStretches, position: number): Stretch | undefined => {
  const all = asked.stretches();
  return all[partitionPoint(0, all.length, (at) => (all[at] as Stretch).last <= position)];
};
