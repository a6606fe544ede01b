/**
 * What a report of failure is about, read back: the records of the log that say who was not reached
 * become public records, as hooks see them. The idea: whether a message is reported at all is
 * decided here, from what was sent and what became of it, and every no has its reason.
 * Deliberately unknown here: policy, and how the report is written.
 */
import { decode } from '../../events/codec.ts';
import type { AcceptedBody } from '../../events/message.ts';
import { cutMessage, Header } from '../../mail/header.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import { factsOf } from '../../projections/log-record/acceptance.ts';
import { project } from '../../projections/log-record/project.ts';
import type { Failures } from '../../reports/ndr.ts';

/** What was not delivered, or why nobody is told. */
export type Found = { readonly failures: Failures } | { readonly waived: string };

/**
 * The failures as public records. `stored` is the acceptance, then what ends the message for some
 * of its recipients; a record that cannot be read back is undefined.
 */
export function findFailures(stored: readonly (StoredRecord | undefined)[], nodeid: string): Found {
  const [accepted, ...ends] = stored;
  if (accepted === undefined) return { waived: 'the record of its acceptance is damaged or gone' };
  const about = decode(accepted, true).body as AcceptedBody;
  // RFC 5321 section 4.5.5: a report would have nowhere to go.
  if (about.from === '') return { waived: 'it had the null sender' };
  if (about.complaint === 1) return { waived: 'it is a complaint' };
  const facts = { nodeid, findAcceptance: () => factsOf(about) };
  const made = ends.map(
    (record) => record && project({ ...record, chain: record.chain ?? '' }, facts),
  );
  const [first, ...rest] = made.filter((record) => record !== undefined);
  if (first === undefined) return { waived: 'the records of its failure are damaged or gone' };
  return { failures: [first, ...rest] };
}

/** Why what was sent is not to be answered by a report; undefined where it may be. */
export function whyUnanswered(original: Buffer): string | undefined {
  const header = new Header(cutMessage(original).header);
  const firstOf = (name: string): string => header.find(name)[0]?.value.trim().toLowerCase() ?? '';
  if (/^multipart\/report\b/.test(firstOf('content-type'))) return 'it is a report itself';
  // RFC 3834 section 2: nothing answers an answer; what only a machine wrote is reported.
  if (/^auto-replied\b/.test(firstOf('auto-submitted'))) return 'it is an automatic answer';
  return undefined;
}
