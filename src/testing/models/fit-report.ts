/**
 * How far fitted models are off, as it stands in their file. The one idea: an error is the distance
 * between what the model says and what was held out from the fit, a number with one meaning, so
 * that whoever reads a simulation knows how much of a difference means nothing.
 * Deliberately unknown here: how it is measured (fit/error.ts).
 */

/** The error of a model, or of all of them weighed by attempts; null: too little to judge it. */
export interface FitError {
  /** Attempts that were held out, and judged. */
  readonly held_out: number;
  /**
   * Total variation distance between the outcomes of the model and those held out: the largest
   * difference that any set of outcomes can have in its share, 0 to 1.
   */
  readonly outcomes: number | null;
  /** |model − held out| / held out, for the time of a transaction. */
  readonly latency_p50: number | null;
  readonly latency_p90: number | null;
  /** The same of the mean. */
  readonly latency_mean: number | null;
  /**
   * The same of the time that a connection takes for a message while others wait: the model knows
   * nothing of the pause between two messages, which is ours. What throughput may be off.
   */
  readonly throughput: number | null;
}

/** Where fitted models come from. */
export interface Fit {
  /** The first and the last event that was read, ISO 8601. */
  readonly from: string;
  readonly to: string;
  readonly messages: number;
  readonly attempts: number;
  readonly error: FitError;
  /** By site; `others` is the pool of those with too little mail. */
  readonly sites: Readonly<Record<string, FitError>>;
  /** What was left out of the fit, and why, in sentences. */
  readonly notes: readonly string[];
}
