/**
 * What reports said that came in by mail: another server gave a message up that it had taken over,
 * or somebody complained of one. The stream is the id of the mail that brought the report. The one
 * idea: everything that was learnt is in the event, so no body is read later. Changes no row: the
 * mail is in no queue, or has an acceptance of its own.
 */
import type { Books } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';

/** The mail that brought a report. */
export interface ReportEnvelope {
  /** The scheduled queue that it belongs to, or would. */
  readonly queue: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Octets of the mail. */
  readonly size: number;
  readonly peer: string;
  readonly helo: string;
  /** UUID of the session that brought it, and TLS of that. */
  readonly session?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  /** What somebody wants to know of connection and header, by name. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** Body of `report.bounced`. */
export interface ReportedBounce extends ReportEnvelope {
  /** Name of the server that says so. */
  readonly reporter: string;
  /** Whom it was for: as its sender wrote it where that is known, else as that server did. */
  readonly recipient: string;
  /** Enhanced status code. */
  readonly status: string;
  readonly code: number;
  readonly text: string;
  /** When it was tried last; absent: not said. */
  readonly tried?: number | undefined;
  /** The whole block about this recipient. */
  readonly block: object;
  /** What a header of the original said that was put there when it was sent. */
  readonly trace?: Readonly<Record<string, unknown>> | undefined;
}

/** Body of `report.complained`. */
export interface ReportedComplaint extends ReportEnvelope {
  /** As the public record has it. */
  readonly feedback: object;
}

const ENVELOPE_SHAPE = {
  queue: 'queueName',
  from: 'text',
  to: 'texts',
  size: 'count',
  peer: 'text',
  helo: 'text',
  session: 'text?',
  tls: 'text?',
  cipher: 'text?',
  meta: 'json?',
  headers: 'json?',
} as const;

/** The id is spent, whether or not the mail has a row. */
const spend = (books: Books, applied: Applied): void => {
  const number = numberOfMessageId(applied.stream);
  invariant(number >= 0, `${applied.stream} is no message id`);
  books.engine.number = Math.max(books.engine.number, number + 1);
};

export const reportReceived = define('report.received')<ReportEnvelope>({
  version: 1,
  says: 'Mail with a report of failures was taken over that goes no further.',
  shape: ENVELOPE_SHAPE,
  upcast: {},
  apply: (books, _body, applied) => spend(books, applied),
});

export const reportBounced = define('report.bounced')<ReportedBounce>({
  version: 1,
  says: 'A report said that another server did not reach a recipient.',
  shape: {
    ...ENVELOPE_SHAPE,
    reporter: 'text',
    recipient: 'text',
    status: 'text',
    code: 'code',
    text: 'text',
    tried: 'at?',
    block: 'json',
    trace: 'json?',
  },
  upcast: {},
  apply: (books, _body, applied) => spend(books, applied),
});

export const reportComplained = define('report.complained')<ReportedComplaint>({
  version: 1,
  says: 'A report said that somebody complained of a message.',
  shape: { ...ENVELOPE_SHAPE, feedback: 'json' },
  upcast: {},
  apply: (books, _body, applied) => spend(books, applied),
});
