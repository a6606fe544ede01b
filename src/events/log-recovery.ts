/**
 * Opens a data directory: finds where the log ends, what became of it, and where it goes on.
 * The one idea: every start succeeds unattended. Looking is read-only; what is damaged is reported,
 * set aside and never written over, and a log that ends before its high-water mark goes on behind
 * the mark in a new segment, so that no position is ever given twice.
 * Deliberately unknown here: the records between the ends (log-walk judges them), threads.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { chainOrigin } from './log-chain.ts';
import { ownDir, removeDatabase, syncDir } from './log-files.ts';
import type { Mark, MarkRead } from './log-high-water.ts';
import { readMark } from './log-high-water.ts';
import { settleJournals } from './log-journals.ts';
import type { DamageReports } from './log-report.ts';
import { LogOpenError, sayPositions } from './log-report.ts';
import { finishRebuilds, rebuildSegment } from './log-salvage.ts';
import type { SegmentMeta } from './log-schema.ts';
import { isDamage, LOG_FORMAT, sayCause } from './log-schema.ts';
import type { SegmentInfo } from './log-segments.ts';
import {
  createSegment,
  firstOf,
  inspectSegment,
  listSegments,
  refuseNewerFormat,
  sweepDrafts,
} from './log-segments.ts';
import type { Snapshot } from './log-snapshots.ts';
import { findSnapshots, readSnapshot, sweepSnapshots } from './log-snapshots.ts';
import { findChain } from './log-walk.ts';
import type { LogTail } from './log-writer.ts';

const NODE_ID_BYTES = 8;

/** What opening found out. */
export interface Recovery {
  readonly node: string;
  readonly segments: readonly SegmentInfo[];
  /** Where the records really end. */
  readonly endPosition: number;
  /** Where the log goes on: the end, or the high-water mark where that lies further. */
  readonly tail: LogTail;
  /** The segment that may be appended to; undefined calls for a new one. */
  readonly appendable: SegmentInfo | undefined;
  /** Lowest position that was not released. */
  readonly first: number;
  readonly snapshot: Snapshot | undefined;
}

/** Opens `dir`, creating what is not there. */
export const recoverLog = (dir: string, reports: DamageReports): Recovery => {
  const logDir = join(dir, 'log');
  ownDir(dir);
  ownDir(logDir);
  refuseNewerFormat(logDir);
  finishRebuilds(logDir);
  sweepDrafts(logDir);
  settleJournals(logDir);
  sweepSnapshots(dir);
  for (const name of readdirSync(logDir)) chmodSync(join(logDir, name), 0o600);

  const read = readMark(dir);
  if (listSegments(logDir).length === 0) beginLog(logDir, read.mark, reports);
  const segments = inspectAll(logDir, read.mark, reports);
  dropHiding(logDir, segments);
  reportMark(read, segments, reports);
  const ends = reachMark(logDir, segments, read.mark, reports);
  reportGaps(segments, read.mark?.first ?? segments[0]?.first ?? 1, reports);
  reportForeign(segments, read.mark, reports);
  const snapshot = chooseSnapshot(dir, segments, reports);
  const tail = furthest(ends.tail, read.mark, snapshot);
  const last = segments.at(-1);
  const isOpenEnded = ends.isWhole && tail.position === ends.tail.position;
  return {
    node: segments.findLast(({ meta }) => meta !== undefined)?.meta?.node ?? newNode(),
    segments,
    endPosition: ends.tail.position,
    tail,
    appendable: isOpenEnded && last?.meta?.format === LOG_FORMAT ? last : undefined,
    first: read.mark?.first ?? segments[0]?.first ?? 1,
    snapshot,
  };
};

const newNode = (): string => randomBytes(NODE_ID_BYTES).toString('hex');

/** The first segment of a log, or of what goes on where all segments were lost. */
const beginLog = (logDir: string, mark: Mark | undefined, reports: DamageReports): void => {
  const node = newNode();
  const after = mark?.position ?? 0;
  if (after > 0) {
    const lost = sayPositions(1, after);
    const sentence = `the log was shortened: all of it is gone, ${lost} were durable`;
    reports.add({ kind: 'log-shortened', position: 1, upto: after, sentence });
  }
  createSegment(logDir, {
    format: LOG_FORMAT,
    node,
    first: after + 1,
    after: 0,
    chainBefore: mark?.chain || chainOrigin(node),
  });
};

const inspectAll = (
  logDir: string,
  mark: Mark | undefined,
  reports: DamageReports,
): SegmentInfo[] => {
  const names = listSegments(logDir);
  const segments: SegmentInfo[] = [];
  for (const [index, name] of names.entries()) {
    const next = names[index + 1];
    // Behind the mark nothing was acknowledged, so nothing there has to be saved.
    const upto = next === undefined ? (mark?.position ?? Infinity) : firstOf(next) - 1;
    const info = inspectOrRebuild(logDir, name, upto, segments.at(-1), reports);
    segments.push(info);
    if (info.meta === undefined || info.meta.first !== info.first) {
      const sentence = `segment ${name} has a damaged description; its records are not concerned`;
      reports.add({ kind: 'segment-meta-damaged', segment: name, sentence });
    }
  }
  return segments;
};

const inspectOrRebuild = (
  logDir: string,
  name: string,
  upto: number,
  before: SegmentInfo | undefined,
  reports: DamageReports,
): SegmentInfo => {
  try {
    return inspectSegment(logDir, name);
  } catch (error) {
    if (!isDamage(error)) throw new LogOpenError(`cannot open log/${name}: ${sayCause(error)}`);
    const meta = substituteMeta(name, before);
    const saved = rebuildSegment({ logDir, name, upto, meta }) ?? 0;
    const sentence =
      `segment ${name} cannot be read (${sayCause(error)}); ` +
      `${saved} records were saved from it, the damaged file is kept as ${name}.damaged`;
    reports.add({ kind: 'segment-unreadable', position: firstOf(name), segment: name, sentence });
    return { ...inspectSegment(logDir, name), isEndDamaged: true };
  }
};

/** An empty last segment that begins inside the one before it is what a failed roll left. */
const dropHiding = (logDir: string, segments: SegmentInfo[]): void => {
  for (;;) {
    const [before, last] = segments.slice(-2);
    if (before === undefined || last === undefined) return;
    if (last.last >= last.first || before.last < last.first) return;
    removeDatabase(last.path);
    syncDir(logDir);
    segments.pop();
  }
};

/** What a segment would say about itself, where it cannot. */
export const substituteMeta = (name: string, before: SegmentInfo | undefined): SegmentMeta => ({
  format: LOG_FORMAT,
  node: before?.meta?.node ?? newNode(),
  first: firstOf(name),
  after: before?.last ?? firstOf(name) - 1,
  chainBefore: before?.last === firstOf(name) - 1 ? before.lastChain : '',
});

/** The mark itself may be gone or damaged. */
export const reportMark = (
  { state }: MarkRead,
  segments: readonly SegmentInfo[],
  reports: DamageReports,
): void => {
  const isEmpty = segments.every(({ first, last }) => last < first);
  if (state === 'missing' && !isEmpty) {
    const sentence = 'the high-water mark is missing; a log cut short would not show';
    reports.add({ kind: 'high-water-missing', sentence });
  }
  if (state === 'damaged' || state === 'half') {
    const lost = state === 'half' ? 'one of its two slots' : 'both slots';
    const sentence = `the high-water mark is damaged in ${lost}`;
    reports.add({ kind: 'high-water-damaged', sentence });
  }
};

/** A log that ends before the mark: what can be saved is, the rest is reported. */
const reachMark = (
  logDir: string,
  segments: SegmentInfo[],
  mark: Mark | undefined,
  reports: DamageReports,
): { tail: LogTail; isWhole: boolean } => {
  let last = segments.at(-1) as SegmentInfo;
  let isWhole = !last.isEndDamaged;
  if (mark !== undefined && last.last < mark.position) {
    const wanted = { from: last.last + 1, upto: mark.position };
    const saved = rebuildSegment({
      logDir,
      name: last.name,
      upto: mark.position,
      meta: substituteMeta(last.name, segments.at(-2)),
      wanted,
    });
    if (saved !== undefined) last = inspectSegment(logDir, last.name);
    segments[segments.length - 1] = last;
    isWhole = false;
    const sentence =
      `the log was shortened: it ends at position ${wanted.from - 1}, ` +
      `${sayPositions(wanted.from, wanted.upto)} were durable` +
      (saved === undefined ? '' : `; it was mended up to position ${last.last}`);
    reports.add({ kind: 'log-shortened', position: wanted.from, upto: wanted.upto, sentence });
  }
  const { last: position, lastTurn: turn, lastAt: at, lastChain: chain } = endOf(segments);
  return { tail: { position, turn, at, chain }, isWhole };
};

/** The last segment with its turn and time, which an empty one takes from the one before. */
const endOf = (segments: readonly SegmentInfo[]): SegmentInfo => {
  const last = segments.at(-1) as SegmentInfo;
  const { lastTurn, lastAt } = segments.findLast((one) => one.last >= one.first) ?? last;
  return { ...last, lastTurn, lastAt };
};

const reportGaps = (
  segments: readonly SegmentInfo[],
  firstKept: number,
  reports: DamageReports,
): void => {
  let expected = firstKept;
  for (const { first, last, name, meta } of segments) {
    const isKnown = meta !== undefined && meta.after < expected;
    if (first > expected && !isKnown) {
      const sentence = `${sayPositions(expected, first - 1)} missing from the log`;
      const range = { position: expected, upto: first - 1 };
      reports.add({ kind: 'segment-missing', ...range, segment: name, sentence });
    }
    expected = Math.max(expected, last + 1);
  }
};

/** The record at the mark must be the one that was marked. */
export const reportForeign = (
  segments: readonly SegmentInfo[],
  mark: Mark | undefined,
  reports: DamageReports,
): void => {
  if (mark === undefined || mark.chain === '') return;
  const chain = findChain(segments, mark.position);
  if (chain === undefined || chain === mark.chain) return;
  const sentence = `the record at position ${mark.position} is not the one that was written there`;
  reports.add({ kind: 'log-foreign', position: mark.position, upto: mark.position, sentence });
};

const chooseSnapshot = (
  dir: string,
  segments: readonly SegmentInfo[],
  reports: DamageReports,
): Snapshot | undefined => {
  for (const position of findSnapshots(dir)) {
    const found = readSnapshot(dir, position);
    const chain = findChain(segments, position);
    const isOurs = typeof found === 'string' || chain === undefined || found.chain === chain;
    if (typeof found !== 'string' && isOurs) return found;
    const why = typeof found === 'string' ? found : 'belongs to another history';
    const sentence = `the snapshot at position ${position} ${why}; an older one is used, if any`;
    reports.add({ kind: 'snapshot-damaged', position, upto: position, sentence });
  }
  return undefined;
};

const furthest = (
  end: LogTail,
  mark: Mark | undefined,
  snapshot: Snapshot | undefined,
): LogTail => {
  let tail = end;
  if (mark !== undefined && mark.position > tail.position) {
    const { position, turn, at, chain } = mark;
    tail = { position, turn, at, chain };
  }
  if (snapshot !== undefined && snapshot.position > tail.position) {
    tail = { ...tail, position: snapshot.position, chain: snapshot.chain };
  }
  return tail;
};
