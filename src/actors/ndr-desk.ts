/**
 * Where whoever writes reports of failure meets the engine: what is owed, the records that say why,
 * and the two wishes about it, which are decided in a turn like any other. Decides nothing.
 */
import type { OwedNdr } from '../domain/ndrs.ts';
import type { Submission } from '../intake/host.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { Core } from './core.ts';
import type { NdrCounts } from './ndr-notes.ts';
import type { NdrAnswered } from './ndrs.ts';
import { generateNdr, takeOwed, waiveNdr } from './ndrs.ts';

/** The engine, as a writer of reports sees it. */
export interface NdrDesk {
  /** The next that is owed, oldest first; it is not given to anybody else in this run. */
  take(): OwedNdr | undefined;
  /** Has `task` called whenever there may be more to take; replaces the one before. */
  whenOwed(task: () => void): void;
  /** Reads records of the log back; a damaged or missing one is undefined. */
  read(
    positions: readonly number[],
    answered: (records: readonly (StoredRecord | undefined)[]) => void,
  ): void;
  /** The report, its body durable, is to be a message; without a refusal it is one for good. */
  generate(position: number, submission: Submission, answered: NdrAnswered): void;
  /** There will be no report. */
  waive(position: number, cause: string, answered: NdrAnswered): void;
  /** Reports that are owed now. */
  readonly owed: number;
  readonly counts: Readonly<NdrCounts>;
}

/** The desk over a core. */
export const makeNdrDesk = (core: Core): NdrDesk => ({
  take: () => takeOwed(core),
  whenOwed: (task) => {
    core.ndrs.wake = task;
  },
  read: (positions, answered) => core.ports.log.read(positions, answered),
  generate: (position, submission, answered) => {
    const run = (at: number): void => generateNdr(core, position, submission, answered, at);
    core.turns.push({ kind: 'run', run });
  },
  waive: (position, cause, answered) =>
    core.turns.push({ kind: 'run', run: () => waiveNdr(core, position, cause, answered) }),
  get owed() {
    return core.books.ndrs.size;
  },
  counts: core.ndrs.counts,
});
