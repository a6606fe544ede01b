/**
 * What failed last since the start, in a queue and of a message, remembered for those who look. The
 * one idea: it is read off the events that tell of failures, so a reader of the log comes to the
 * same memory. Knows no schedule.
 */
import type { LastError } from '../../domain/inspection.ts';
import { Recent } from '../../domain/recent.ts';
import { formatReply } from '../../domain/reply.ts';
import type { Event, EventType } from '../../events/catalogue.ts';

/** Queues, and messages, whose last failure is remembered; the longest ago go first. */
const LAST_ERRORS_MAX = 16_384;
/** A longer text is cut. */
const ERROR_CHARS_MAX = 300;

/** The events that tell of a failure. */
export const FAILURE_TYPES = [
  'message.bounced',
  'message.deferred',
  'message.unsettled',
] as const satisfies readonly EventType[];

/** The last failures of queues by their names, and of messages by their ids. */
export interface LastErrors {
  readonly ofQueues: Recent<LastError>;
  readonly ofMessages: Recent<LastError>;
}

/** A memory of last failures with nothing in it: that of a start. */
export const newLastErrors = (): LastErrors => ({
  ofQueues: new Recent(LAST_ERRORS_MAX),
  ofMessages: new Recent(LAST_ERRORS_MAX),
});

/** An event as far as it tells of a failure. */
type Told = Pick<Event, 'type' | 'stream' | 'body'>;

/** The failure that an event tells of, if any; an outcome that is not known has the code 0. */
function errorOf(event: Told, at: number): LastError | undefined {
  const told = event as Event;
  if (told.type === 'message.bounced' || told.type === 'message.deferred') {
    return { at, code: told.body.code, text: cut(formatReply(told.body)) };
  }
  if (told.type !== 'message.unsettled') return undefined;
  return { at, code: 0, text: cut(told.body.cause) };
}

const cut = (text: string): string => text.slice(0, ERROR_CHARS_MAX);

/** Remembers the failure that an event tells of. */
export function rememberError(errors: LastErrors, event: Told, at: number): void {
  const error = errorOf(event, at);
  if (error === undefined) return;
  errors.ofMessages.set(event.stream, error);
  // The first versions of these events did not say which queue it was.
  const { queue } = event.body as { readonly queue?: string };
  if (queue !== undefined) errors.ofQueues.set(queue, error);
}
