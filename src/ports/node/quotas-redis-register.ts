/**
 * How Redis is kept in step with the leases of this daemon: renewed in lots, dropped when they end,
 * and dropped later where it could not hear it or may count one that nobody got.
 * Deliberately unknown here: when to renew, and whether Redis is there.
 */
import type { Ms } from '../ports.ts';
import type { HeldLease, OwnLeases } from './quotas-redis-leases.ts';
import { describeLeases } from './quotas-redis-leases.ts';
import type { ScriptAnswer } from './quotas-redis-link.ts';
import type { RedisScript } from './quotas-redis-scripts.ts';
import { DROP, RENEW } from './quotas-redis-scripts.ts';

/** What the register stands on. */
export interface RegisterParts {
  readonly leases: OwnLeases;
  readonly holdMs: Ms;
  steadyMs(): Ms;
  limitKey(name: string): string;
  isHere(): boolean;
  call(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    answered: (answer: ScriptAnswer | undefined) => void,
  ): void;
  /** Redis gave this lease's place to somebody else, or its holder did not ask again. */
  lost(lease: HeldLease): void;
}

const LEASES_A_CALL = 100;
const UNSURE_MAX = 1_000;

/** The leases of this daemon, as Redis is told of them. */
export class LeaseRegister {
  readonly #parts: RegisterParts;
  /** Leases that Redis may count although nobody holds them. */
  #unsure: HeldLease[] = [];

  constructor(parts: RegisterParts) {
    this.#parts = parts;
  }

  /**
   * Has Redis count these leases on; those it refuses are lost. `done` hears when the gate will
   * open, server time; 0 while it stands open.
   */
  renew(
    leases: readonly HeldLease[],
    done: (isDone: boolean, opensAt: number) => void = () => {},
  ): void {
    let left = 1;
    let isDone = true;
    let opensAt = 0;
    const landed = (answer: ScriptAnswer | undefined): void => {
      if (answer === undefined) isDone = false;
      else opensAt = Math.max(opensAt, answer[2] ?? 0);
      left -= 1;
      if (left === 0) done(isDone, opensAt);
    };
    for (let from = LEASES_A_CALL; from < leases.length; from += LEASES_A_CALL) {
      left += 1;
      this.#renewSome(leases.slice(from, from + LEASES_A_CALL), landed);
    }
    this.#renewSome(leases.slice(0, LEASES_A_CALL), landed);
  }

  #renewSome(
    leases: readonly HeldLease[],
    landed: (answer: ScriptAnswer | undefined) => void,
  ): void {
    const now = this.#parts.steadyMs();
    const { keys, args, lives } = describeLeases(leases, now, this.#parts.holdMs);
    const named = keys.map((name) => this.#parts.limitKey(name));
    this.#parts.call(RENEW, named, args, (answer) => {
      if (answer !== undefined) {
        const lost = new Set(answer.slice(3));
        leases.forEach((lease, at) => {
          if (lost.has(at + 1)) this.lose(lease);
          else lease.countedUntil = Math.max(lease.countedUntil, now + (lives[at] ?? 0));
        });
      }
      landed(answer);
    });
  }

  /** Gives a place back; what Redis does not hear now it hears when it is back. */
  drop(lease: HeldLease): void {
    this.#parts.leases.remove(lease);
    if (this.#parts.isHere()) this.tell([lease]);
    else this.doubt(lease);
  }

  /** Redis may count this lease, which nobody holds. */
  doubt(lease: HeldLease): void {
    // Without being told, Redis forgets it in a while; so of too many the oldest are left to that.
    if (this.#unsure.length >= UNSURE_MAX) this.#unsure.shift();
    this.#unsure.push(lease);
  }

  /** Tells Redis that these leases have ended. */
  tell(leases: readonly HeldLease[], done: () => void = () => {}): void {
    const pairs = leases.flatMap(({ id, limits }) =>
      limits.map(({ name }) => [this.#parts.limitKey(name), id] as const),
    );
    if (pairs.length === 0) return done();
    const keys = pairs.map(([key]) => key);
    const ids = pairs.map(([, id]) => id);
    this.#parts.call(DROP, keys, ids, (answer) => {
      if (answer === undefined) for (const lease of leases) this.doubt(lease);
      done();
    });
  }

  /** The place is no longer its holder's. */
  lose(lease: HeldLease): void {
    if (this.#parts.leases.remove(lease)) this.#parts.lost(lease);
  }

  /** Tells Redis of all that it may count in vain. */
  settle(done: () => void = () => {}): void {
    const unsure = this.#unsure;
    this.#unsure = [];
    this.tell(unsure, done);
  }
}
