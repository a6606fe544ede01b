/**
 * The way to Redis: one connection (or a cluster's), scripts by their digest, and a word on whether
 * it can be relied on. Whatever goes wrong, a refused password or no answer in time, is the same to
 * those above: it failed, for this reason; then it is tried again for ever.
 * Deliberately unknown here: what the scripts count.
 */
import { createHash } from 'node:crypto';
import type { RedisConfig } from '../../domain/options-redis.ts';
import type { Ms } from '../ports.ts';
import type { RedisClient } from './quotas-redis-client.ts';
import { makeRedisClient } from './quotas-redis-client.ts';
import { explainRedis } from './quotas-redis-faults.ts';
import type { RedisScript } from './quotas-redis-scripts.ts';
import { DONE, LATE, SCRIPTS } from './quotas-redis-scripts.ts';
import type { RedisTimes } from './quotas-redis-times.ts';
import { RETRY_MS } from './quotas-redis-times.ts';

/** Time, as the way to Redis needs it; tests hand in others. */
export interface RedisTime {
  /** A steady reading, ms. */
  steadyMs(): Ms;
  /** Runs `task` again and again; the answer stops it. */
  every(ms: Ms, task: () => void): () => void;
}

/** What is told of the way. */
export interface LinkHooks {
  /** Redis answers; nothing was said to it yet. May come again without `failed` in between. */
  opened(): void;
  /** It cannot be relied on until `opened` comes; calls in flight have an unknown outcome. */
  failed(cause: string): void;
}

/** An answer: `DONE`, the server's time in µs, and what the script adds. */
export type ScriptAnswer = readonly number[];

interface Flight {
  readonly sentAt: Ms;
  answered(answer: ScriptAnswer | undefined): void;
}

/** A call is void on the server this much after we stop waiting for it, ms. */
const LATE_MS = 250;

const digests = new Map<RedisScript, string>();

function digestOf(script: RedisScript): string {
  const known = digests.get(script) ?? createHash('sha1').update(script.lua).digest('hex');
  digests.set(script, known);
  return known;
}

/** The way to Redis; nothing happens before `open`. */
export class RedisLink {
  readonly #config: RedisConfig;
  readonly #time: RedisTime;
  readonly #hooks: LinkHooks;
  readonly #gate: readonly string[];
  readonly #client: RedisClient;
  readonly #flights = new Map<number, Flight>();
  #next = 1;
  /** The server's clock less ours, µs; undefined until it first answered. */
  #aheadUs: number | undefined;
  #cause = 'no connection yet';
  #isUp = false;
  #isGreeting = false;
  #restUntil = 0;
  #landedAt = Number.NEGATIVE_INFINITY;
  #stopWatch: (() => void) | undefined;

  constructor(config: RedisConfig, times: RedisTimes, time: RedisTime, hooks: LinkHooks) {
    this.#config = config;
    this.#time = time;
    this.#hooks = hooks;
    this.#gate = [String(times.gapMs * 1_000), String(times.settleMs * 1_000)];
    this.#client = makeRedisClient(config);
  }

  open(): void {
    this.#client.on('error', (error: Error) => {
      this.#cause = explainRedis(error);
    });
    this.#client.on('close', () => this.#fail(this.#cause));
    this.#client.on('ready', () => this.#greet());
    const lookMs = Math.max(10, Math.min(RETRY_MS, this.#config.response_timeout / 4));
    this.#stopWatch = this.#time.every(lookMs, () => this.#watch());
    this.#client.connect().catch(() => {});
  }

  close(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    this.#isUp = false;
    this.#settleAll();
    this.#client.disconnect();
  }

  /** Runs a script; undefined: it failed, and whether it had an effect is unknown. */
  call(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    answered: (answer: ScriptAnswer | undefined) => void,
  ): void {
    if (!this.#isUp) return answered(undefined);
    this.#send(script, keys, args, (answer) => {
      // Once more: the server's clock jumped, or ours was wrong about it. It is right now.
      if (answer?.[0] === LATE) this.#send(script, keys, args, (next) => answered(done(next)));
      else answered(answer);
    });
  }

  /** What the server says of its memory, where it says it. */
  describeMemory(told: (text: string) => void): void {
    if (!this.#config.cluster) this.#client.info('memory').then(told, () => {});
  }

  #send(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    answered: (answer: ScriptAnswer | undefined) => void,
  ): void {
    const number = this.#next;
    this.#next += 1;
    this.#flights.set(number, { sentAt: this.#time.steadyMs(), answered });
    const rest = [String(keys.length), ...keys, this.#voidAfter(), ...this.#gate, ...args];
    const [count = '0', ...all] = rest;
    this.#client.evalsha(digestOf(script), count, ...all).then(
      (answer) => this.#land(number, answer),
      (error: Error) => {
        if (!/^NOSCRIPT/.test(error.message)) return this.#crash(number, script, error);
        this.#client.eval(script.lua, count, ...all).then(
          (answer) => this.#land(number, answer),
          (again: Error) => this.#crash(number, script, again),
        );
      },
    );
  }

  #voidAfter(): string {
    if (this.#aheadUs === undefined) return '0';
    const now = this.#time.steadyMs() * 1_000 + this.#aheadUs;
    return String(Math.ceil(now + (this.#config.response_timeout + LATE_MS) * 1_000));
  }

  #land(number: number, answer: unknown): void {
    this.#landedAt = this.#time.steadyMs();
    const numbers = Array.isArray(answer) ? answer.map(Number) : [];
    const serverUs = numbers[1];
    if (serverUs !== undefined) this.#aheadUs = serverUs - this.#time.steadyMs() * 1_000;
    const flight = this.#flights.get(number);
    this.#flights.delete(number);
    flight?.answered(numbers);
  }

  #crash(number: number, script: RedisScript, error: Error): void {
    if (!this.#flights.has(number)) return;
    this.#fail(`${script.name}: ${explainRedis(error)}`);
  }

  /** A connection is not enough: whoever is behind it must answer, and let us in. */
  #greet(): void {
    if (this.#isUp || this.#isGreeting || this.#stopWatch === undefined) return;
    this.#isGreeting = true;
    const began = this.#time.steadyMs();
    this.#restUntil = began + this.#config.response_timeout;
    this.#client.ping().then(
      () => {
        this.#isGreeting = false;
        if (this.#stopWatch === undefined || this.#client.status !== 'ready') return;
        this.#isUp = true;
        this.#loadScripts();
        this.#hooks.opened();
      },
      (error: Error) => {
        this.#isGreeting = false;
        this.#restUntil = this.#time.steadyMs() + RETRY_MS;
        this.#fail(explainRedis(error));
      },
    );
  }

  /** Known scripts run in the order in which they are called; a cluster learns each by its use. */
  #loadScripts(): void {
    if (this.#config.cluster) return;
    for (const { lua } of SCRIPTS) this.#client.script('LOAD', lua).catch(() => {});
  }

  #watch(): void {
    const now = this.#time.steadyMs();
    const waitMs = this.#config.response_timeout;
    const [oldest] = this.#flights.values();
    // While answers come, a long queue of calls is no silence.
    const since = Math.max(oldest?.sentAt ?? now, this.#landedAt);
    const isSilent = oldest !== undefined && now - since > waitMs;
    const isMute = this.#isGreeting && now > this.#restUntil;
    if (isSilent || isMute) {
      this.#isGreeting = false;
      this.#cause = `no answer within ${waitMs} ms`;
      this.#fail(this.#cause);
      this.#client.disconnect(true);
    } else if (!this.#isUp && this.#client.status === 'ready' && now >= this.#restUntil) {
      this.#greet();
    }
  }

  #fail(cause: string): void {
    if (this.#stopWatch === undefined) return;
    this.#isUp = false;
    this.#isGreeting = false;
    this.#restUntil = this.#time.steadyMs() + RETRY_MS;
    this.#hooks.failed(cause);
    this.#settleAll();
  }

  #settleAll(): void {
    const left = [...this.#flights.values()];
    this.#flights.clear();
    for (const flight of left) flight.answered(undefined);
  }
}

const done = (answer: ScriptAnswer | undefined): ScriptAnswer | undefined =>
  answer?.[0] === DONE ? answer : undefined;
