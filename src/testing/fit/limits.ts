/**
 * The limits of a provider as they appear in attempts: messages of a session, connections, messages
 * a minute, greylisting. The one idea: a limit is only claimed where the same answer comes nearly
 * always above a bound and nearly never below it; all else is a share.
 * Deliberately unknown here: shares, times, and how a receiver keeps a limit.
 */
import type { ModelPhase, ProviderModel } from '../models/model.ts';
import type { Answered, Attempt } from './attempts.ts';
import type { Verdict } from './verdict.ts';

/** Fewer answers claim nothing. */
const EVIDENCE_MIN = 5;
/** What is nearly always, as a share. */
const NEARLY = 0.9;
/** The span that a rate is looked for in: the one that providers speak of. */
const RATE_MS = 60_000;
/** Times of messages that are kept for it; a provider that takes more in it shows no rate. */
const TIMES_MAX = 10_000;
/** Recipients of one provider that are watched; of others nothing is known. */
const RECIPIENTS_MAX = 400;
const KEYS_MAX = 50;

/** The limits found, and which answers they explain. */
export interface Limits
  extends Pick<ProviderModel, 'connection_limit' | 'message_rate' | 'session_limit' | 'greylist'> {
  readonly explained: readonly { readonly phase: ModelPhase; readonly key: string }[];
}

/** What is kept of one answer for now. */
class Suspect {
  readonly verdict: Verdict;
  count = 0;
  /** By which message of its connection it was. */
  readonly ordinals = new Map<number, number>();
  /** Messages taken in the span before, each time. */
  readonly taken: number[] = [];
  /** Recipients that were new, and the oldest that was put off. */
  atFirst = 0;
  ageMax = 0;

  constructor(verdict: Verdict) {
    this.verdict = verdict;
  }
}

/** Watches the attempts of one provider. */
export class LimitWatch {
  readonly #suspects = new Map<string, Suspect>();
  readonly #known = new Map<string, number>();
  readonly #times: number[] = [];
  /** How many messages were taken with so many before them in the span. */
  readonly #takenAt = new Map<number, number>();
  #ordinalMax = 0;
  #busyMax = 0;
  #passedAtFirst = 0;
  #passedAgeMin = Number.POSITIVE_INFINITY;

  see(attempt: Attempt): void {
    const { ordinal, busy, at } = attempt;
    this.#busyMax = Math.max(this.#busyMax, busy);
    while (this.#times.length > 0 && at - (this.#times[0] as number) >= RATE_MS)
      this.#times.shift();
    const inSpan = this.#times.length;
    for (const answered of attempt.answered) {
      const { verdict } = answered;
      if (verdict === undefined) {
        this.#ordinalMax = Math.max(this.#ordinalMax, ordinal);
        this.#takenAt.set(inSpan, (this.#takenAt.get(inSpan) ?? 0) + 1);
        if (inSpan < TIMES_MAX) this.#times.push(at);
        this.#pass(answered, at);
      } else if (verdict.isForNow) this.#suspect(verdict, attempt, answered, inSpan);
    }
  }

  #pass({ to }: Answered, at: number): void {
    for (const recipient of to) {
      const knownAt = this.#meet(recipient, at);
      if (knownAt === undefined) this.#passedAtFirst += 1;
      else if (knownAt !== null && at > knownAt)
        this.#passedAgeMin = Math.min(this.#passedAgeMin, at - knownAt);
    }
  }

  /** When a recipient was first seen; undefined: just now, null: it is not watched. */
  #meet(recipient: string, at: number): number | null | undefined {
    const knownAt = this.#known.get(recipient);
    if (knownAt !== undefined) return knownAt;
    if (this.#known.size >= RECIPIENTS_MAX) return null;
    this.#known.set(recipient, at);
    return undefined;
  }

  #suspect(verdict: Verdict, { at, ordinal }: Attempt, { to }: Answered, inSpan: number): void {
    const { key } = verdict;
    const suspect = this.#suspects.get(key) ?? new Suspect(verdict);
    if (!this.#suspects.has(key) && this.#suspects.size >= KEYS_MAX) return;
    this.#suspects.set(key, suspect);
    suspect.count += 1;
    suspect.ordinals.set(ordinal, (suspect.ordinals.get(ordinal) ?? 0) + 1);
    if (suspect.taken.length < TIMES_MAX) suspect.taken.push(inSpan);
    if (verdict.phase !== 'rcpt') return;
    for (const recipient of to) {
      const knownAt = this.#meet(recipient, at);
      if (knownAt === undefined) suspect.atFirst += 1;
      else if (knownAt !== null) suspect.ageMax = Math.max(suspect.ageMax, at - knownAt);
    }
  }

  /** What can be claimed. */
  find(): Limits {
    const found: { -readonly [K in keyof Limits]: Limits[K] } = { explained: [] };
    const explained: { phase: ModelPhase; key: string }[] = [];
    for (const suspect of this.#suspects.values()) {
      const { reply, phase, key } = suspect.verdict;
      if (suspect.count < EVIDENCE_MIN || reply === undefined) continue;
      const limit = this.#claim(suspect, reply);
      if (limit === undefined) continue;
      Object.assign(found, limit);
      explained.push({ phase, key });
    }
    return { ...found, explained };
  }

  #claim(suspect: Suspect, reply: string): Partial<Limits> | undefined {
    const { phase } = suspect.verdict;
    if (phase === 'connect') {
      return { connection_limit: { count: Math.max(1, this.#busyMax), reply } };
    }
    if (phase === 'rcpt') return this.#greylist(suspect, reply);
    // Where commands are pipelined, a 421 to MAIL is told of the last of them.
    if (phase !== 'mail' && phase !== 'data') return undefined;
    return this.#session(suspect, reply) ?? this.#rate(suspect, reply);
  }

  /** It comes at one message of a connection, and no connection ever had that one taken. */
  #session({ ordinals, count }: Suspect, reply: string): Partial<Limits> | undefined {
    const [ordinal, times] = [...ordinals].reduce((a, b) => (b[1] > a[1] ? b : a));
    const isBound = times >= NEARLY * count && this.#ordinalMax < ordinal && ordinal > 1;
    return isBound ? { session_limit: { count: ordinal - 1, reply } } : undefined;
  }

  /** Above what was taken when it came, nearly everything gets it. */
  #rate({ taken }: Suspect, reply: string): Partial<Limits> | undefined {
    const sorted = [...taken].sort((a, b) => a - b);
    const bound = sorted[Math.floor(sorted.length / 10)] as number;
    if (bound < 1) return undefined;
    const refused = sorted.filter((one) => one >= bound).length;
    let passed = 0;
    for (const [inSpan, times] of this.#takenAt) if (inSpan >= bound) passed += times;
    if (refused < NEARLY * (refused + passed)) return undefined;
    return { message_rate: { count: bound, per_ms: RATE_MS, reply } };
  }

  /** Nearly every new recipient gets it, and none that is known for longer than some time. */
  #greylist({ atFirst, ageMax }: Suspect, reply: string): Partial<Limits> | undefined {
    const all = atFirst + this.#passedAtFirst;
    const isUsual = atFirst >= EVIDENCE_MIN && atFirst >= NEARLY * all;
    if (!isUsual || this.#passedAgeMin <= ageMax) return undefined;
    const isEver = this.#passedAgeMin === Number.POSITIVE_INFINITY;
    if (isEver) return undefined;
    return { greylist: { ms: Math.ceil((ageMax + this.#passedAgeMin) / 2), reply } };
  }
}
