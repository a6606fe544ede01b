/**
 * The history that a world's store holds, as forensics wants it: records and pictures of the books
 * in memory, searched from the front and from the back. Deliberately unknown here: what is asked.
 */
import type { RecordFilter } from '../../src/events/log-past.ts';
import type { History } from '../../src/forensics/past.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';

/** A picture of the books as of a position. */
export interface Picture {
  readonly position: number;
  readonly bytes: Uint8Array;
}

const isMeant = ({ types, stream }: RecordFilter, record: StoredRecord): boolean =>
  (types === undefined || types.includes(record.type)) &&
  (stream === undefined || stream === record.stream);

/** The same history after the records before a position were removed. */
export const pastFrom = (whole: History, first: number): History => ({
  ...whole,
  first,
  find: (position) => (position < first ? undefined : whole.find(position)),
  records: (filter, from, upto) => whole.records(filter, Math.max(first, from), upto),
  findLast: (filter, upto, isWanted = () => true) =>
    whole.findLast(filter, upto, (one) => one.position >= first && isWanted(one)),
});

/** The history of records that begin at position 1, with these pictures. */
export function memoryPast(
  records: readonly StoredRecord[],
  snapshots: readonly Picture[] = [],
): History {
  const between = (from: number, upto: number) => records.slice(from - 1, upto);
  return {
    first: 1,
    last: records.length,
    reports: { all: [] },
    find: (position) => records[position - 1],
    walk: (from, upto) => [between(from, upto)],
    snapshot: (upto) => snapshots.findLast(({ position }) => position <= upto),
    records: (filter, from, upto) => between(from, upto).filter((one) => isMeant(filter, one)),
    findLast: (filter, upto, isWanted = () => true) =>
      between(1, upto).findLast((one) => isMeant(filter, one) && isWanted(one)),
  };
}
