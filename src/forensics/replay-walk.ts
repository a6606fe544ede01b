/**
 * The records of a data directory in order, for those who only read: nothing is locked, mended or
 * written, also while an engine runs on it. What is damaged is left out and told. Memory: a chunk.
 * Deliberately unknown here: what records mean.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRow } from '../events/log-chain.ts';
import type { DamageReport } from '../events/log-report.ts';
import { DamageReports, LogOpenError } from '../events/log-report.ts';
import { isDamage } from '../events/log-schema.ts';
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

/** Looks at the log of a data directory; throws LogOpenError where there is none to be read. */
export const readLog = (dir: string): LogToRead => {
  const logDir = join(dir, 'log');
  if (!existsSync(logDir)) throw new LogOpenError(`${dir} holds no log`);
  refuseNewerFormat(logDir);
  const segments = listSegments(logDir).flatMap((name) => {
    try {
      return [inspectSegment(logDir, name)];
    } catch (error) {
      if (isDamage(error)) return [];
      throw error;
    }
  });
  const reports = new DamageReports();
  const first = segments[0]?.first ?? 1;
  const last = Math.max(0, ...segments.map((segment) => segment.last));
  return {
    segments,
    first,
    last,
    damage: reports.all,
    rows: (from = first, upto = last) =>
      walkRows({ segments, from: Math.max(from, first), upto: Math.min(upto, last), reports }),
  };
};
