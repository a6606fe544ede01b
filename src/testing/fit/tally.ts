/**
 * Attempts of one provider, counted: how often each phase came and what it answered, and times by
 * reservoir. The one idea: a tally has the same size however much it counted, and two tallies add
 * up to one. Deliberately unknown here: limits, and what a model is.
 */

import type { ModelPhase, ReplyShare } from '../models/model.ts';
import { MODEL_PHASES } from '../models/model.ts';
import type { Chance } from '../world/chance.ts';
import type { Attempt } from './attempts.ts';
import { lastPhase } from './attempts.ts';
import type { Verdict } from './verdict.ts';

/** Different answers that are told apart at one provider; what comes beyond counts as `drop`. */
const REPLIES_MAX = 100;
/** Times that are kept of each kind. */
const SAMPLES_MAX = 2_048;

/** A fair choice of all times that came. */
export class Reservoir {
  readonly samples: number[] = [];
  /** Times that came. */
  count = 0;

  add(ms: number, chance: Chance): void {
    this.count += 1;
    if (this.samples.length < SAMPLES_MAX) this.samples.push(ms);
    else {
      const place = Math.floor(chance.uniform() * this.count);
      if (place < SAMPLES_MAX) this.samples[place] = ms;
    }
  }
}

/** An answer and how often it came. */
export interface Counted extends Pick<ReplyShare, 'reply' | 'does'> {
  count: number;
}

/** A phase: how often it came, and its answers that were not good. */
export interface PhaseCount {
  count: number;
  readonly replies: Map<string, Counted>;
}

const emptyPhases = (): Record<ModelPhase, PhaseCount> =>
  Object.fromEntries(
    MODEL_PHASES.map((phase) => [phase, { count: 0, replies: new Map() }]),
  ) as unknown as Record<ModelPhase, PhaseCount>;

/** What one provider did. */
export class Tally {
  attempts = 0;
  readonly phases = emptyPhases();
  readonly connect = new Reservoir();
  readonly transaction = new Reservoir();
  readonly refusal = new Reservoir();
  readonly gap = new Reservoir();

  count(attempt: Attempt, chance: Chance): void {
    const { phases } = this;
    const { ordinal, answered, connectMs } = attempt;
    this.attempts += 1;
    if (ordinal <= 1) phases.connect.count += 1;
    if (connectMs !== undefined) this.connect.add(connectMs, chance);
    if (attempt.gapMs !== undefined) this.gap.add(attempt.gapMs, chance);
    for (const { verdict, recipients } of answered) {
      if (verdict !== undefined) this.#note(verdict, verdict.phase === 'rcpt' ? recipients : 1);
    }
    if (ordinal === 0) return;
    phases.mail.count += 1;
    const phaseOf = (phase: ModelPhase): boolean =>
      answered.some(({ verdict }) => verdict?.phase === phase);
    if (phaseOf('mail')) return this.#time(attempt, chance);
    phases.rcpt.count += answered.reduce((sum, { recipients }) => sum + recipients, 0);
    const isBeyond = answered.some(({ verdict }) => verdict?.phase !== 'rcpt');
    if (isBeyond) phases.data.count += 1;
    if (isBeyond && !phaseOf('data')) phases.dot.count += 1;
    this.#time(attempt, chance);
  }

  #time(attempt: Attempt, chance: Chance): void {
    const { tookMs, answered } = attempt;
    // A broken connection tells when it broke, not how long an answer takes.
    if (tookMs === undefined || answered.some(({ verdict }) => verdict?.does !== undefined)) return;
    const isWhole = lastPhase(attempt) === 'dot';
    (isWhole ? this.transaction : this.refusal).add(tookMs, chance);
  }

  #note({ phase, key, reply, does }: Verdict, by: number): void {
    const { replies } = this.phases[phase];
    const isKnown = replies.has(key) || replies.size < REPLIES_MAX;
    const counted = replies.get(isKnown ? key : OTHERS) ?? {
      reply: isKnown ? reply : undefined,
      does: isKnown ? does : 'drop',
      count: 0,
    };
    counted.count += by;
    replies.set(isKnown ? key : OTHERS, counted);
  }

  /** What a limit answered says nothing of shares: it is taken out. */
  without(phase: ModelPhase, key: string): void {
    const { replies } = this.phases[phase];
    const found = replies.get(key);
    if (found === undefined) return;
    replies.delete(key);
    this.phases[phase].count -= found.count;
  }

  /** Adds another tally to this one. */
  join(other: Tally, chance: Chance): void {
    this.attempts += other.attempts;
    for (const phase of MODEL_PHASES) {
      const from = other.phases[phase];
      this.phases[phase].count += from.count;
      for (const [key, { count, reply, does }] of from.replies) {
        this.#note({ phase, key, reply, does, isForNow: true }, count);
      }
    }
    for (const kind of ['connect', 'transaction', 'refusal', 'gap'] as const) {
      for (const ms of other[kind].samples) this[kind].add(ms, chance);
    }
  }
}

const OTHERS = 'others';

/** The shares of a tally, as a model has them. */
export const sharesOf = (tally: Tally): readonly ReplyShare[] =>
  MODEL_PHASES.flatMap((phase) => {
    const { count, replies } = tally.phases[phase];
    return [...replies.values()].map(
      (one): ReplyShare => ({
        phase,
        share: count === 0 ? 0 : round(one.count / count),
        ...(one.does === undefined ? { reply: one.reply } : { does: one.does }),
      }),
    );
  }).filter(({ share }) => share > 0);

/** Down, so that shares of a phase never make more than all of it. */
const round = (share: number): number => Math.floor(share * 1e6) / 1e6;
