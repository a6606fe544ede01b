/**
 * What handlers of the policy leave running (a promise that nobody awaits, a timer) may fail when
 * no call is there to catch it. The one idea: its stack says whose it is; the policy's is a fault
 * like that of a handler, told once, and any other ends the process as ever, for mistakes of our
 * own must not be lived with. Deliberately unknown here: engine, log, metrics.
 */
import process from 'node:process';
import { describeThrown, PolicyError } from '../policy/policy-error.ts';

/** So many are told; there are few lines in a policy. */
const TOLD_MAX = 256;
/** How compiled policies are named in stacks, of whatever version. */
const OF_POLICY = /\.mjs\?/;

/** The name under which such faults are told and counted, beside those of the handlers. */
export const LEFT_RUNNING = 'left_running';

/** The sentence; `place` is in the operator's files, '' where nothing is known. */
export const describeLeft = (place: string, thrown: unknown): string => {
  const problem = 'what it left running failed, and nobody waited for it';
  const fix = 'await every promise, and catch what a timer throws';
  return new PolicyError(place, `${problem}: ${describeThrown(thrown)}`, fix).message;
};

/** Who hears of it. */
export interface LeftListener {
  /** Where in the operator's files it was thrown; their first file where that is not known. */
  placeOf(thrown: unknown): string;
  /** The version in force: what is as it was in another is told again. */
  version(): number;
  /** Each once. */
  told(sentence: string): void;
}

/** True for what the policy threw; what has no stack is not ours, for we throw errors. */
export const isOfPolicy = (thrown: unknown): boolean =>
  !(thrown instanceof Error) || OF_POLICY.test(thrown.stack ?? '');

/** Listens for the life of the process; the answer ends it. */
export function hearLeftRunning({ placeOf, version, told }: LeftListener): () => void {
  const known = new Set<string>();
  const judge = (thrown: unknown): void => {
    if (!isOfPolicy(thrown)) throw thrown;
    const sentence = describeLeft(placeOf(thrown), thrown);
    const key = `${version()} ${sentence}`;
    if (known.has(key) || known.size >= TOLD_MAX) return;
    known.add(key);
    told(sentence);
  };
  process.on('unhandledRejection', judge);
  process.on('uncaughtException', judge);
  return () => {
    process.off('unhandledRejection', judge);
    process.off('uncaughtException', judge);
  };
}
