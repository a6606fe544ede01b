/**
 * Operators' rules and suspended sources, put into the words of the routes that list them. Knows
 * neither requests nor the engine, so books rebuilt from the log are shown the same way.
 */
import type { AdminRule } from '../domain/admin-rules.ts';
import { formatDuration } from '../domain/duration.ts';

const criteriaFields = ({ criteria }: AdminRule) => ({
  campaign: criteria.campaign ?? null,
  tenant: criteria.tenant ?? null,
  domain: criteria.domain ?? null,
  ...(criteria.queue_names === undefined ? {} : { queue_names: criteria.queue_names }),
});

const leftOf = ({ until }: AdminRule, at: number): string => formatDuration(until - at);

/** A suspension of scheduled queues. */
export const showSuspension = (rule: AdminRule, at: number) => ({
  id: rule.id,
  ...criteriaFields(rule),
  reason: rule.cause,
  duration: leftOf(rule, at),
});

/** A suspension of a ready queue. */
export const showReadySuspension = (rule: AdminRule, at: number) => ({
  id: rule.id,
  name: rule.ready,
  reason: rule.cause,
  duration: leftOf(rule, at),
  expires: new Date(rule.until).toISOString(),
});

/** A bounce. */
export const showBounce = (rule: AdminRule, at: number) => ({
  id: rule.id,
  ...criteriaFields(rule),
  routing_domain: rule.criteria.routing_domain ?? null,
  reason: rule.cause,
  duration: leftOf(rule, at),
  bounced: Object.fromEntries(rule.counts),
  total_bounced: [...rule.counts.values()].reduce((sum, one) => sum + one, 0),
});

/** A source that is out of rotation. */
export interface SuspendedSource {
  readonly source: string;
  /** `Unplumbed`, `ProxyUnhealthy` or `Operator`. */
  readonly reason: string;
  /** In words: what failed, or what the operator said. */
  readonly cause: string;
  /** Engine time, ms. */
  readonly until: number;
}

/** One as it is listed. */
export const showSuspended = ({ source, reason, cause, until }: SuspendedSource, now: number) => ({
  source,
  reason,
  cause,
  until: new Date(until).toISOString(),
  remaining: formatDuration(Math.max(0, until - now)),
});
