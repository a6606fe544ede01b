/**
 * From events to public records: each event makes one record or none. The one idea: a table says
 * for every event of the catalogue what it is to the world, so a new event cannot be forgotten.
 * Pure; what is not in the event comes from the acceptance of its message.
 * Deliberately unknown here: where records go, and who asked for which fields.
 */
import type { Event, EventType } from '../../events/catalogue.ts';
import { decode } from '../../events/codec.ts';
import type { CommittedRecord } from '../../ports/committed-log.ts';
import { factsOf, factsOfReport } from './acceptance.ts';
import * as attempts from './attempts.ts';
import type { Draft, Making, RecordFacts } from './draft.ts';
import * as ends from './ends.ts';
import * as moves from './moves.ts';
import * as receptions from './receptions.ts';
import type { LogRecord, RecordType } from './record.ts';
import * as reports from './reports.ts';

type BodyOf<T extends EventType> = Extract<Event, { readonly type: T }>['body'];

/** Makes the record of one kind of event; undefined where this one is to make none. */
type Maker<T extends EventType> = (body: BodyOf<T>, making: Making) => LogRecord | undefined;

type Makers = { readonly [T in EventType]: Maker<T> | undefined };

/** What concerns queues, sources, rules and the engine itself is no record. */
const OF_THE_ENGINE = {
  'queue.opened': undefined,
  'queue.configured': undefined,
  'queue.routed': undefined,
  'queue.rested': undefined,
  'queue.woke': undefined,
  'queue.suspended': undefined,
  'queue.resumed': undefined,
  'queue.retired': undefined,
  'source.opened': undefined,
  'source.configured': undefined,
  'source.suspended': undefined,
  'source.resumed': undefined,
  'source.retired': undefined,
  'suspension.placed': undefined,
  'suspension.lifted': undefined,
  'suspension.ended': undefined,
  'purge.ordered': undefined,
  'purge.cancelled': undefined,
  'purge.ended': undefined,
  'rebind.ordered': undefined,
  'rebind.finished': undefined,
  'operator.acted': undefined,
  'rate.reserved': undefined,
  'engine.started': undefined,
  'engine.stopped': undefined,
  'policy.loaded': undefined,
  'policy.activated': undefined,
  'policy.answered': undefined,
  'policy.faulted': undefined,
  'path.configured': undefined,
  'generation.accepted': undefined,
  'generation.advanced': undefined,
  'generation.finished': undefined,
  'erasure.ordered': undefined,
  'erasure.listed': undefined,
  'erasure.finished': undefined,
  'ndr.owed': undefined,
  'ndr.moved': undefined,
  'ndr.generated': undefined,
  'ndr.waived': undefined,
  'log.damaged': undefined,
} as const;

const MAKERS: Makers = {
  ...OF_THE_ENGINE,
  'message.accepted': receptions.reception,
  'message.recovered': receptions.reception,
  'message.offered': undefined,
  'message.delivered': attempts.delivery,
  'message.bounced': attempts.bounce,
  'message.deferred': attempts.transientFailure,
  'message.unsettled': attempts.unknownOutcome,
  'message.returned': moves.putBack,
  'message.scheduled': moves.scheduled,
  'message.postponed': moves.postponed,
  'message.rebound': moves.rebound,
  'message.expired': ends.expiration,
  'message.lost': ends.lost,
  'message.cancelled': ends.cancelled,
  'message.purged': ends.adminBounce,
  'message.quarantined': undefined,
  'message.moved': undefined,
  'reception.refused': receptions.rejection,
  'report.received': reports.reportReceived,
  'report.bounced': reports.reportBounced,
  'report.complained': reports.reportComplained,
};

/** True when events of this type make records, if only some of them. */
export const makesRecords = (type: string): boolean =>
  Object.hasOwn(MAKERS, type) && MAKERS[type as EventType] !== undefined;

/**
 * The public record of a record of the log; undefined where it makes none. With everything that is
 * known of metadata and header; see captureFor. Throws RecordUnreadable for a newer version's.
 */
export function project(record: CommittedRecord, facts: RecordFacts): LogRecord | undefined {
  const make = MAKERS[record.type as EventType] as
    | ((body: object, making: Making) => LogRecord | undefined)
    | undefined;
  if (make === undefined) return undefined;
  const { body } = decode(record, true);
  const made = make(body, { record, facts, about: findAbout(record, body, facts) });
  return made !== undefined && CLASSIFIED.has(made.type) ? classified(made, facts) : made;
}

/** Records of failures, and of what others report of them. */
const CLASSIFIED: ReadonlySet<RecordType> = new Set([
  'Bounce',
  'TransientFailure',
  'Expiration',
  'AdminBounce',
  'OOB',
  'Feedback',
  'Rejection',
]);

function classified(made: LogRecord, { classify }: RecordFacts): LogRecord {
  const record: Draft = made;
  if (classify !== undefined) record.bounce_classification = classify(made.response);
  return record;
}

function findAbout(record: CommittedRecord, body: object, facts: RecordFacts): Making['about'] {
  const { type, stream, position } = record;
  if (type === 'message.accepted' || type === 'message.recovered') {
    const about = factsOf(body as BodyOf<'message.accepted'>);
    facts.noteAcceptance?.(position, stream, about);
    return about;
  }
  if (type === 'reception.refused') return undefined;
  if (type.startsWith('report.')) return factsOfReport(body as BodyOf<'report.received'>);
  return facts.findAcceptance((body as { readonly origin?: number }).origin ?? 0, stream);
}
