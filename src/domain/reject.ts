/**
 * How code of a policy refuses something, and whether for good: an SMTP-like code and a text,
 * thrown; and whether an SMTP session ends with it. It is recognised by a mark, because a compiled
 * policy carries its own copy of this file.
 * Deliberately unknown here: who refused what.
 */

/**
 * How a session ends: whatever the code was, with a 421 after the answer, or only if the code is
 * 421.
 */
export type DisconnectMode = 'ForceDisconnect' | 'FollowWith421' | 'If421';

/** A refusal: 400 to 499 is tried again, anything else never. */
export interface Rejection {
  readonly code: number;
  readonly text: string;
  /** `If421` without it. */
  readonly mode?: DisconnectMode;
}

const MARK = Symbol.for('waybill.reject.1');
type Marked = { readonly [MARK]?: Rejection };

const CODE_MIN = 400;
const CODE_MAX = 599;
const CAUSES_MAX = 16;

/** Refuses: 400 to 499 for now, 500 to 599 for good. What it throws must not be swallowed. */
export function reject(code: number, text: string): never {
  return refuse('reject', { code, text: String(text) });
}

const MODES: readonly DisconnectMode[] = ['ForceDisconnect', 'FollowWith421', 'If421'];

/** Refuses as `reject` does and ends the SMTP session in which it is said. */
export function disconnect(
  code: number,
  text: string,
  mode: DisconnectMode = 'ForceDisconnect',
): never {
  if (MODES.includes(mode)) return refuse('disconnect', { code, text: String(text), mode });
  throw new TypeError(`disconnect: ${String(mode)} is none of ${MODES.join(', ')}`);
}

function refuse(what: string, rejection: Rejection): never {
  const { code, text } = rejection;
  if (!Number.isInteger(code) || code < CODE_MIN || code > CODE_MAX) {
    throw new TypeError(`${what}: ${String(code)} is not a code from ${CODE_MIN} to ${CODE_MAX}`);
  }
  throw Object.assign(new Error(`${code} ${text}`), { [MARK]: rejection });
}

/** The refusal in what was thrown, or in what caused it; undefined where there is none. */
export function rejectionOf(thrown: unknown): Rejection | undefined {
  let error = thrown;
  for (let depth = 0; error instanceof Error && depth < CAUSES_MAX; depth += 1) {
    const rejection = (error as Marked)[MARK];
    if (rejection !== undefined) return rejection;
    error = error.cause;
  }
  return undefined;
}
