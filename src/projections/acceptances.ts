/**
 * Acceptances of messages, for the records that follow them: as many as fit are remembered while
 * the log goes by, others are found by their position when they are asked for.
 * Deliberately unknown here: what is made of them.
 */
import { Recent } from '../domain/recent.ts';
import type { CommittedLog } from '../ports/committed-log.ts';
import type { AcceptanceFacts } from './log-record/acceptance.ts';
import { acceptanceOf } from './log-record/acceptance.ts';
import type { RecordFacts } from './log-record/draft.ts';

/** Acceptances remembered: at about 600 octets each, about 10 MB. */
export const ACCEPTANCES_MAX = 16_384;

/** What projecting needs besides the record itself, found in `log`. */
export function createFacts(
  log: Pick<CommittedLog, 'find'>,
  nodeid: string,
  recordsMax = ACCEPTANCES_MAX,
  classify?: RecordFacts['classify'],
): RecordFacts {
  const recent = new Recent<AcceptanceFacts>(recordsMax);
  const read = (position: number, id: string): AcceptanceFacts | undefined => {
    const record = log.find(position);
    return record?.stream === id ? acceptanceOf(record) : undefined;
  };
  return {
    nodeid,
    ...(classify === undefined ? {} : { classify }),
    noteAcceptance: (_position, id, facts) => recent.set(id, facts),
    findAcceptance(origin, id) {
      const known = recent.get(id);
      if (known !== undefined || origin === 0) return known;
      const found = read(origin, id);
      if (found !== undefined) recent.set(id, found);
      return found;
    },
  };
}
