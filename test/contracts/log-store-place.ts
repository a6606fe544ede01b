/**
 * A log store driven without its thread, for tests that damage files many times.
 * The one idea: a copy of the files of a running store is what a SIGKILL leaves behind.
 * Deliberately unknown here: which damage is done.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LogSettings } from '../../src/events/log-messages.ts';
import { flatten } from '../../src/events/log-messages.ts';
import type { DamageReport } from '../../src/events/log-report.ts';
import { DamageReports } from '../../src/events/log-report.ts';
import { LogStore } from '../../src/events/log-store.ts';
import { toRecord } from '../../src/events/log-walk.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { toBatches, toStored } from './log-contract.ts';

const DAY_MS = 86_400_000;

export const SETTINGS: Omit<LogSettings, 'dir'> = {
  segmentBytesMax: 1 << 28,
  segmentAgeMsMax: DAY_MS,
  keepMs: DAY_MS,
  checkpointPages: 1_000,
  retryMs: 20,
  freeBytesMin: 0,
};

export interface OpenStore {
  readonly store: LogStore;
  readonly reports: readonly DamageReport[];
  append(turns: readonly (readonly RecordDraft[])[], at?: number): StoredRecord[];
  replay(from?: number): StoredRecord[];
}

export const openStore = (dir: string, settings: Partial<LogSettings> = {}): OpenStore => {
  const reports = new DamageReports();
  const store = new LogStore({ ...SETTINGS, ...settings, dir }, reports);
  return {
    store,
    reports: reports.all,
    append: (turns, at = 1_700_000_000_000) => {
      const { position, turn } = store.writer.tail;
      const batches = toBatches(turns, { position: position + 1, turn: turn + 1, at });
      for (const { drafts, ...batch } of batches) {
        store.append({ kind: 'append', ...batch, cells: flatten(drafts) });
        store.writer.tidy();
      }
      return toStored(batches);
    },
    replay: (from = 1) => [...store.replay(from)].flat().map(toRecord),
  };
};

/** The files as they would be found after a kill right now. */
export const copyAsKilled = (from: string, to: string): void => {
  mkdirSync(join(to, 'log'), { recursive: true });
  const filter = (path: string): boolean => !/ballast$|-shm$|\.tmp$/.test(path);
  cpSync(from, to, { recursive: true, filter });
};

/** Turns of one to three records whose bodies are like those of real events. */
export const sampleTurns = (count: number, bodyChars = 250): RecordDraft[][] =>
  Array.from({ length: count }, (_, turn) =>
    Array.from({ length: 1 + (turn % 3) }, (_, index) => ({
      stream: `queue:tenant@host-${turn % 7}.example`,
      type: index === 0 ? 'message.accepted' : 'message.delivered',
      version: 1,
      body: JSON.stringify({ turn, index, text: String(turn % 10).repeat(bodyChars) }),
    })),
  );
