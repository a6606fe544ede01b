/**
 * Growing too old. Driven by the wheel alone, so that no connection, resolver or ready queue can
 * keep a message past its age: a row in any hands is ended; one in flight gets a short grace first.
 * Knows no retry schedule (that may expire a message earlier).
 */
import { formatDuration } from '../../domain/duration.ts';
import { isoTime } from '../../domain/retry.ts';
import type { Core } from '../core.ts';
import { PLACE_LEAVING } from '../held-rows.ts';
import {
  addressesOf,
  emitLast,
  expiresAtOf,
  isOffered,
  leftIndexes,
  messageIdOf,
  movePlace,
  needEnvelope,
  whereaboutsOf,
} from '../rows-in-hand.ts';

/** Ends a row that is too old at `at`; `abandon` takes it out of a connection's hands. */
export function expireRow(
  core: Core,
  slot: number,
  at: number,
  abandon: (slot: number, why: string) => void,
): void {
  if (isOffered(core, slot)) {
    const lastAt = expiresAtOf(core, slot) + core.limits.expiryGraceMs;
    if (at < lastAt) {
      core.wheel.set(slot, lastAt);
      return;
    }
    const { rows } = core.books;
    const number = rows.columns.number[slot] as number;
    abandon(slot, 'the message grew too old while the attempt was under way');
    // The end of the attempt may have been the end of the message.
    if (rows.find(number) !== slot) return;
  }
  movePlace(core, slot, PLACE_LEAVING);
  core.wheel.clear(slot);
  const envelope = needEnvelope(core, slot, 'expire');
  if (envelope !== undefined) emitExpired(core, slot, envelope, at);
}

/** The event itself; without `envelope` when it could not be read back. */
export function emitExpired(
  core: Core,
  slot: number,
  envelope: { readonly to: readonly string[] } | undefined,
  at: number,
): void {
  const index = leftIndexes(core, slot);
  emitLast(core, slot, {
    type: 'message.expired',
    stream: messageIdOf(core, slot),
    body: {
      to: addressesOf(envelope, index),
      index,
      text: `551 5.4.7 ${whyExpired(core, slot, at)}`,
      ...whereaboutsOf(core, slot),
    },
  });
}

function whyExpired(core: Core, slot: number, at: number): string {
  const acceptedAt = core.books.rows.columns.acceptedAt[slot] as number;
  const expiresAt = expiresAtOf(core, slot);
  if (core.books.rows.schedules.get(slot)?.expires !== undefined) {
    return `the message's expiry at ${isoTime(expiresAt)} has come`;
  }
  const most = formatDuration(expiresAt - acceptedAt);
  return `age ${formatDuration(at - acceptedAt)} exceeds max_age=${most}`;
}
