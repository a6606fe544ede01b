/**
 * Reads the whole log of a data directory without changing anything in it, also while an engine
 * runs on it, and folds it into a ledger. Damage is gathered, never mended: mending is the start's
 * business. Does not know how the result is shown.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventRow } from '../events/log-chain.ts';
import { readMark } from '../events/log-high-water.ts';
import type { DamageReport } from '../events/log-report.ts';
import { DamageReports } from '../events/log-report.ts';
import type { SegmentInfo } from '../events/log-segments.ts';
import { inspectSegment, listSegments, refuseNewerFormat } from '../events/log-segments.ts';
import { toRecord, walkRows } from '../events/log-walk.ts';
import type { LedgerReport } from '../projections/ledger.ts';
import { findImbalance, MessageLedger } from '../projections/ledger.ts';
import { CommandFailure, explain } from './terminal.ts';

/** What a log has to say about itself. */
export interface Verification extends LedgerReport {
  /** First and last position there should be; equal to 1 and 0 in an empty log. */
  readonly first: number;
  readonly last: number;
  readonly records: number;
  /** Accepted minus the sum of all fates; 0 in a log in good order. */
  readonly imbalance: number;
  readonly damage: readonly DamageReport[];
}

/** True when nothing is missing, damaged or contradictory. */
export const isSound = (found: Verification): boolean =>
  found.imbalance === 0 && found.differences === 0 && found.damage.length === 0;

const findLogDir = (dataDir: string): string => {
  const logDir = join(dataDir, 'log');
  if (!existsSync(logDir)) throw new CommandFailure(`${dataDir} holds no log.`);
  return logDir;
};

/** What can be read of each segment; one that cannot is reported and left out. */
const inspectAll = (logDir: string, reports: DamageReports): SegmentInfo[] => {
  const segments: SegmentInfo[] = [];
  for (const name of listSegments(logDir)) {
    try {
      segments.push(inspectSegment(logDir, name));
    } catch (error) {
      const sentence = `the segment ${name} cannot be read: ${explain(error)}`;
      reports.add({ kind: 'segment-unreadable', segment: name, sentence });
    }
  }
  return segments;
};

/** Decodes a record of an event that the ledger counts; undefined for others. */
const readEvent = (row: EventRow, ledger: MessageLedger): Event | undefined => {
  const record = toRecord(row);
  if (!record.type.startsWith('message.') && record.type !== 'engine.stopped') return undefined;
  try {
    return decode(record);
  } catch (error) {
    ledger.differ(record, `has a record that is no event: ${explain(error)}`);
    return undefined;
  }
};

/** Folds all there is; `shown` hears from time to time how many records have passed. */
export const verifyLog = (
  dataDir: string,
  shown: (records: number, total: number) => void = () => undefined,
): Verification => {
  const logDir = findLogDir(dataDir);
  const reports = new DamageReports();
  refuseNewerFormat(logDir);
  // The mark is read before the segments: a running engine may go on in between, never back.
  const { state, mark } = readMark(dataDir);
  const segments = inspectAll(logDir, reports);
  const first = mark?.first ?? segments[0]?.first ?? 1;
  const last = Math.max(mark?.position ?? 0, segments.at(-1)?.last ?? 0);
  if (state === 'damaged' || (state === 'missing' && last > 0)) {
    const sentence = `the high-water mark is ${state}; a log cut short would not show`;
    reports.add({
      kind: state === 'damaged' ? 'high-water-damaged' : 'high-water-missing',
      sentence,
    });
  }
  const ledger = new MessageLedger(first === 1);
  let records = 0;
  for (const rows of walkRows({ segments, from: first, upto: last, reports })) {
    for (const row of rows) {
      const event = readEvent(row, ledger);
      if (event !== undefined) ledger.fold(event, toRecord(row));
    }
    records += rows.length;
    shown(records, last - first + 1);
  }
  const found = ledger.report();
  const imbalance = findImbalance(found);
  return { first, last, records, imbalance, ...found, damage: reports.all };
};
