/**
 * What a client hears when the policy refuses, fails, or takes too long. The idea: whatever code of
 * a policy says, it is some whole reply lines and nothing else. It does not know who asked what.
 */
import type { ReceptionHandler } from '../domain/reception-asker.ts';
import type { Rejection } from '../domain/reject.ts';
import { REPLY_LINE_BYTES_MAX } from './limits.ts';
import type { Reply } from './transaction.ts';

/** Lines of one reply. */
const LINES_MAX = 32;
/** A line without its code. */
const TEXT_BYTES_MAX = REPLY_LINE_BYTES_MAX - '250 '.length;
// A client that did not ask for SMTPUTF8 must not see more than ASCII (RFC 6531 section 3.7.4).
const UNSAFE = /[^\x20-\x7e]+/g;

/** The lines of a text as a reply may have them. */
export function replyLines(text: string): string[] {
  const lines = text.trimEnd().split(/\r?\n/, LINES_MAX);
  return lines.map((line) => line.replace(UNSAFE, '?').slice(0, TEXT_BYTES_MAX));
}

/** A rejection as it is said: its text may begin with an enhanced code, and passes as it is. */
export function replyOf({ code, text, mode }: Rejection): Reply {
  const said = replyLines(text).join('\n');
  return { code, enhanced: '', text: said, ...(mode === undefined ? {} : { mode }) };
}

/** A handler failed: the session ends, since nobody knows what it would have said. */
export const TECHNICAL: Reply = {
  code: 421,
  enhanced: '4.3.0',
  text: 'technical difficulties, try again later',
};

/** Handlers about a session: when one takes too long there is nothing to go on with. */
const OF_SESSION: ReadonlySet<ReceptionHandler> = new Set([
  'smtp_server_get_dynamic_parameters',
  'smtp_server_connection_accepted',
  'smtp_server_ehlo',
  'smtp_server_auth_plain',
]);

/** A handler did not answer in time. */
export function lateReply(handler: ReceptionHandler): Reply {
  const code = OF_SESSION.has(handler) ? 421 : 451;
  return { code, enhanced: '4.4.5', text: `${handler} took too long, try again later` };
}
