/**
 * How code of a policy says that a receiver refused something, and whether for good: an SMTP-like
 * code and a text, thrown. It is recognised by a mark, because a compiled policy carries its own
 * copy of this file.
 * Deliberately unknown here: who refused what.
 */

/** A refusal: 400 to 499 is tried again, anything else never. */
export interface Rejection {
  readonly code: number;
  readonly text: string;
}

const MARK = Symbol.for('waybill.reject.1');
type Marked = { readonly [MARK]?: Rejection };

const CODE_MIN = 400;
const CODE_MAX = 599;
const CAUSES_MAX = 16;

/** Refuses: 400 to 499 for now, 500 to 599 for good. What it throws must not be swallowed. */
export function reject(code: number, text: string): never {
  if (!Number.isInteger(code) || code < CODE_MIN || code > CODE_MAX) {
    throw new TypeError(`reject: ${String(code)} is not a code from ${CODE_MIN} to ${CODE_MAX}`);
  }
  const rejection: Rejection = { code, text: String(text) };
  throw Object.assign(new Error(`${code} ${rejection.text}`), { [MARK]: rejection });
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
