/**
 * Reads the whole log of a data directory without changing anything in it, also while an engine
 * runs on it, and folds it into a ledger. Damage is gathered, never mended: mending is the start's
 * business. Does not know how the result is shown.
 */
import type { Event } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { ErasuresFound } from '../events/log-erasures.ts';
import type { DamageReport } from '../events/log-report.ts';
import { LogOpenError } from '../events/log-report.ts';
import { walkLog } from '../events/log-verify.ts';
import type { BodyPlace } from '../events/message.ts';
import type { CellReport, Cut } from '../forensics/ledger-cells.ts';
import { CUTS, LedgerCells } from '../forensics/ledger-cells.ts';
import type { StoredRecord } from '../ports/ports.ts';
import { MessageLedger } from '../projections/ledger.ts';
import type { LedgerReport } from '../projections/ledger-report.ts';
import { findImbalance } from '../projections/ledger-report.ts';
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
  readonly segments: number;
  /** Segments that were held against their seals byte by byte. */
  readonly sealed: number;
  /** What operators had erased, all of it proven by the orders on record. */
  readonly erasures: ErasuresFound;
  /** The same ledger, cut up. */
  readonly cells: CellReport;
}

/** How to look at a log. */
export interface VerifyOptions {
  /** What the ledger is cut by. */
  readonly by?: readonly Cut[];
  /** Hears from time to time how many records have passed. */
  readonly shown?: (records: number, total: number) => void;
  /** Is handed where the bodies of living messages lie. */
  readonly bodies?: (places: Iterable<readonly [message: string, body: BodyPlace]>) => void;
}

/** True when nothing is missing, damaged or contradictory. */
export const isSound = (found: Verification): boolean =>
  found.imbalance === 0 &&
  found.differences === 0 &&
  found.cells.unbalanced === 0 &&
  found.damage.length === 0;

/** Decodes a record of an event that the ledger counts; undefined for others. */
const readEvent = (record: StoredRecord, ledger: MessageLedger): Event | undefined => {
  if (!record.type.startsWith('message.') && record.type !== 'engine.stopped') return undefined;
  try {
    return decode(record);
  } catch (error) {
    ledger.differ(record, `has a record that is no event: ${explain(error)}`);
    return undefined;
  }
};

/** Folds all there is. */
export const verifyLog = (
  dataDir: string,
  { by = CUTS, shown, bodies }: VerifyOptions = {},
): Verification => {
  const cells = new LedgerCells(by);
  const wishes = { watch: cells, keepsBodies: bodies !== undefined };
  let ledger: MessageLedger | undefined;
  let records = 0;
  const walk = walkWhole(dataDir, (chunk, { from, upto }) => {
    ledger ??= new MessageLedger(from === 1, wishes);
    for (const record of chunk) {
      const event = readEvent(record, ledger);
      if (event !== undefined) ledger.fold(event, record);
    }
    records += chunk.length;
    shown?.(records, upto - from + 1);
  });
  ledger ??= new MessageLedger(true, wishes);
  const found = ledger.report();
  bodies?.(ledger.bodies());
  const imbalance = findImbalance(found);
  const { from: first, upto: last, reports: damage, segments, sealed, erasures } = walk;
  const log = { first, last, records, imbalance, ...found, damage, segments, sealed, erasures };
  return { ...log, cells: cells.report() };
};

const walkWhole: typeof walkLog = (dataDir, each) => {
  try {
    return walkLog(dataDir, each);
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};
