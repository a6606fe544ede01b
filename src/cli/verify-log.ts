/**
 * Reads the whole log of a data directory without changing anything in it, also while an engine
 * runs on it, and folds it into a ledger. Damage is gathered, never mended: mending is the start's
 * business. Does not know how the result is shown.
 */
import type { Event } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { DamageReport } from '../events/log-report.ts';
import { LogOpenError } from '../events/log-report.ts';
import { walkLog } from '../events/log-verify.ts';
import type { StoredRecord } from '../ports/ports.ts';
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

/** Folds all there is; `shown` hears from time to time how many records have passed. */
export const verifyLog = (
  dataDir: string,
  shown: (records: number, total: number) => void = () => undefined,
): Verification => {
  let ledger: MessageLedger | undefined;
  let records = 0;
  const walk = walkWhole(dataDir, (chunk, { from, upto }) => {
    ledger ??= new MessageLedger(from === 1);
    for (const record of chunk) {
      const event = readEvent(record, ledger);
      if (event !== undefined) ledger.fold(event, record);
    }
    records += chunk.length;
    shown(records, upto - from + 1);
  });
  const found = (ledger ?? new MessageLedger(true)).report();
  const imbalance = findImbalance(found);
  const { from: first, upto: last, reports: damage } = walk;
  return { first, last, records, imbalance, ...found, damage };
};

const walkWhole: typeof walkLog = (dataDir, each) => {
  try {
    return walkLog(dataDir, each);
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};
