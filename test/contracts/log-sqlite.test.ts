/**
 * The SQLite log keeps the contract.
 * The one idea: the same suite as for memory; what is particular to files is in test/examples.
 * Deliberately unknown here: tables and segments.
 */
import { openSqliteLog } from '../../src/events/sqlite-log.ts';
import type { LogPlace } from './log-contract.ts';
import { logContract } from './log-contract.ts';
import { makeDir, removeDir } from './log-place.ts';

const makePlace = async (): Promise<LogPlace> => {
  const dir = makeDir();
  return {
    open: async (listener) => {
      const { log, recovery } = await openSqliteLog({ dir, listener });
      return { log, ...recovery };
    },
    dispose: async () => removeDir(dir),
  };
};

// Each history starts a thread for each of its runs, so a few have to do.
logContract('sqlite', makePlace, 4);
