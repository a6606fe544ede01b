/**
 * What failed, with as few steps as still fail. The one idea: steps are left out, not changed, for
 * each means something only where it stands; fast-check chooses which, within a bounded time.
 * Deliberately unknown here: what a step is.
 */
import fc from 'fast-check';

/** Time for leaving out steps; a test has minutes, and whoever waits for its word has not. */
const SHRINK_MS = 30_000;

/** A way along a chart that fails; the cause is what it threw. */
export class Failed extends Error {
  readonly steps: number;

  constructor(steps: number, way: unknown, why: unknown) {
    const said = why instanceof Error ? why.message : String(why);
    super(`fails in ${steps} steps: ${said}\n${JSON.stringify(way)}`, { cause: why });
    this.steps = steps;
  }
}

/** The fewest of the steps with which `run` still throws, and what it throws then. */
export async function fewest<Step>(
  steps: readonly Step[],
  error: unknown,
  run: (some: readonly Step[]) => Promise<void>,
  ms = SHRINK_MS,
): Promise<{ readonly left: readonly Step[]; readonly why: unknown }> {
  let found: { left: readonly Step[]; why: unknown } = { left: steps, why: error };
  const places = fc.subarray(steps.map((_, at) => at));
  const property = fc.asyncProperty(places, async (some) => {
    const left = some.map((at) => steps[at] as Step);
    try {
      await run(left);
    } catch (why) {
      found = { left, why };
      throw why;
    }
  });
  await fc.check(property, {
    examples: [[steps.map((_, at) => at)]],
    numRuns: 1,
    interruptAfterTimeLimit: ms,
    markInterruptAsFailure: false,
  });
  return found;
}
