/**
 * The words of the connection's chart: the signals it hears, the effects and guards it may name.
 * They are mute here; effects.ts and guards.ts give them hands, walks over the chart do without.
 * Deliberately unknown here: states; those are in chart.ts.
 */
import { setup } from 'xstate';
import { InvariantBroken } from '../../domain/invariant.ts';
import type { Conversation } from './conversation.ts';

/** What the chart hears; what came with it is held in the conversation. */
export interface ConnectionSignal {
  readonly type:
    | 'dial.allowed'
    | 'dial.denied'
    | 'link.opened'
    | 'link.secured'
    | 'link.lost'
    | 'greeting.answered'
    | 'introduction.answered'
    | 'upgrade.answered'
    | 'authentication.answered'
    | 'envelope.answered'
    | 'body.answered'
    | 'reset.answered'
    | 'parting.answered'
    | 'service.closed'
    | 'dialogue.broken'
    | 'deadline.passed'
    | 'message.given'
    | 'body.released'
    | 'body.drained'
    | 'stop.wanted'
    | 'abort.wanted';
}

const mute = (): void => {};
const deny = (): boolean => false;

/** The vocabulary that `createMachine` is called on. */
export const vocabulary = setup({
  types: {
    // XState copies the context once, at the start; what is held must stay one object.
    context: {} as { readonly held: Conversation },
    events: {} as ConnectionSignal,
    input: {} as Conversation,
  },
  actions: {
    askToDial: mute,
    dialCandidate: mute,
    awaitGreeting: mute,
    sendIntroduction: mute,
    sendPlainIntroduction: mute,
    sendUpgrade: mute,
    startHandshake: mute,
    sendCredentials: mute,
    refuseWithoutTls: mute,
    refuseWithoutIdentity: mute,
    refuseWithoutLogin: mute,
    goOnInClear: mute,
    retryInClear: mute,
    noteFailure: mute,
    tellOpened: mute,
    tellIdle: mute,
    sendEnvelope: mute,
    awaitBody: mute,
    sendWhole: mute,
    sendBody: mute,
    sendMore: mute,
    awaitVerdict: mute,
    sendLoneDot: mute,
    settle: mute,
    settleUnsent: mute,
    settleBroken: mute,
    noteIdleEnd: mute,
    noteStop: mute,
    noteDenial: mute,
    sendReset: mute,
    sendParting: mute,
    dropLink: mute,
    tellEnded: mute,
    refuseSignal: ({ event }) => {
      throw new InvariantBroken(`connection: ${event.type} is not expected here`);
    },
  },
  guards: {
    isGranted: deny,
    isSpoiled: deny,
    isCutShort: deny,
    canIntroducePlainly: deny,
    lacksTls: deny,
    lacksIdentity: deny,
    wantsTls: deny,
    lacksLogin: deny,
    wantsLogin: deny,
    mayGoOnInClear: deny,
    mayRetryInClear: deny,
    mayRetryAfterTls: deny,
    isUnsayable: deny,
    isForNobody: deny,
    isTurnedDown: deny,
    isReleased: deny,
    isReleasedWhole: deny,
    isWritten: deny,
    isSpent: deny,
    isUnclean: deny,
    mustAskToDial: deny,
    hasCandidate: deny,
  },
});
