/**
 * What rows have paid on their way to a connection: tokens of the rates of their queue, of the
 * policy's handler and of the choice of a source. They stay with the row while it waits, go with it
 * to a connection, come back with it if that tried nothing, and are given back where the row goes
 * another way without an attempt: what did not happen is not counted. Asks for no token.
 */
import type { Core } from './core.ts';
import type { Token } from './rationing.ts';
import { returnToken } from './rationing.ts';

/** Nothing was paid, or it is used up. */
export const NO_TOKENS: readonly Token[] = [];

/** A row paid a token. */
export function payFare({ fares }: Core, slot: number, token: Token): void {
  const paid = fares.get(slot);
  if (paid === undefined) fares.set(slot, [token]);
  else paid.push(token);
}

/** An attempt is made, or counted: the row's tokens are the caller's, and its own no more. */
export function takeFares({ fares }: Core, slot: number): readonly Token[] {
  const paid = fares.get(slot);
  if (paid === undefined) return NO_TOKENS;
  fares.delete(slot);
  return paid;
}

/** The row goes another way: what it paid is given back. */
export function refundFares(core: Core, slot: number): void {
  if (core.fares.size === 0) return;
  for (const token of takeFares(core, slot)) returnToken(core, token);
}
