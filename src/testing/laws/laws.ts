/**
 * The laws that are shipped, by name; `waybill check` judges all of them. The one idea: a law that
 * a policy gives no occasion for holds, so one list fits every policy. Knows no single law's how.
 */
import type { Result } from '../result.ts';
import { noQueueIsStarved } from './fairness.ts';
import type { Breach, Law } from './law.ts';
import { conservation, cutOffAttemptsAreTold, everyReplyHasAClass } from './mail.ts';
import { handlersAnswer, theLoaderAcceptsIt } from './policy.ts';
import { calmBringsProgress, everyQueueHasAnExit } from './progress.ts';
import {
  deferredMailIsTriedAgain,
  mailExpiresByMaxAge,
  retriesFollowTheSchedule,
} from './schedule.ts';
import { connectionLimitsHold, ratesHold } from './shaping.ts';
import { sinksHearOnlyWhatHappened, sinksHoldABoundedBacklog, sinksMissNothing } from './sinks.ts';
import {
  allSuspendedWaitsForTheEarliest,
  noSuspendedSourceIsChosen,
  onlyMembersAreChosen,
  suspensionsEndBeforeTheMail,
} from './sources.ts';

/** Every shipped law that needs no declaration. */
export const laws: readonly Law[] = [
  theLoaderAcceptsIt,
  handlersAnswer,
  conservation,
  everyReplyHasAClass,
  cutOffAttemptsAreTold,
  noSuspendedSourceIsChosen,
  onlyMembersAreChosen,
  allSuspendedWaitsForTheEarliest,
  suspensionsEndBeforeTheMail,
  connectionLimitsHold,
  ratesHold,
  retriesFollowTheSchedule,
  deferredMailIsTriedAgain,
  mailExpiresByMaxAge,
  everyQueueHasAnExit,
  calmBringsProgress,
  noQueueIsStarved,
  sinksMissNothing,
  sinksHearOnlyWhatHappened,
  sinksHoldABoundedBacklog,
];

/** A breach, and the law that it is of. */
export interface Broken {
  readonly law: Law;
  readonly breach: Breach;
}

/** The first of the laws that a result breaks. */
export function findBroken(result: Result, judged: readonly Law[] = laws): Broken | undefined {
  for (const law of judged) {
    const breach = law.find(result.observed);
    if (breach !== undefined) return { law, breach };
  }
  return undefined;
}
