/**
 * The spans by which daemons agree on when Redis can be trusted, all derived from two settings and
 * one heartbeat. What must hold between them is said here and proved in docs/redis.md.
 * Deliberately unknown here: everything that happens in these spans.
 */
import type { RedisConfig } from '../../domain/options-redis.ts';
import type { Ms } from '../ports.ts';

/** How often a daemon says that it is here, ms. */
const BEAT_MS = 1_000;
/** How long a failed way to Redis rests before it is tried again, ms. */
export const RETRY_MS = 250;
const HOLD_MS_MIN = 20_000;

/** The spans. */
export interface RedisTimes {
  readonly beatMs: Ms;
  /** Without a word from anybody for so long, all daemons were away. */
  readonly gapMs: Ms;
  /** So long nothing is granted after that: everybody comes back and says what it holds. */
  readonly settleMs: Ms;
  /** So long a daemon grants nothing after Redis fell silent, before it uses its share. */
  readonly graceMs: Ms;
  /** How long Redis counts a lease unless it is told again. */
  readonly holdMs: Ms;
  /** How often whoever was refused may ask again at the latest. */
  readonly pollMs: Ms;
}

/** The spans for these settings. */
export function timesOf(config: RedisConfig, beatMs: Ms = BEAT_MS): RedisTimes {
  const answerMs = config.response_timeout;
  // Whoever is away tries all the time; two attempts may just fail before the third succeeds.
  const settleMs = 2 * (config.connect_timeout + RETRY_MS);
  const gapMs = 2 * beatMs + answerMs;
  // A daemon that uses its share must not do so while another is already back and none waits.
  const graceMs = gapMs + settleMs + beatMs + answerMs;
  const holdMs = Math.max(HOLD_MS_MIN, graceMs + 10 * beatMs);
  return { beatMs, gapMs, settleMs, graceMs, holdMs, pollMs: 3 * beatMs };
}
