/**
 * Message ids: 32 hex digits = 12 of accepted-at milliseconds, 8 of the data directory's node id,
 * 12 of a running number. So an id sorts by time, is unique without asking anyone, and a row keeps
 * only the number: the rest is derived. Knows nothing of where ids are stored.
 */
import { invariant } from './invariant.ts';

const NUMBER_MAX = 2 ** 48;

/** Builds the id of message `number` accepted at `at` (ms) by `node` (8 hex digits). */
export function formatMessageId(at: number, node: string, number: number): string {
  invariant(number >= 0 && number < NUMBER_MAX, `message number ${number} out of range`);
  return at.toString(16).padStart(12, '0') + node + number.toString(16).padStart(12, '0');
}

/** The running number inside an id, or -1 when the text is no id. */
export function numberOfMessageId(id: string): number {
  return /^[0-9a-f]{32}$/.test(id) ? Number.parseInt(id.slice(20), 16) : -1;
}

/** The acceptance time inside an id, in milliseconds. */
export const acceptedAtOfMessageId = (id: string): number => Number.parseInt(id.slice(0, 12), 16);
