/**
 * How long a worker's keeper waits for what, which endings another start cannot mend, and how a
 * worker that hung is spoken of. Does nothing.
 */
import { EXIT_NEWER, EXIT_POLICY, EXIT_USAGE } from './exit.ts';

/** Between two questions to a worker whether it lives, ms. */
export const BEAT_MS = 1000;
/** So many beats without an answer, and the worker is taken for hanging. */
export const BEATS_MISSED_MAX = 5;
/** A handler that runs this long will not come back, ms. */
export const HANDLER_MS_MAX = 5_000;
/** A handler that runs this long explains why its worker says nothing, ms. */
export const LATE_MS = 1_000;
/** A worker that was told to use a version says so within this, ms. */
export const ACKNOWLEDGE_MS_MAX = 5_000;
/** A start that takes longer is not waited for by whoever watches the daemon, ms. */
export const START_MS_MAX = 15 * 60_000;
/** A worker that does not give up by itself in time is killed this much later, ms. */
export const STOP_SLACK_MS = 5_000;
/** Exit codes that another start cannot mend; 65 is what loader and canary end with. */
export const HOPELESS: ReadonlySet<number> = new Set([EXIT_USAGE, 65, EXIT_NEWER, EXIT_POLICY]);

/** What is said of a worker that hung. */
export const describeHang = (handler: string): string =>
  handler === ''
    ? `it gave no sign of life for ${BEATS_MISSED_MAX} s and was killed`
    : `the policy handler ${handler} did not come back within ${HANDLER_MS_MAX / 1000} s`;
