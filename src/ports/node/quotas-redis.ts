/**
 * The quotas port over Redis: several daemons share their rates and limits. What is marked `local:`
 * stays with the quotas of this process. While Redis is away each daemon goes on with its share.
 * Deliberately unknown here: how the connection lives, and what is limited.
 */
import type { RedisConfig } from '../../domain/options-redis.ts';
import type { NamedRate } from '../../domain/throttle.ts';
import type { At, Ms } from '../ports.ts';
import type { Lease, Quotas } from '../quotas.ts';
import type { RedisTime } from './quotas-redis-link.ts';
import { SharedPlaces } from './quotas-redis-places.ts';
import type { RedisFigures } from './quotas-redis-presence.ts';
import { Presence } from './quotas-redis-presence.ts';
import { timesOf } from './quotas-redis-times.ts';
import { SharedTokens } from './quotas-redis-tokens.ts';

/** What shared quotas stand on. */
export interface RedisQuotasParts {
  readonly config: RedisConfig;
  /** Those that count in this process, for what is not shared. */
  readonly inner: Quotas;
  readonly now: () => At;
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
  /** Tests hand in others. */
  readonly time?: RedisTime;
  readonly beatMs?: Ms;
}

/** Shared quotas, at work. */
export interface OpenedRedisQuotas {
  readonly quotas: Quotas;
  /** Redis answered for the first time, or was found to be away. */
  readonly firstWord: Promise<void>;
  figures(): RedisFigures;
  /** Says once more that this daemon is here; for tests with a clock of their own. */
  beat(): void;
  close(): Promise<void>;
}

const TIME: RedisTime = {
  steadyMs: () => performance.now(),
  every: (ms, task) => {
    const timer = setInterval(task, ms);
    return () => clearInterval(timer);
  },
};

const isLocal = ({ spec }: NamedRate): boolean => spec.local;

/** Begins to share; connecting goes on behind it. */
export function openRedisQuotas(parts: RedisQuotasParts): OpenedRedisQuotas {
  const { config, inner, now, log, time = TIME, beatMs } = parts;
  const times = timesOf(config, beatMs);
  let watcher = (_lost: Lease): void => {};
  const presence = new Presence({
    config,
    times,
    time,
    log,
    lost: ({ lease, inner: own }) => {
      if (own !== undefined) inner.release(own);
      watcher(lease);
    },
    surplus: ({ lease }) => watcher(lease),
  });
  const tokens = new SharedTokens({ presence, inner, now, time, pollMs: times.pollMs });
  const places = new SharedPlaces({ presence, inner, time, times });
  presence.open();
  return {
    quotas: {
      take: (rates, count, answered) => tokens.take(rates, count, answered),
      giveBack: (rates, count, at) => tokens.giveBack(rates, count, at),
      acquire: (limits, lifeMs, answered) => places.acquire(limits, lifeMs, answered),
      extend: (lease, lifeMs, answered) => places.extend(lease, lifeMs, answered),
      release: (lease) => places.release(lease),
      isShared: ({ spec }) => !spec.local,
      watch: (lost) => {
        watcher = lost;
      },
      // What Redis counts it counts when it is asked.
      hold: (rates, count, at) => rates.every(isLocal) && inner.hold?.(rates, count, at) === true,
      letGo: (rates, count, isUsed) => inner.letGo?.(rates, count, isUsed) ?? now(),
      remember: (memory) => inner.remember?.(memory),
    },
    firstWord: presence.firstWord,
    figures: () => presence.figures,
    beat: () => presence.beat(),
    close: () => presence.close(),
  };
}
