/**
 * Starts the writing child, follows what it says, kills it, and keeps account of the bodies that
 * must still be there.
 * Deliberately unknown here: what kills the child is to prove.
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BodyRef } from '../../src/ports/ports.ts';
import type { ChildLine } from './bodies-child.ts';

/** Living bodies by their place, with the seed of their bytes. */
export type Account = Map<string, { readonly ref: BodyRef; readonly seed: number }>;

/** What one life of the child brought. */
export interface Life {
  kept: number;
  released: number;
  readonly faults: string[];
  readonly code: number | null;
}

const CHILD = fileURLToPath(new URL('./bodies-child.ts', import.meta.url));

/** Runs the child until `enough` says so, then kills it with signal 9. */
export async function liveOnce(
  dir: string,
  account: Account,
  enough: (life: Life) => boolean,
  prefix: readonly string[] = [],
): Promise<Life> {
  const alive = JSON.stringify([...account.values()].map(({ ref }) => ref));
  const seeds = [...account.values()].map(({ seed }) => seed);
  const first = String(Math.max(0, ...seeds) + 1000);
  const command = [...prefix, process.execPath, '--import', 'tsx', CHILD, dir, alive, first];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const life = { kept: 0, released: 0, faults: [] as string[], code: null as number | null };
  for await (const text of createInterface({ input: child.stdout })) {
    // The last line of a killed process may be cut; what it said was not heard then.
    if (text.endsWith('}')) note(account, life, JSON.parse(text) as ChildLine);
    if (enough(life)) child.kill('SIGKILL');
  }
  life.code = await exited;
  return life;
}

function note(account: Account, life: Life, { says, ref, seed, code }: ChildLine): void {
  if (says === 'fault') life.faults.push(code ?? '');
  if (ref === undefined) return;
  const key = `${ref.segment}+${ref.offset}`;
  if (says === 'released') {
    account.delete(key);
    life.released += 1;
  } else if (seed !== undefined) {
    account.set(key, { ref, seed });
    life.kept += 1;
  }
}
