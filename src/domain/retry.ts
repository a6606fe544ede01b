/**
 * When a message is tried again, and when it has waited too long. The idea: delays double from a
 * base up to a cap, with a jitter that depends on the base alone, and a message expires as soon as
 * its *next* attempt would come too late, so nobody waits for an attempt that cannot help.
 * Deliberately unknown here: clocks and randomness (both are arguments), queues, events.
 */

import type { At, Ms } from '../ports/ports.ts';
import { formatDuration } from './duration.ts';
import type { Reply } from './reply.ts';

/** The part of a queue's configuration that says when to try again. */
export interface RetrySchedule {
  readonly retry_interval: Ms;
  readonly max_retry_interval?: Ms;
}

/** The same, with the lifetime of a message. */
export interface RetryLimits extends RetrySchedule {
  readonly max_age: Ms;
}

/** What the fate of a waiting message is decided on. */
export interface Waiting {
  readonly createdAt: At;
  readonly now: At;
  /** The message's own expiry; `max_age` then plays no part. */
  readonly expiresAt?: At | undefined;
  /** Moves a time to the next at which the message may go out. */
  readonly opens?: (at: At) => At;
}

/** Either the message waits until `dueAt`, or it has expired, and `text` says why. */
export type NextAttempt =
  | { readonly expired: false; readonly dueAt: At }
  | { readonly expired: true; readonly text: string };

// An uncapped schedule doubles for ever; a thousand years is as good as never and still a date.
const DELAY_S_MAX = 31_557_600_000;
const JITTER_MS_MAX = 60_000;
const JITTER_SHARE = 20;
const DELAY_MS_MIN = 1_000;
// 2^64 times any interval of a second is past DELAY_S_MAX; more would only reach Infinity.
const DOUBLINGS_MAX = 64;

/** The delay after `attemptsMade` earlier attempts, without jitter, in whole seconds. */
export function plainDelayMs(schedule: RetrySchedule, attemptsMade: number): Ms {
  const baseS = Math.floor(schedule.retry_interval / 1_000);
  const cap = schedule.max_retry_interval;
  const capS = cap === undefined ? DELAY_S_MAX : Math.floor(cap / 1_000);
  const doublings = Math.min(Math.max(0, attemptsMade), DOUBLINGS_MAX);
  return Math.min(baseS * 2 ** doublings, capS, DELAY_S_MAX) * 1_000;
}

/** The delay with jitter: up to half of min(retry_interval / 20, 60s) to either side. */
export function retryDelayMs(
  schedule: RetrySchedule,
  attemptsMade: number,
  uniform: () => number,
): Ms {
  const widthS = Math.min(schedule.retry_interval / JITTER_SHARE, JITTER_MS_MAX) / 1_000;
  const jitterS = Math.trunc((uniform() - 0.5) * widthS);
  // Below a second a message would be tried in a loop, as fast as the receiver answers.
  return Math.max(DELAY_MS_MIN, plainDelayMs(schedule, attemptsMade) + jitterS * 1_000);
}

/** Decides after a failed attempt: when to try next, or that the message has expired. */
export function nextAttempt(
  limits: RetryLimits,
  waiting: Waiting,
  attemptsMade: number,
  uniform: () => number,
): NextAttempt {
  const delayMs = retryDelayMs(limits, attemptsMade, uniform);
  const wantedAt = waiting.now + delayMs;
  const dueAt = waiting.opens?.(wantedAt) ?? wantedAt;
  if (waiting.expiresAt !== undefined) return untilExpiry(dueAt, waiting.expiresAt);
  const ageMs = Math.max(0, waiting.now - waiting.createdAt) + dueAt - waiting.now;
  if (ageMs <= limits.max_age) return { expired: false, dueAt };
  const late = `${formatDuration(ageMs)} after creation`;
  const most = `max_age=${formatDuration(limits.max_age)}`;
  return { expired: true, text: `Next delivery time would be ${late}, which exceeds ${most}` };
}

/** Decides for a message put back without an attempt (a full queue, a rate): same rules. */
export function nextReturn(limits: RetryLimits, waiting: Waiting, dueAt: At): NextAttempt {
  // The reference applies max_age here even to messages with an expiry of their own; that
  // contradicts the meaning of the expiry, so it is honoured in both places.
  if (waiting.expiresAt !== undefined) return untilExpiry(dueAt, waiting.expiresAt);
  const ageMs = Math.max(0, dueAt - waiting.createdAt);
  if (ageMs < limits.max_age) return { expired: false, dueAt };
  const text = `Next delivery time ${formatDuration(ageMs)} > ${formatDuration(limits.max_age)}`;
  return { expired: true, text };
}

function untilExpiry(dueAt: At, expiresAt: At): NextAttempt {
  if (dueAt < expiresAt) return { expired: false, dueAt };
  const text = `Next delivery time would be ${isoTime(dueAt)}, which is not before the message's`;
  return { expired: true, text: `${text} expiry at ${isoTime(expiresAt)}` };
}

// ECMA-262 section 21.4.1.1: the range of a Date.
const DATE_MS_MAX = 8.64e15;

/** A point in time as a sentence names it. */
export function isoTime(at: At): string {
  return Math.abs(at) <= DATE_MS_MAX ? new Date(at).toISOString() : 'the end of time';
}

/** How an expiry is reported: 551 5.4.7 with the reason. */
export function expiryReply(text: string): Reply {
  return { code: 551, enhanced: '5.4.7', text };
}
