/**
 * What reports said goes on record. The one idea: it is promised like a message, so whoever brought
 * the report hears that it was taken only when that is durable. Knows nothing of how it was read.
 */
import type { Refusal, ReportNote } from '../intake/host.ts';
import type { Core } from './core.ts';
import { REFUSAL_STOPPING } from './queue/accept.ts';

/** Puts on record what reports said that go no further. */
export function takeReports(
  core: Core,
  reports: readonly ReportNote[],
  answered: (refusal?: Refusal) => void,
): void {
  const run = (): void => {
    if (core.isStopping) return core.turns.promise(() => answered(REFUSAL_STOPPING));
    for (const report of reports) core.turns.emit(report);
    core.turns.promise(() => answered());
  };
  core.turns.push({ kind: 'run', run });
}
