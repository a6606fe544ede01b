/**
 * The words of the shipper's chart: the signals it hears, the hands and guards it may name.
 * They are mute here; hands.ts and guards.ts give them meaning, walks over the chart do without.
 * Deliberately unknown here: states; those are in chart.ts.
 */
import { setup } from 'xstate';
import { InvariantBroken } from '../../domain/invariant.ts';
import type { Held } from './held.ts';

/** What the chart hears; what came with it is held. */
export interface ShipperSignal {
  readonly type:
    | 'begin.wanted'
    | 'records.committed'
    | 'batch.settled'
    | 'batch.failed'
    | 'letters.buried'
    | 'letters.refused'
    | 'cursor.saved'
    | 'cursor.refused'
    | 'sink.closed'
    | 'deadline.passed'
    | 'patience.ended'
    | 'pause.wanted'
    | 'resume.wanted'
    | 'skip.wanted'
    | 'stop.wanted'
    | 'shape.changed';
}

const mute = (): void => {};
const deny = (): boolean => false;

/** The vocabulary that `createMachine` is called on. */
export const vocabulary = setup({
  types: {
    // XState copies the context once, at the start; what is held must stay one object.
    context: {} as { readonly held: Held },
    events: {} as ShipperSignal,
    input: {} as Held,
  },
  actions: {
    lookAhead: mute,
    awaitMoment: mute,
    awaitRecords: mute,
    awaitCompany: mute,
    awaitToken: mute,
    awaitRetry: mute,
    awaitMending: mute,
    awaitWish: mute,
    sendBatch: mute,
    hurry: mute,
    abortSend: mute,
    noteSettled: mute,
    noteFailed: mute,
    noteStuck: mute,
    skipRecords: mute,
    buryLetters: mute,
    noteBuried: mute,
    saveCursor: mute,
    noteSaved: mute,
    closeSink: mute,
    noteClosed: mute,
    abandonSink: mute,
    shortenRetry: mute,
    flush: mute,
    dropWaits: mute,
    tellEnded: mute,
    refuseSignal: ({ event }) => {
      throw new InvariantBroken(`shipper: ${event.type} is not expected here`);
    },
  },
  guards: {
    mustSave: deny,
    mustBury: deny,
    mustClose: deny,
    isUnreadable: deny,
    isSkipping: deny,
    isSearching: deny,
    isLeaving: deny,
    isStopping: deny,
    isPaused: deny,
    isDisabled: deny,
    isCalled: deny,
    hasNothing: deny,
    isTooFew: deny,
    lacksToken: deny,
  },
});
