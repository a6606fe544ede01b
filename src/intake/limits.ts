/**
 * The bounds of the SMTP intake that no listener option names, each with its reason.
 * The one idea: whatever a stranger can make grow has a number here. Nothing here acts.
 */

/** Sessions of one address that is not in relay_hosts. */
export const SESSIONS_PER_ADDRESS_MAX = 50;
/** Refused connections that may still be reading their refusal; more are dropped unheard. */
export const REFUSED_LINGERING_MAX = 256;
/** How long a stranger must be silent before the greeting; who talks earlier is no mail server. */
export const GREETING_WAIT_MS = 100;
/** Refused commands and messages of one session, until a message is accepted. */
export const ERRORS_MAX = 10;
/** Below this pace a data phase only holds a session; as Postfix measures it under stress. */
export const DATA_BYTES_PER_SECOND_MIN = 500;
/** From MAIL to DATA. */
export const ENVELOPE_MS_MAX = 5 * 60_000;
/** From DATA to the final dot, however fast. */
export const DATA_MS_MAX = 60 * 60_000;
/** Message bytes that all sessions of a listener hold together. */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;
/** A message that goes on this far beyond max_message_size is cut off before its dot. */
export const OVERRUN_BYTES_MAX = 32 * 1024 * 1024;
/** A reply line with its code, without its CRLF (RFC 5321 section 4.5.3.1.5 says 512 with it). */
export const REPLY_LINE_BYTES_MAX = 510;
/** How often deadlines are looked at; a deadline is late by this much at most. */
export const SWEEP_MS = 500;
/** How often a certificate file is read again. */
export const IDENTITY_MS_MAX = 5 * 60_000;
/** Header fields kept for readers of the log, per message: names and values together. */
export const CAPTURED_BYTES_MAX = 8 * 1024;
