/**
 * The records of a data directory in order, for those who only read: nothing is locked, mended or
 * written, also while an engine runs on it. What is damaged is left out and told. Memory: a chunk.
 * Deliberately unknown here: what records mean.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRow } from '../events/log-chain.ts';
import { readMark } from '../events/log-high-water.ts';
import type { DamageReport } from '../events/log-report.ts';
import { DamageReports, LogOpenError, sayPositions } from '../events/log-report.ts';
import { isDamage, sayCause } from '../events/log-schema.ts';
import type { SegmentInfo } from '../events/log-segments.ts';
import { inspectSegment, listSegments, refuseNewerFormat } from '../events/log-segments.ts';
import { walkRows } from '../events/log-walk.ts';

/** A log to be read. */
export interface LogToRead {
  readonly segments: readonly SegmentInfo[];
  /** First and last position there is; 1 and 0 in an empty log. */
  readonly first: number;
  readonly last: number;
  /** Grows with what is found damaged. */
  readonly damage: readonly DamageReport[];
  /** All that is whole between two positions, in order, in chunks. */
  rows(from?: number, upto?: number): Generator<EventRow[]>;
}

/** A finding where a log ends before the position that the high-water mark has. */
export const findShortened = (last: number, marked: number): DamageReport[] => {
  if (last >= marked) return [];
  const lost = sayPositions(last + 1, marked);
  const sentence = `the log was shortened: it ends at position ${last}, ${lost} were durable`;
  return [{ kind: 'log-shortened', position: last + 1, upto: marked, sentence }];
};

/** Looks at the log of a data directory; throws LogOpenError where there is none to be read. */
export const readLog = (dir: string): LogToRead => {
  const logDir = join(dir, 'log');
  if (!existsSync(logDir)) throw new LogOpenError(`${dir} holds no log`);
  refuseNewerFormat(logDir);
  // Read first, so that it is never ahead of a log that grows meanwhile.
  const marked = readMark(dir).mark?.position ?? 0;
  const reports = new DamageReports();
  const segments = listSegments(logDir).flatMap((name) => {
    try {
      return [inspectSegment(logDir, name)];
    } catch (error) {
      if (!isDamage(error)) throw error;
      const sentence = `segment ${name} cannot be read: ${sayCause(error)}`;
      reports.add({ kind: 'segment-unreadable', segment: name, sentence });
      return [];
    }
  });
  const first = segments[0]?.first ?? 1;
  const last = Math.max(0, ...segments.map((segment) => segment.last));
  for (const report of findShortened(last, marked)) reports.add(report);
  return {
    segments,
    first,
    last,
    damage: reports.all,
    rows: (from = first, upto = last) =>
      walkRows({ segments, from: Math.max(from, first), upto: Math.min(upto, last), reports }),
  };
};
