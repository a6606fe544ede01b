/**
 * The hands and guards of the shipper's chart, by their names; the work is elsewhere.
 * Deliberately unknown here: which state follows which.
 */
import { abandonSink, closeSink, noteClosed } from './closing.ts';
import type { Held } from './held.ts';
import { awaitMs, dropWaits, untilOf } from './held.ts';
import {
  awaitMending,
  buryLetters,
  noteBuried,
  noteSaved,
  saveCursor,
  skipRecords,
} from './keeping.ts';
import { awaitCompany, awaitRecords, awaitWish, isSearching, lookAhead } from './reading.ts';
import {
  abortSend,
  awaitRetry,
  awaitToken,
  hurry,
  isTooFew,
  noteFailed,
  noteSettled,
  noteStuck,
  sendBatch,
  shortenRetry,
  tokenWaitMs,
} from './sending.ts';

interface Scene {
  readonly context: { readonly held: Held };
}

const hand =
  (work: (held: Held) => void) =>
  ({ context }: Scene): void =>
    work(context.held);

const guard =
  (question: (held: Held) => boolean) =>
  ({ context }: Scene): boolean =>
    question(context.held);

/** The hands by the names of the chart. */
export const actions = {
  lookAhead: hand(lookAhead),
  awaitMoment: hand((held) => awaitMs(held, 0, 'deadline.passed')),
  awaitRecords: hand(awaitRecords),
  awaitCompany: hand(awaitCompany),
  awaitToken: hand(awaitToken),
  awaitRetry: hand(awaitRetry),
  awaitMending: hand(awaitMending),
  awaitWish: hand(awaitWish),
  sendBatch: hand(sendBatch),
  hurry: hand(hurry),
  abortSend: hand(abortSend),
  noteSettled: hand(noteSettled),
  noteFailed: hand(noteFailed),
  noteStuck: hand(noteStuck),
  skipRecords: hand(skipRecords),
  buryLetters: hand(buryLetters),
  noteBuried: hand(noteBuried),
  saveCursor: hand(saveCursor),
  noteSaved: hand(noteSaved),
  closeSink: hand(closeSink),
  noteClosed: hand(noteClosed),
  abandonSink: hand(abandonSink),
  shortenRetry: hand(shortenRetry),
  flush: hand((held) => {
    held.isFlushing = true;
  }),
  dropWaits: hand(dropWaits),
  tellEnded: hand(tellEnded),
};

function tellEnded(held: Held): void {
  held.isOver = true;
  held.cancelPatience();
  held.sending?.abort.abort();
  for (const answered of held.standingAnswers.splice(0)) answered('the hook ended before');
  held.skip?.answered(held.skip.done);
  held.skip = undefined;
  held.parts.tell({ kind: 'ended' });
}

/** Whether a replay came to its end. */
export const isThrough = (held: Held): boolean =>
  held.readUpto >= untilOf(held) && held.hand.count === 0;

function mustClose(held: Held): boolean {
  if (!held.isConnected) return false;
  if (held.standing !== 'running') return true;
  const { maxDeliveriesPerConnection: most, idleTimeoutMs } = held.shape;
  if (most > 0 && held.deliveries >= most) return true;
  const idleMs = held.parts.timers.steadyMs() - held.usedAtMs;
  return held.hand.count === 0 && idleMs >= idleTimeoutMs;
}

/** The guards by the names of the chart. */
export const guards = {
  mustSave: guard((held) => held.isSaveDue),
  mustBury: guard((held) => held.letters.length > 0),
  mustClose: guard(mustClose),
  isUnreadable: guard((held) => held.stalling !== undefined),
  isSkipping: guard((held) => (held.skip?.left ?? 0) > 0 && held.hand.count > 0),
  isSearching: guard(isSearching),
  isLeaving: guard((held) => (held.isStopping && !held.isFlushing) || isThrough(held)),
  isStopping: guard((held) => held.isStopping),
  isPaused: guard((held) => held.standing === 'paused'),
  isDisabled: guard((held) => held.standing === 'disabled'),
  isCalled: guard(
    (held) => held.isStopping || held.standing !== 'running' || held.skip !== undefined,
  ),
  hasNothing: guard((held) => held.hand.count === 0),
  isTooFew: guard(isTooFew),
  lacksToken: guard((held) => tokenWaitMs(held) > 0),
};
