/**
 * What following the policy cost so far, in numbers, for metrics. Deliberately unknown here: who
 * counts.
 */

/** What configuration cost so far, for metrics. */
export interface Tallies {
  /** Answers asked for again, of queues and of ready queues. */
  refreshes: number;
  /** Those of them that failed: what was in force stayed. */
  refreshesFailed: number;
  /** Faults of handlers that were recorded. */
  policyFaults: number;
  /** Messages that had to wait for a rate of the policy. */
  throttled: number;
  /** Messages moved to another queue. */
  rebound: number;
  /** Routes that ended because an enforced MTA-STS policy allows none of the exchangers. */
  stsImpossible: number;
}
