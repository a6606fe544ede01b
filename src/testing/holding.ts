/**
 * For users' own tests: a law by its name, and a result held against a law, with a timeline where
 * it is broken. Knows no runner: what it throws is an Error that any of them shows.
 */
import type { Law } from './laws/law.ts';
import { laws } from './laws/laws.ts';
import type { Result } from './result.ts';
import { timeline } from './timeline.ts';

/** A shipped law; throws where there is none of that name. */
export function lawNamed(name: string): Law {
  const law = laws.find((one) => one.name === name);
  if (law !== undefined) return law;
  throw new Error(`there is no law ${name}; there are ${laws.map((one) => one.name).join(', ')}`);
}

/** Throws with a timeline unless the law holds. */
export function assertHolds(law: Law, result: Result): void {
  const breach = law.find(result.observed);
  if (breach === undefined) return;
  const told = timeline(result, { about: breach.about });
  throw new Error(`${law.name}: ${breach.says}\n${law.says}\n\n${told}\n`);
}
