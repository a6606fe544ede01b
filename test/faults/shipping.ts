/**
 * What a log hook owes its receiver, and whether it was paid: the records that the log itself
 * makes, read offline, against the ids that arrived, in the order in which they arrived. The one
 * idea: a record that comes again is explained by one batch that was under way when something
 * broke. Such a batch begins again where it began, at most a batch back; so the places at which
 * arrivals go back are counted, and there are no more of them than faults. Deliberately unknown
 * here: hooks, receivers, which faults there were.
 */
import { openLogTail } from '../../src/events/log-tail.ts';
import { createFacts } from '../../src/projections/acceptances.ts';
import { project } from '../../src/projections/log-record/project.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';

const LOOK_RECORDS = 1_000;

/** All public records of the log of a stopped daemon, in order; throws where it is damaged. */
export function recordsOfLog(dir: string): LogRecord[] {
  const reported = ({ sentence }: { readonly sentence: string }): never => {
    throw new Error(sentence);
  };
  const tail = openLogTail({ dir, reported });
  try {
    const facts = createFacts(tail, 'judge');
    const found: LogRecord[] = [];
    for (let cursor = 0; cursor < tail.upto(); ) {
      const { records, upto } = tail.read(cursor, LOOK_RECORDS);
      for (const record of records) found.push(...[project(record, facts)].flatMap(orNothing));
      cursor = upto;
    }
    return found;
  } finally {
    tail.close();
  }
}

const orNothing = (record: LogRecord | undefined): readonly LogRecord[] =>
  record === undefined ? [] : [record];

/** What one receiver of a hook should hold, and what it holds. */
export interface Shipping {
  /** Ids of the records that the hook takes, as the log has them. */
  readonly wanted: readonly string[];
  /** Ids as they arrived. */
  readonly arrivals: readonly string[];
  /** Ids in the dead letters. */
  readonly buried?: readonly string[];
  /** Records of a batch, at most. */
  readonly batchMax: number;
  /** How often something broke that could leave a batch under way. */
  readonly faults: number;
}

/** The numbers of a hook and everything that is wrong. */
export interface ShippingVerdict {
  readonly held: number;
  /** Arrivals of ids that had arrived before. */
  readonly repeats: number;
  /** Batches that came again, each counted once, however often it did. */
  readonly batches: number;
  readonly breaches: readonly string[];
}

/** Compares what arrived with the log. */
export function judgeShipping(shipping: Shipping): ShippingVerdict {
  const { wanted, arrivals, buried = [], batchMax, faults } = shipping;
  const placeOf = new Map(wanted.map((id, place) => [id, place]));
  const rankOf = new Map<string, number>();
  const begun = new Set<number>();
  const breaches: string[] = [];
  let last = -1;
  let furthest = -1;
  let repeats = 0;
  for (const id of arrivals) {
    const place = placeOf.get(id);
    if (place === undefined) {
      breaches.push(`${id} arrived and is not of the log`);
      continue;
    }
    const known = rankOf.get(id);
    const rank = known ?? rankOf.size;
    if (known === undefined) {
      rankOf.set(id, rank);
      if (place < furthest) breaches.push(`${id} arrived after a later one`);
      furthest = Math.max(furthest, place);
    } else {
      repeats += 1;
      const back = rankOf.size - rank;
      if (back > batchMax) breaches.push(`${id} came again ${back} records later, beyond a batch`);
    }
    if (rank <= last) begun.add(rank);
    last = rank;
  }
  const dead = new Set(buried);
  for (const id of dead) if (!placeOf.has(id)) breaches.push(`${id} is dead, not of the log`);
  const missing = wanted.filter((id) => !rankOf.has(id) && !dead.has(id));
  for (const id of missing) breaches.push(`${id} is missing`);
  if (begun.size > faults) breaches.push(`${begun.size} batches came again, ${faults} faults`);
  return { held: rankOf.size, repeats, batches: begun.size, breaches: breaches.slice(0, 20) };
}

/** The verdict as one line of a report. */
export const sayShipping = (hook: string, { held, repeats, batches }: ShippingVerdict): string =>
  `${hook}: ${held} records held, ${repeats} arrived again, of ${batches} batches`;
