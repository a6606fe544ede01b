/**
 * Seeds that ever failed: a file of them, each with the play that was left when it had been made
 * small. The one idea: the play is kept beside the seed, for a seed means another play as soon as
 * acts are drawn otherwise. Deliberately unknown here: how they were found.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Failure, Play } from './swarm.ts';

/** The file. */
export const KEPT_FILE = fileURLToPath(new URL('../property/swarm-seeds.json', import.meta.url));

/** One that failed, and does so no more. */
export interface Kept {
  readonly seed: number;
  readonly turns: number;
  readonly law: string;
  readonly says: string;
  readonly play: Play;
}

/** All of them. */
export const readKept = (file = KEPT_FILE): readonly Kept[] =>
  JSON.parse(readFileSync(file, 'utf8')) as Kept[];

/** Adds those that are not there yet; answers how many these were. */
export function keep(failures: readonly Failure[], file = KEPT_FILE): number {
  const kept = readKept(file);
  const known = new Set(kept.map(({ seed, turns }) => `${seed} ${turns}`));
  const news = failures
    .filter(({ seed, turns }) => !known.has(`${seed} ${turns}`))
    .map(({ seed, turns, law, says, play }): Kept => ({ seed, turns, law, says, play }));
  if (news.length > 0) writeFileSync(file, `${JSON.stringify([...kept, ...news], null, 2)}\n`);
  return news.length;
}
