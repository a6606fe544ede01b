/**
 * Rates on the way from a scheduled queue into a ready queue: that of the queue itself, and those
 * that say how often a source may be chosen. The first token is asked for before a source is looked
 * for, the second when room is found. Deliberately unknown here: how sources are picked.
 */
import type { Core, HeldQueue, ReadyQueue } from './core.ts';
import { payFare } from './fares.ts';
import type { Denial } from './quota-lines.ts';
import { askTokens, spendToken } from './rationing.ts';

/** Tokens asked for at once of those who answer late. */
const BATCH_MAX = 64;

/** True while the queue waits in a line, and it is not its turn; or for an answer. */
export function mustWait(core: Core, { shaping }: HeldQueue, at: number): boolean {
  const { lines } = core;
  return (
    shaping.isPassing ||
    lines.isWaiting(shaping.promoter, at) ||
    lines.isWaiting(shaping.chooser, at)
  );
}

/** True when the rate of the queue lets one more message be made ready. */
export function mayPromote(core: Core, queue: HeldQueue, at: number): boolean {
  const { promoting, promoter } = queue.shaping;
  if (promoting.rates.length === 0) return true;
  const wanted = promoting.isLate ? Math.min(queue.due.length + 1, BATCH_MAX) : 1;
  const word = askTokens(core, promoting, promoter, wanted, at);
  if (word === 'had') return true;
  if (word !== 'asking') {
    core.delays.messageRate.add(queue.row.name);
    // Whoever comes behind it in the line for a source may be able to use its turn.
    core.lines.leave(queue.shaping.chooser);
    core.lines.stand(promoter, word);
  }
  return false;
}

/** A message is made ready: it pays for the rate of its queue and for the choice of the source. */
export function payPromotion(core: Core, queue: HeldQueue, ready: ReadyQueue, slot: number): void {
  const { promoting } = queue.shaping;
  const { choosing } = ready.shaping;
  if (promoting.rates.length > 0) payFare(core, slot, spendToken(promoting));
  if (choosing.rates.length > 0) payFare(core, slot, spendToken(choosing));
}

/**
 * While another answer is awaited, what the queue's own rate granted stays: given back, it would
 * have to be asked for again when that answer comes, which then would be given back in its turn.
 */
export function keepPromotions({ shaping }: HeldQueue, isAwaiting: boolean): void {
  shaping.promoting.isKept = isAwaiting;
}

/** Whether the source of a ready queue with room may be chosen: there is a token for it. */
export function mayChoose(
  core: Core,
  queue: HeldQueue,
  ready: ReadyQueue,
  members: number,
  at: number,
): 'had' | 'asking' | Denial {
  const { shaping, path, size } = ready;
  const { choosing, refused } = shaping;
  if (choosing.rates.length === 0) return 'had';
  const share = Math.ceil((queue.due.length + 1) / members);
  const room = shaping.isSlow ? 1 : path.max_ready - size;
  const wanted = choosing.isLate ? Math.min(share, room, BATCH_MAX) : 1;
  const word = askTokens(core, choosing, queue.shaping.chooser, wanted, at);
  if (word === 'had') {
    refused.delete(queue);
    queue.shaping.refusedBy.delete(ready);
  } else if (word !== 'asking') {
    refused.add(queue);
    queue.shaping.refusedBy.add(ready);
  }
  return word;
}
