/**
 * Whether this daemon is among those who count together: it says so once a second, and renews its
 * leases; when Redis falls silent it waits, and then goes on alone with its share; and when Redis
 * is back it first says what it holds. Safe in both directions: docs/redis.md has the proof.
 * Deliberately unknown here: who asks for tokens and leases.
 */
import type { RedisConfig } from '../../domain/options-redis.ts';
import { ShareRates, shareOf } from '../../domain/quota-share.ts';
import type { NamedRate } from '../../domain/throttle.ts';
import { formatThrottle } from '../../domain/throttle-spec.ts';
import type { Ms } from '../ports.ts';
import type { NamedLimit } from '../quotas.ts';
import type { HeldLease } from './quotas-redis-leases.ts';
import { OwnLeases } from './quotas-redis-leases.ts';
import type { RedisTime, ScriptAnswer } from './quotas-redis-link.ts';
import { RedisLink } from './quotas-redis-link.ts';
import type { Say } from './quotas-redis-notices.ts';
import { RedisNotices } from './quotas-redis-notices.ts';
import { LeaseRegister } from './quotas-redis-register.ts';
import type { RedisScript } from './quotas-redis-scripts.ts';
import { ADJUST } from './quotas-redis-scripts.ts';
import type { RedisTimes } from './quotas-redis-times.ts';

/** What is shown of shared quotas. */
export interface RedisFigures {
  readonly isAvailable: boolean;
  /** How often this daemon went on alone with its share. */
  readonly fallbacks: number;
  /** Calls that failed, and failed attempts to come back. */
  readonly errors: number;
  /** Leases of this daemon on shared limits. */
  readonly leases: number;
}

/** What presence stands on. */
export interface PresenceParts {
  readonly config: RedisConfig;
  readonly times: RedisTimes;
  readonly time: RedisTime;
  readonly log: Say;
  /** Redis gave this lease's place to somebody else, or its holder did not ask again. */
  readonly lost: (lease: HeldLease) => void;
  /** It is above this daemon's share: its holder is to stop soon. */
  readonly surplus: (lease: HeldLease) => void;
}

/** How things stand: counted in Redis; nothing for now; by this daemon's share. */
export type Standing = 'here' | 'waiting' | 'alone';

const WAIT_MS = 250;

/** This daemon among those who count together. */
export class Presence {
  readonly leases = new OwnLeases();
  readonly register: LeaseRegister;
  readonly rates: ShareRates;
  readonly #parts: PresenceParts;
  readonly #link: RedisLink;
  readonly #gate: string;
  #status: 'here' | 'greeting' | 'away' = 'away';
  #heardAt: Ms;
  /** When Redis was found to be away, or this daemon began. */
  #lostAt: Ms;
  /** Counts of leases when Redis fell silent: others may hold all the rest. */
  #atLoss: ReadonlyMap<string, number> = new Map();
  #isAlone = false;
  #isBeating = false;
  /** The opening of the gate for which Redis was told of all leases. */
  #toldFor = 0;
  #fallbacks = 0;
  #errors = 0;
  readonly #notices: RedisNotices;
  #stop: (() => void) | undefined;
  readonly firstWord: Promise<void>;
  #hadWord: () => void = () => {};

  constructor(parts: PresenceParts) {
    const { config, times, time } = parts;
    this.#parts = parts;
    this.#notices = new RedisNotices(config, parts.log);
    this.#gate = `{${config.key_prefix}}:gate`;
    this.#heardAt = time.steadyMs();
    this.#lostAt = this.#heardAt;
    this.rates = new ShareRates(config.fallback_share, () => time.steadyMs());
    this.rates.begin(this.#heardAt);
    this.firstWord = new Promise((resolve) => {
      this.#hadWord = resolve;
    });
    this.register = new LeaseRegister({
      leases: this.leases,
      holdMs: times.holdMs,
      steadyMs: time.steadyMs,
      limitKey: (name) => this.limitKey(name),
      isHere: () => this.#status === 'here',
      call: (script, keys, args, answered) => this.call(script, keys, args, answered),
      lost: parts.lost,
    });
    this.#link = new RedisLink(config, times, time, {
      opened: () => this.#greet(),
      failed: (cause) => this.#failed(cause),
    });
  }

  open(): void {
    this.#stop = this.#parts.time.every(this.#parts.times.beatMs, () => this.beat());
    this.#link.open();
  }

  /** Tells Redis that nothing is held any more, and ends. */
  async close(): Promise<void> {
    this.#stop?.();
    const left = this.leases.pick(() => true);
    for (const lease of left) this.leases.remove(lease);
    if (this.#status === 'here') await new Promise<void>((done) => this.register.tell(left, done));
    this.#link.close();
  }

  get figures(): RedisFigures {
    return {
      isAvailable: this.#status === 'here',
      fallbacks: this.#fallbacks,
      errors: this.#errors,
      leases: this.leases.size,
    };
  }

  /** How things stand now. */
  standing(): Standing {
    if (this.#status === 'here') return 'here';
    if (this.#status === 'greeting' || this.#silentMs() < this.#parts.times.graceMs) {
      return 'waiting';
    }
    if (!this.#isAlone) this.#goAlone();
    return 'alone';
  }

  /** While `waiting`: when to ask again. */
  waitMs(): Ms {
    const leftMs = this.#parts.times.graceMs - this.#silentMs();
    return Math.ceil(Math.max(WAIT_MS, Math.min(leftMs, this.#parts.times.pollMs)));
  }

  /** While `alone`: places of this limit that this daemon may have, for leases of this life. */
  capOf(limit: NamedLimit, lifeMs: Ms): number {
    const share = this.#shareOf(limit);
    const othersKeepMs = Math.min(lifeMs, this.#parts.config.fallback_after);
    if (this.#parts.time.steadyMs() - this.#lostAt >= othersKeepMs) return share;
    return Math.min(share, this.#atLoss.get(limit.name) ?? 0);
  }

  /** While `alone`: false for a lease above this daemon's share. */
  mayKeep(held: HeldLease): boolean {
    const isBelow = (limit: NamedLimit): boolean =>
      this.leases.count(limit.name) <= this.#shareOf(limit);
    if (!held.isSurplus && !held.limits.every(isBelow)) this.#shed();
    return !held.isSurplus;
  }

  /** Has those stop who are above this daemon's share. */
  #shed(): void {
    const surplus = this.leases.markSurplus((limit) => this.#shareOf(limit));
    for (const lease of surplus) this.#parts.surplus(lease);
  }

  #shareOf({ spec }: NamedLimit): number {
    return shareOf(spec.limit, this.#parts.config.fallback_share);
  }

  rateKey({ name, spec }: NamedRate): string {
    return `{${this.#parts.config.key_prefix}}:rate:${formatThrottle(spec)}:${name}`;
  }

  limitKey(name: string): string {
    return `{${this.#parts.config.key_prefix}}:lease:${name}`;
  }

  /** Runs a script over the gate and these keys; undefined: failed, its effect is unknown. */
  call(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    answered: (answer: ScriptAnswer | undefined) => void,
  ): void {
    const sentAt = this.#parts.time.steadyMs();
    this.#link.call(script, [this.#gate, ...keys], args, (answer) => {
      if (answer === undefined) this.#errors += 1;
      else this.#heardAt = Math.max(this.#heardAt, sentAt);
      answered(answer);
    });
  }

  /** Says that this daemon is here, and what it still holds. */
  beat(): void {
    const now = this.#parts.time.steadyMs();
    for (const lease of this.leases.pick(({ endsAt }) => endsAt <= now)) this.register.lose(lease);
    if (this.standing() !== 'here' || this.#isBeating) return;
    this.#isBeating = true;
    const soon = now + 0.6 * this.#parts.times.holdMs;
    const due = this.leases.pick(
      ({ endsAt, countedUntil }) => countedUntil < Math.min(endsAt, soon),
    );
    this.register.renew(due, (isDone, opensAt) => {
      this.#isBeating = false;
      // Redis forgot everything though the connection held: it is told everything again.
      if (isDone && opensAt !== 0 && opensAt !== this.#toldFor) this.#tellAll(() => {});
    });
  }

  /** Redis answers: first it hears what is held and what was used, only then is it asked. */
  #greet(): void {
    this.#status = 'greeting';
    const uses = this.#isAlone ? this.rates.inUse() : [];
    let left = uses.length + 2;
    let isDone = true;
    const landed = (isGood: boolean): void => {
      isDone &&= isGood;
      left -= 1;
      if (left === 0 && isDone && this.#status === 'greeting') this.#arrive();
    };
    this.register.settle(() => landed(true));
    for (const { rate, tokens } of uses) {
      const { limit, periodMs, maxBurst } = rate.spec;
      const spec = [limit, periodMs * 1_000, Math.max(1, maxBurst)].map(String);
      this.call(ADJUST, [this.rateKey(rate)], [`0 ${tokens}`, ...spec], (answer) =>
        landed(answer !== undefined),
      );
    }
    this.#tellAll(landed);
  }

  #tellAll(told: (isDone: boolean) => void): void {
    const all = this.leases.pick(() => true);
    this.register.renew(all, (isDone, opensAt) => {
      if (isDone) this.#toldFor = opensAt;
      told(isDone);
    });
  }

  #arrive(): void {
    this.#status = 'here';
    for (const lease of this.leases.pick(() => true)) lease.isSurplus = false;
    this.#heardAt = this.#parts.time.steadyMs();
    const awayMs = this.#heardAt - this.#lostAt;
    this.#isAlone = false;
    this.#isBeating = false;
    this.register.settle();
    this.#notices.here(awayMs);
    this.#hadWord();
    this.#link.describeMemory((text) => this.#notices.memory(text));
  }

  #failed(cause: string): void {
    this.#errors += 1;
    const { steadyMs } = this.#parts.time;
    if (this.#status === 'here') {
      this.#atLoss = this.leases.counts();
      // Not when it was last heard: others may have been served since.
      this.#lostAt = steadyMs();
      this.rates.begin(this.#lostAt);
    }
    this.#status = 'away';
    this.#hadWord();
    const aloneInMs = this.#isAlone ? 0 : this.#parts.times.graceMs - this.#silentMs();
    this.#notices.away(cause, aloneInMs, steadyMs());
  }

  #goAlone(): void {
    this.#isAlone = true;
    this.#fallbacks += 1;
    this.#notices.alone();
    this.#shed();
  }

  #silentMs(): Ms {
    return this.#parts.time.steadyMs() - this.#heardAt;
  }
}
