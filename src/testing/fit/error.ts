/**
 * How far a model is off what was held out from its fit. The one idea: outcomes are compared as
 * distributions over answers, by total variation; times as quantiles and mean, relatively.
 * Deliberately unknown here: how attempts are divided, and what is done with the error.
 */
import type { FitError } from '../models/fit-report.ts';
import type { ModelLatency, ModelPhase } from '../models/model.ts';
import { meanOf, pointsOf, quantileAt, sampleAt } from '../models/quantiles.ts';
import type { Tally } from './tally.ts';

/** Fewer attempts held out, or fewer times among them, judge nothing. */
export const JUDGED_MIN = 20;
/** A log tells whole milliseconds: below, a difference means nothing. */
const MS_LEAST = 1;

const SESSION: readonly ModelPhase[] = ['mail', 'rcpt', 'data', 'dot'];

/** How an attempt for one recipient ends, by answer; the phases one after the other. */
function endsOf(tally: Tally, phases: readonly ModelPhase[]): Map<string, number> {
  const ends = new Map<string, number>();
  let left = 1;
  for (const phase of phases) {
    const { count, replies } = tally.phases[phase];
    if (count === 0) continue;
    let gone = 0;
    for (const [key, one] of replies) {
      const share = one.count / count;
      ends.set(key, (ends.get(key) ?? 0) + left * share);
      gone += share;
    }
    left *= 1 - Math.min(1, gone);
  }
  return ends.set('taken', left);
}

function distance(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    sum += Math.abs((a.get(key) ?? 0) - (b.get(key) ?? 0));
  }
  return sum / 2;
}

const relative = (model: number, seen: number): number =>
  Math.abs(model - seen) / Math.max(MS_LEAST, seen);

/** The error of a model made of `fitted`, against `held`. */
export function errorOf(
  fitted: Tally,
  held: Tally,
  { transaction, refusal }: ModelLatency,
): FitError {
  const isJudged = held.attempts >= JUDGED_MIN;
  const ofSessions = distance(endsOf(fitted, SESSION), endsOf(held, SESSION));
  const ofConnections =
    held.phases.connect.count < JUDGED_MIN
      ? 0
      : distance(endsOf(fitted, ['connect']), endsOf(held, ['connect']));
  const sorted = Float64Array.from(held.transaction.samples).sort();
  const isTimed = isJudged && sorted.length >= JUDGED_MIN && transaction !== undefined;
  const points = pointsOf(transaction ?? {});
  const at = (share: number): number | null =>
    isTimed ? round(relative(quantileAt(points, share), sampleAt(sorted, share))) : null;
  const mean = average(held.transaction.samples);
  return {
    held_out: held.attempts,
    outcomes: isJudged ? round(Math.max(ofSessions, ofConnections)) : null,
    latency_p50: at(0.5),
    latency_p90: at(0.9),
    latency_mean: isTimed ? round(relative(meanOf(transaction), mean)) : null,
    throughput: paceError(fitted, held, { transaction, refusal }),
  };
}

/** Time for a message on a busy connection: by the model, against what was held out. */
function paceError(
  fitted: Tally,
  held: Tally,
  { transaction, refusal }: ModelLatency,
): number | null {
  const whole = fitted.transaction.count;
  const early = fitted.refusal.count;
  const sum = whole * meanOf(transaction ?? {}) + early * meanOf(refusal ?? {});
  const took = [...held.transaction.samples, ...held.refusal.samples];
  if (took.length < JUDGED_MIN || whole + early === 0) return null;
  return round(relative(sum / (whole + early), average(took) + average(held.gap.samples)));
}

const average = (samples: readonly number[]): number =>
  samples.length === 0 ? 0 : samples.reduce((sum, ms) => sum + ms, 0) / samples.length;

/** The errors of all, each weighed by the attempts that judged it. */
export function overall(errors: readonly FitError[]): FitError {
  const mean = (key: keyof FitError): number | null => {
    const judged = errors.filter((one) => one[key] !== null);
    const weight = judged.reduce((sum, { held_out }) => sum + held_out, 0);
    if (weight === 0) return null;
    return round(
      judged.reduce((sum, one) => sum + (one[key] as number) * one.held_out, 0) / weight,
    );
  };
  return {
    held_out: errors.reduce((sum, { held_out }) => sum + held_out, 0),
    outcomes: mean('outcomes'),
    latency_p50: mean('latency_p50'),
    latency_p90: mean('latency_p90'),
    latency_mean: mean('latency_mean'),
    throughput: mean('throughput'),
  };
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;
