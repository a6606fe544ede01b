/**
 * A data directory for log tests: opened with the real log, damaged by hand, opened again.
 * The one idea: every test gets a directory of its own and leaves nothing behind.
 * Deliberately unknown here: what a test does to the files.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqliteLogOptions } from '../../src/events/sqlite-log.ts';
import { openSqliteLog } from '../../src/events/sqlite-log.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { closeLog, TestListener, toBatches, toStored } from './log-contract.ts';

export type Settings = Partial<Omit<SqliteLogOptions, 'dir' | 'listener'>>;

export const makeDir = (): string => mkdtempSync(join(tmpdir(), 'waybill-log-'));

export const removeDir = (dir: string): void => rmSync(dir, { recursive: true, force: true });

/** Runs `body` with a fresh directory. */
export const withDir = async (body: (dir: string) => Promise<void>): Promise<void> => {
  const dir = makeDir();
  try {
    await body(dir);
  } finally {
    removeDir(dir);
  }
};

export const openLog = async (dir: string, settings: Settings = {}) => {
  const listener = new TestListener();
  const opened = await openSqliteLog({ dir, listener, ...settings });
  return { ...opened, listener };
};

/** Appends turns behind what is there, waits until they are durable, closes. */
export const writeTurns = async (
  dir: string,
  turns: readonly (readonly RecordDraft[])[],
  settings: Settings = {},
): Promise<StoredRecord[]> => {
  const { log, recovery, listener } = await openLog(dir, settings);
  const start = { position: recovery.lastPosition + 1, turn: recovery.lastTurn + 1 };
  const batches = toBatches(turns, start);
  for (const batch of batches) log.append(batch);
  const last = batches.at(-1);
  if (last !== undefined) await listener.untilDurable(last.turn);
  await closeLog(log);
  return toStored(batches);
};

/** What a start finds: the records it replays, and its reports. */
export const readBack = async (dir: string, from = 1) => {
  const { log, recovery, listener } = await openLog(dir);
  const records: StoredRecord[] = [];
  await recovery.replay(from, (chunk) => records.push(...chunk));
  await closeLog(log);
  return { records, recovery, faults: listener.faults, reports: recovery.reports };
};
