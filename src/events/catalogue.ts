/**
 * The list of all events: the one place that says what can have happened. Types, codec, replay and
 * documents derive from it.
 */
import * as admin from './admin.ts';
import * as engine from './engine.ts';
import * as erasure from './erasure.ts';
import * as generation from './generation.ts';
import * as message from './message.ts';
import * as byHand from './message-by-hand.ts';
import * as waiting from './message-waiting.ts';
import * as ndr from './ndr.ts';
import * as policy from './policy.ts';
import * as queue from './queue.ts';
import * as rate from './rate.ts';
import * as reception from './reception.ts';
import * as report from './report.ts';
import * as source from './source.ts';

/** Every event definition. */
export const catalogue = [
  message.messageAccepted,
  message.messageRecovered,
  message.messageOffered,
  message.messageDelivered,
  message.messageBounced,
  message.messageDeferred,
  waiting.messageScheduled,
  waiting.messagePostponed,
  message.messageUnsettled,
  waiting.messageReturned,
  message.messageExpired,
  byHand.messageCancelled,
  byHand.messagePurged,
  waiting.messageQuarantined,
  waiting.messageMoved,
  waiting.messageLost,
  byHand.messageRebound,
  queue.queueOpened,
  queue.queueConfigured,
  queue.queueRouted,
  queue.queueRested,
  queue.queueWoke,
  queue.queueSuspended,
  queue.queueResumed,
  queue.queueRetired,
  source.sourceOpened,
  source.sourceConfigured,
  source.sourceSuspended,
  source.sourceResumed,
  source.sourceRetired,
  admin.suspensionPlaced,
  admin.suspensionLifted,
  admin.suspensionEnded,
  admin.purgeOrdered,
  admin.purgeCancelled,
  admin.purgeEnded,
  admin.rebindOrdered,
  admin.rebindFinished,
  admin.operatorActed,
  generation.generationAccepted,
  generation.generationAdvanced,
  generation.generationFinished,
  erasure.erasureOrdered,
  erasure.erasureListed,
  erasure.erasureFinished,
  ndr.ndrOwed,
  ndr.ndrMoved,
  ndr.ndrGenerated,
  ndr.ndrWaived,
  rate.rateReserved,
  reception.receptionRefused,
  report.reportReceived,
  report.reportBounced,
  report.reportComplained,
  engine.engineStarted,
  engine.engineStopped,
  policy.policyLoaded,
  policy.policyActivated,
  policy.policyAnswered,
  policy.policyFaulted,
  policy.pathConfigured,
  engine.logDamaged,
] as const;

type BodyOf<D> = D extends { apply: (books: never, body: infer B, applied: never) => void }
  ? B
  : never;

/** Every event, as a union by `type`. */
export type Event = {
  [D in (typeof catalogue)[number] as D['type']]: {
    readonly type: D['type'];
    readonly stream: string;
    readonly body: BodyOf<D>;
  };
}[(typeof catalogue)[number]['type']];

/** The dotted name of an event. */
export type EventType = Event['type'];
