/**
 * What the log is told of shared quotas: one line at each change, and not the same line again and
 * again. Decides nothing.
 */
import type { RedisConfig } from '../../domain/options-redis.ts';
import { formatShare } from '../../domain/options-redis.ts';
import type { Ms } from '../ports.ts';
import { placeOfRedis } from './quotas-redis-client.ts';

/** Says something to the operator. */
export type Say = (level: 'info' | 'warn' | 'error', text: string) => void;

const SAY_AGAIN_MS = 60_000;

/** Tells the log. */
export class RedisNotices {
  readonly #config: RedisConfig;
  readonly #say: Say;
  #cause = '';
  #saidAt: Ms = 0;

  constructor(config: RedisConfig, say: Say) {
    this.#config = config;
    this.#say = say;
  }

  /** Redis is away; `aloneInMs` until this daemon goes on with its share. */
  away(cause: string, aloneInMs: Ms, now: Ms): void {
    const isNews = cause !== this.#cause && now - this.#saidAt > SAY_AGAIN_MS;
    if (this.#cause !== '' && !isNews) return;
    this.#cause = cause;
    this.#saidAt = now;
    const then = `uses ${this.#share} of each shared limit and rate`;
    const when = aloneInMs > 0 ? `in ${Math.ceil(aloneInMs / 1_000)} s` : 'meanwhile';
    this.#tell('warn', `Redis at ${this.#place} is away: ${cause}; ${when} this daemon ${then}`);
  }

  alone(): void {
    const text = `Redis is still away: this daemon now uses ${this.#share} of what is shared`;
    this.#tell('warn', text);
  }

  here(awayMs: Ms): void {
    const after = this.#cause === '' ? '' : `, after ${Math.round(awayMs / 1_000)} s without it`;
    this.#cause = '';
    this.#tell('info', `Redis at ${this.#place} counts shared limits and rates${after}`);
  }

  /** A server that throws keys away when memory is short would forget what was used. */
  memory(text: string): void {
    const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1] ?? 'noeviction';
    const most = Number(/^maxmemory:(\d+)/m.exec(text)?.[1] ?? 0);
    if (policy === 'noeviction' || most === 0) return;
    const fix = 'set maxmemory-policy noeviction, or use a server of its own';
    const what = `Redis at ${this.#place} throws keys away when its memory is full (${policy})`;
    this.#tell('warn', `${what}, and limits with them; ${fix}`);
  }

  get #share(): string {
    return formatShare(this.#config.fallback_share);
  }

  get #place(): string {
    return placeOfRedis(this.#config);
  }

  #tell(level: 'info' | 'warn', text: string): void {
    this.#say(level, `setup.redisThrottles: ${text}`);
  }
}
