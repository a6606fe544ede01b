/**
 * What can happen at a listener that is about no message: a command was refused. The stream is the
 * listener's address. Changes no book: it is written for those who read the log.
 */
import { define } from './define.ts';

/** Body of `reception.refused`. */
export interface RefusedBody {
  readonly peer: string;
  readonly helo: string;
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
  /** The offending line, shortened; DATA where the message was refused. */
  readonly command: string;
  /** UUID of the session. */
  readonly session: string;
  /** Sender and last recipient of the transaction it happened in. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  /** Refusals before this one that were too many to be written. */
  readonly missed?: number | undefined;
}

export const receptionRefused = define('reception.refused')<RefusedBody>({
  version: 1,
  says: 'A client was refused a command, or a message that it had sent.',
  shape: {
    peer: 'text',
    helo: 'text',
    code: 'code',
    enhanced: 'text',
    text: 'text',
    command: 'text',
    session: 'text',
    from: 'text?',
    to: 'text?',
    tls: 'text?',
    cipher: 'text?',
    meta: 'json?',
    missed: 'count?',
  },
  upcast: {},
  apply() {},
});
