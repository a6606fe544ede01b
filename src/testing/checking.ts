/**
 * Checking a policy: scenarios are drawn and simulated until a law is broken or the time is over,
 * then what was found is made as small as it gets. The one idea: two budgets, one to search and one
 * to shrink, and within the second only the law that was broken counts, so a small case is a case
 * of the same mistake. Deliberately unknown here: terminals and files.
 */
import fc from 'fast-check';
import { materialOf, scenarios } from './arbitrary.ts';
import type { Law } from './laws/law.ts';
import type { Broken } from './laws/laws.ts';
import { findBroken, laws } from './laws/laws.ts';
import type { TestPolicy } from './load-policy.ts';
import type { Result } from './result.ts';
import type { Scenario } from './scenario.ts';
import type { SimulateOptions } from './simulate.ts';
import { simulate } from './simulate.ts';
import { Reached } from './watching.ts';

/** How a check is run. */
export interface CheckOptions {
  readonly seconds?: number | undefined;
  readonly seed?: number | undefined;
  /** Begins where an earlier check of this seed ended: fast-check's path. */
  readonly path?: string | undefined;
  readonly laws?: readonly Law[] | undefined;
  readonly versions?: SimulateOptions['versions'];
  /** Called after each simulation; the next begins when it is settled. */
  readonly onRun?: ((runs: number, isShrinking: boolean) => void | Promise<void>) | undefined;
  /** Called with what breaks a law, and again whenever that was made smaller. */
  readonly onFound?: ((found: Counterexample, reached: Reached) => void) | undefined;
  /** Called whenever a handler has come back, for who watches over those that do not. */
  readonly onAnswer?: (() => void) | undefined;
}

/** A scenario that breaks a law, as small as it was made. */
export interface Counterexample extends Broken {
  readonly scenario: Scenario;
  readonly seed: number;
  /** With the seed it leads straight to this scenario. */
  readonly path: string;
  readonly result: Result;
}

/** What came of a check. */
export interface Checked {
  readonly seed: number;
  readonly runs: number;
  readonly laws: readonly Law[];
  readonly reached: Reached;
  readonly counterexample: Counterexample | undefined;
}

const SECONDS = 30;
const RUNS_MAX = 1_000_000;

class LawBroken extends Error {}

/** Checks a policy; bounded by `seconds` for the search, and by as many for the shrinking. */
export async function checkPolicy(
  policy: TestPolicy,
  options: CheckOptions = {},
): Promise<Checked> {
  const { seconds = SECONDS, seed = 1, laws: judged = laws } = options;
  const check = new Check(policy, options, seed);
  const about = { seed, laws: judged, reached: check.reached };
  const still = await check.try({ steps: [] }, judged);
  if (still !== undefined) return { ...about, runs: 1, counterexample: { ...still, path: '' } };
  const found = await check.search(judged, seconds);
  if (found === undefined) return { ...about, runs: check.runs, counterexample: undefined };
  options.onFound?.(found, check.reached);
  const smaller = await check.shrink(found, seconds);
  return { ...about, runs: check.runs, counterexample: smaller };
}

class Check {
  runs = 0;
  readonly reached = new Reached();
  readonly #policy: TestPolicy;
  readonly #options: CheckOptions;
  readonly #seed: number;

  constructor(policy: TestPolicy, options: CheckOptions, seed: number) {
    this.#policy = policy;
    this.#options = options;
    this.#seed = seed;
    if (options.onAnswer !== undefined) this.reached.answered = options.onAnswer;
  }

  /** Simulates; answers what is broken. */
  async try(
    scenario: Scenario,
    judged: readonly Law[],
  ): Promise<Omit<Counterexample, 'path'> | undefined> {
    const { versions } = this.#options;
    const seed = this.#seed;
    this.runs += 1;
    const options = { seed, versions, reached: this.reached };
    const result = await simulate(this.#policy, scenario, options);
    const broken = findBroken(result, judged);
    return broken === undefined ? undefined : { ...broken, scenario, seed, result };
  }

  async search(judged: readonly Law[], seconds: number): Promise<Counterexample | undefined> {
    const { path } = this.#options;
    return this.#run(judged, seconds, { endOnFailure: true, ...(path && { path }) });
  }

  async shrink(found: Counterexample, seconds: number): Promise<Counterexample> {
    const smaller = await this.#run([found.law], seconds, { path: found.path }, found.path);
    return smaller ?? found;
  }

  async #run(
    judged: readonly Law[],
    seconds: number,
    parameters: fc.Parameters<[Scenario]>,
    from?: string,
  ): Promise<Counterexample | undefined> {
    let last: Omit<Counterexample, 'path'> | undefined;
    let underWay: Promise<unknown> | undefined;
    const property = fc.asyncProperty(scenarios(materialOf(this.#policy)), async (scenario) => {
      const trying = this.try(scenario, judged);
      underWay = trying;
      const broken = await trying;
      underWay = undefined;
      await this.#options.onRun?.(this.runs, from !== undefined);
      if (broken === undefined) return;
      last = broken;
      // Its own path is known at the end; until then the one it comes from leads to it.
      if (from !== undefined) this.#options.onFound?.({ ...broken, path: from }, this.reached);
      throw new LawBroken(broken.law.name);
    });
    const details = await fc.check(property, {
      numRuns: RUNS_MAX,
      interruptAfterTimeLimit: seconds * 1_000,
      markInterruptAsFailure: false,
      ...parameters,
      seed: this.#seed,
    });
    if (underWay !== undefined) {
      // The time is over and a run is not: it proves nothing, but a policy that never answers must
      // not pass for one whose time was over.
      this.runs -= 1;
      await underWay;
    }
    if (last === undefined || details.counterexamplePath === null) {
      // What broke is no law: the engine or the kit itself, and that is for its developers.
      if (details.errorInstance instanceof Error) throw details.errorInstance;
      return undefined;
    }
    const scenario = details.counterexample?.[0] ?? last.scenario;
    if (!(details.errorInstance instanceof LawBroken)) throw details.errorInstance;
    return { ...last, scenario, path: details.counterexamplePath };
  }
}
