/**
 * Asks `waybill verify DATA --json` about a stopped data directory.
 * The one idea: the program's own proof is heard before the harness looks for itself, so what it
 * lists as unknown was listed before anybody searched for second copies.
 * Deliberately unknown here: how verify proves anything.
 */
import { spawnSync } from 'node:child_process';
import { programCommand } from './daemon.ts';

const VERIFY_WAIT_MS_MAX = 120_000;

/** What verify answered. */
export interface Told {
  readonly code: number | null;
  readonly text: string;
}

/** Runs verify to its end. */
export function verifyData(data: string): Told {
  const [name = '', ...args] = [...programCommand('waybill'), 'verify', data, '--json'];
  const done = spawnSync(name, args, { encoding: 'utf8', timeout: VERIFY_WAIT_MS_MAX });
  if (done.error !== undefined) throw done.error;
  return { code: done.status, text: `${done.stdout}${done.stderr}` };
}
