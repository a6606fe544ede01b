/**
 * Who counts rates and limits: this process, or Redis where the policy set it up; the library for
 * Redis is not even loaded otherwise. A Redis that is away keeps no daemon from starting.
 * Deliberately unknown here: what is counted.
 */
import type { RedisConfig } from '../domain/options-redis.ts';
import { createQuotas } from '../domain/quotas.ts';
import type { RedisFigures } from '../ports/node/quotas-redis-presence.ts';
import type { Clock } from '../ports/ports.ts';
import type { Quotas } from '../ports/quotas.ts';

/** Quotas, at work. */
export interface OpenedQuotas {
  readonly quotas: Quotas;
  /** How Redis is; undefined where it is not used. */
  readonly redis?: () => RedisFigures;
  close(): Promise<void>;
}

/** What they stand on. */
export interface QuotasParts {
  readonly redis: RedisConfig | undefined;
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
}

/** A start waits so long for the first word of Redis, ms; it goes on without. */
const FIRST_WORD_MS_MAX = 1_000;

/** Opens quotas; never rejects because Redis is away. */
export async function openQuotas({ redis, clock, log }: QuotasParts): Promise<OpenedQuotas> {
  const inner = createQuotas({ now: () => clock.now() });
  if (redis === undefined) return { quotas: inner, close: async () => {} };
  const { openRedisQuotas } = await import('../ports/node/quotas-redis.ts');
  const opened = openRedisQuotas({ config: redis, inner, now: () => clock.now(), log });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FIRST_WORD_MS_MAX);
  });
  await Promise.race([opened.firstWord, tooLate]);
  clearTimeout(timer);
  return { quotas: opened.quotas, redis: opened.figures, close: opened.close };
}
