/**
 * A plan that a rate of new links broke off: kept with its ready queue until there is a token, so
 * that the next connection goes on where it stopped and no host is out of reach behind a dead one.
 * Meanwhile no connection exists, so it holds no place under any limit.
 * Deliberately unknown here: how plans are made; when there are tokens.
 */
import type { Candidate } from './connection/connection.ts';
import type { PlanRest } from './connection/ending.ts';
import type { Core, ReadyQueue } from './core.ts';

/** Who has a token and does not go on for so long begins anew: hosts may be well again, ms. */
const REST_MS = 600_000;

/** The rest of a plan, as a ready queue keeps it. */
export interface KeptRest {
  readonly rest: PlanRest;
  /** It counts no more after this time. */
  readonly until: number;
}

/** Keeps what a connection left of its plan; to be called while its ready queue waits to dial. */
export function keepRest(core: Core, ready: ReadyQueue, rest: PlanRest, at: number): void {
  const waitUntil = core.lines.untilOf(ready.shaping.dialer) ?? at;
  ready.rest = { rest, until: Math.max(at, waitUntil) + REST_MS };
}

const keyOf = ({ name, address, port, path }: Candidate): string =>
  JSON.stringify([name, address, port, path]);

/** What is to be gone on with, of those that are still candidates; it is handed out once. */
export function takeRest(
  ready: ReadyQueue,
  candidates: readonly Candidate[],
  at: number,
): PlanRest | undefined {
  const kept = ready.rest;
  ready.rest = undefined;
  if (kept === undefined || at >= kept.until) return undefined;
  const known = new Set(candidates.map(keyOf));
  const plan = kept.rest.plan.filter((candidate) => known.has(keyOf(candidate)));
  return plan.length === 0 ? undefined : { ...kept.rest, plan };
}
