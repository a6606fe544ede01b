/**
 * What failed last in a queue since the start, remembered for those who look. The one idea: it is
 * read off the events that tell of failures, so a reader of the log comes to the same memory. Knows
 * no schedule.
 */
import type { LastError } from '../../domain/inspection.ts';
import { Recent } from '../../domain/recent.ts';
import { formatReply } from '../../domain/reply.ts';
import type { Event, EventType } from '../../events/catalogue.ts';

/** Queues whose last failure is remembered, those that failed longest ago go first. */
const LAST_ERRORS_MAX = 16_384;
/** A longer text is cut. */
const ERROR_CHARS_MAX = 300;

/** The events that tell of a failure. */
export const FAILURE_TYPES = [
  'message.bounced',
  'message.deferred',
  'message.unsettled',
] as const satisfies readonly EventType[];

/** The last failures, by queue. */
export type LastErrors = Recent<LastError>;

/** A memory of last failures with nothing in it: that of a start. */
export const newLastErrors = (): LastErrors => new Recent(LAST_ERRORS_MAX);

/** Remembers the failure that an event tells of; an outcome that is not known has the code 0. */
export function noteFailure(
  errors: LastErrors,
  event: Pick<Event, 'type' | 'body'>,
  at: number,
): void {
  const told = event as Event;
  if (told.type === 'message.bounced' || told.type === 'message.deferred') {
    note(errors, told.body.queue, { at, code: told.body.code, text: formatReply(told.body) });
  } else if (told.type === 'message.unsettled') {
    note(errors, told.body.queue, { at, code: 0, text: told.body.cause });
  }
}

// The first versions of these events did not say which queue it was.
function note(errors: LastErrors, queue: string | undefined, error: LastError): void {
  if (queue === undefined) return;
  errors.set(queue, { ...error, text: error.text.slice(0, ERROR_CHARS_MAX) });
}
