/**
 * The public records of a log, as a reader makes them that remembers every acceptance. Knows no
 * hook and judges nothing.
 */
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { AcceptanceFacts } from '../../src/projections/log-record/acceptance.ts';
import type { RecordFacts } from '../../src/projections/log-record/draft.ts';
import { nodeIdOf } from '../../src/projections/log-record/fields.ts';
import { project } from '../../src/projections/log-record/project.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';

/** A record of the log and what it is to the world. */
export interface Projected {
  readonly stored: StoredRecord;
  readonly record: LogRecord;
}

/** A chain for a record of a log in memory, which has none. */
export const chainOf = (position: number): string =>
  ((position * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0').repeat(4);

/** Remembers every acceptance it is told of. */
export function rememberAll(): RecordFacts {
  const known = new Map<number | string, AcceptanceFacts>();
  return {
    nodeid: nodeIdOf('00c0ffee'),
    findAcceptance: (origin, id) => known.get(origin) ?? known.get(id),
    noteAcceptance: (position, id, facts) => known.set(position, facts).set(id, facts),
  };
}

/** Everything a log says to the world, in order. */
export function projectAll(stored: readonly StoredRecord[], facts = rememberAll()): Projected[] {
  return stored.flatMap((one) => {
    const record = project({ ...one, chain: chainOf(one.position) }, facts);
    return record === undefined ? [] : [{ stored: one, record }];
  });
}

/** The recipients of a record as a list. */
export const recipientsIn = ({ recipient }: LogRecord): readonly string[] =>
  typeof recipient === 'string' ? [recipient] : recipient;
