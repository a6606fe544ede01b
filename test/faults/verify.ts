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
  /** Ids of the messages of the attempts it lists as unknown, one for each attempt, sorted. */
  readonly unknown: readonly string[];
}

/** Runs verify to its end. */
export function verifyData(data: string): Told {
  const [name = '', ...args] = [...programCommand('waybill'), 'verify', data, '--json'];
  const done = spawnSync(name, args, { encoding: 'utf8', timeout: VERIFY_WAIT_MS_MAX });
  if (done.error !== undefined) throw done.error;
  return {
    code: done.status,
    text: `${done.stdout}${done.stderr}`,
    unknown: readUnknown(done.stdout),
  };
}

function readUnknown(stdout: string): string[] {
  const start = stdout.indexOf('{');
  if (start === -1) return [];
  const told = JSON.parse(stdout.slice(start)) as {
    readonly unknownListed?: readonly { readonly message: string }[];
  };
  return (told.unknownListed ?? []).map(({ message }) => message).sort();
}
