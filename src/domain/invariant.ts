/**
 * Assertions that stay on in production: our own bug ends the process, and replay is the recovery.
 * Knows nothing of what is being asserted, and never of the world's or the operator's mistakes.
 */

/** Thrown when we err; nobody catches it but the program, which exits. */
export class InvariantBroken extends Error {
  override name = 'InvariantBroken';
}

/** Throws `InvariantBroken` unless `condition` holds. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantBroken(what);
}
