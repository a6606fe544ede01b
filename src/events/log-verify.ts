/**
 * Checks a whole data directory without changing anything: the `verify` command.
 * The one idea: every record of every segment is judged, also those a start no longer replays.
 * Deliberately unknown here: whether a daemon runs (take `lockDataDir` first), how to print.
 */
import { statSync } from 'node:fs';
import type { StoredRecord } from '../ports/ports.ts';
import type { ErasuresFound } from './log-erasures.ts';
import { ErasureProof } from './log-erasures.ts';
import { readMark } from './log-high-water.ts';
import { findLogDir, lookAtSegments } from './log-look.ts';
import { reportForeign, reportMark } from './log-recovery.ts';
import type { DamageReport } from './log-report.ts';
import { DamageReports, sayPositions } from './log-report.ts';
import { checkSeal } from './log-seals.ts';
import type { SegmentInfo } from './log-segments.ts';
import { findSnapshots, readSnapshot } from './log-snapshots.ts';
import { toRecord, walkRows } from './log-walk.ts';

/** First and last position there should be; 1 and 0 in an empty log. */
export interface LogSpan {
  readonly from: number;
  readonly upto: number;
}

/** What a walk over a whole log found. */
export interface LogWalk extends LogSpan {
  readonly segments: number;
  /** Of these, how many were held against a seal, byte by byte. */
  readonly sealed: number;
  readonly records: number;
  readonly bytes: number;
  /** First and last position that were read; 0 where there is none. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly snapshots: number;
  readonly erasures: ErasuresFound;
  readonly reports: readonly DamageReport[];
}

/**
 * Walks over everything, handing whole records to `each`, with the span there should be;
 * damage is in the answer's reports. Also while an engine writes.
 */
export const walkLog = (
  dir: string,
  each: (records: StoredRecord[], span: LogSpan) => void,
): LogWalk => {
  const logDir = findLogDir(dir);
  const reports = new DamageReports();
  // The mark is read before the segments: a running engine may go on in between, never back.
  const read = readMark(dir);
  const { mark } = read;
  const segments = lookAtSegments(logDir);
  const ends = segments.map(({ last }) => last);
  const last = Math.max(0, ...ends);
  reportMark(read, segments, reports);
  reportForeign(segments, mark, reports);
  reportShortened(last, mark?.position ?? 0, reports);

  const sealed = checkSeals(segments, reports);
  let records = 0;
  let firstPosition = 0;
  let lastPosition = 0;
  const proof = new ErasureProof();
  const from = mark?.first ?? segments[0]?.first ?? 1;
  const upto = Math.max(mark?.position ?? 0, last);
  for (const rows of walkRows({ segments, from, upto: last, reports })) {
    records += rows.length;
    firstPosition ||= rows[0]?.[0] ?? 0;
    lastPosition = rows.at(-1)?.[0] ?? lastPosition;
    proof.see(rows);
    each(rows.map(toRecord), { from, upto });
  }
  // What is missing or damaged was said already.
  const isTold = (one: number): boolean =>
    reports.all.some(({ position = one + 1, upto = position }) => position <= one && one <= upto);
  return {
    from,
    upto,
    segments: segments.length,
    sealed,
    records,
    bytes: sizeOf(segments),
    firstPosition,
    lastPosition,
    erasures: proof.report(reports, (position) => !isTold(position)),
    snapshots: checkSnapshots(dir, reports),
    reports: reports.all,
  };
};

const sizeOf = (segments: readonly SegmentInfo[]): number => {
  let bytes = 0;
  for (const { path } of segments) {
    bytes += statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  }
  return bytes;
};

/** Every byte of the closed segments: the chain proves records, seals what lies between them. */
const checkSeals = (segments: readonly SegmentInfo[], reports: DamageReports): number => {
  let sealed = 0;
  for (const { name, path } of segments) {
    const { state, changed } = checkSeal(path);
    if (state === 'holds' || state === 'broken') sealed += 1;
    if (state === 'broken') {
      const sentence = `segment ${name} was changed after it was closed: ${changed.join(', ')}`;
      reports.add({ kind: 'segment-changed', segment: name, sentence });
    }
    if (state === 'seal-damaged') {
      const sentence = `the seal of segment ${name} is damaged; its records prove themselves`;
      reports.add({ kind: 'seal-damaged', segment: name, sentence });
    }
  }
  return sealed;
};

const reportShortened = (last: number, marked: number, reports: DamageReports): void => {
  if (last >= marked) return;
  const range = { position: last + 1, upto: marked };
  const lost = sayPositions(last + 1, marked);
  const sentence = `the log was shortened: it ends at position ${last}, ${lost} were durable`;
  reports.add({ kind: 'log-shortened', ...range, sentence });
};

const checkSnapshots = (dir: string, reports: DamageReports): number => {
  const positions = findSnapshots(dir);
  for (const position of positions) {
    const found = readSnapshot(dir, position);
    // A running engine may have put a newer one in its place meanwhile.
    if (typeof found !== 'string' || !findSnapshots(dir).includes(position)) continue;
    const sentence = `the snapshot at position ${position} ${found}`;
    reports.add({ kind: 'snapshot-damaged', position, upto: position, sentence });
  }
  return positions.length;
};
