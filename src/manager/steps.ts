/**
 * The steps that judge a candidate before anybody uses it: the policy-loader, the canary and, where
 * it asks for that, the check of laws; each a process of its own that ends with its verdict. One
 * idle spare of the first two is kept warm, so that a reload waits for no program to start. A step
 * that says nothing in time is killed and is a refusal. Does not know what they look at.
 */

import { BUDGET_MS_MAX } from '../domain/options-laws.ts';
import type { Child } from './child.ts';
import { programBeside, SpareChild } from './child.ts';
import { EXIT_POLICY, EXIT_SOFTWARE, exitFor } from './exit.ts';
import type {
  LawOrder,
  LawVerdict,
  LoadOrder,
  LoadVerdict,
  ProofVerdict,
  ProveOrder,
} from './messages.ts';

/** A verdict that never came. */
export interface StepFailed {
  readonly kind: 'failed';
  /** The exit code for a cold start. */
  readonly code: number;
  readonly sentence: string;
}

/** The steps of a reload. */
export interface Steps {
  load(order: LoadOrder): Promise<LoadVerdict | StepFailed>;
  prove(order: ProveOrder): Promise<ProofVerdict | StepFailed>;
  checkLaws(order: LawOrder): Promise<LawVerdict | StepFailed>;
  /** Forks what is missing, so that the next reload is quick. */
  warm(): void;
  stop(): void;
}

/** Both bound the time of a policy themselves and say which part did not end; this comes after. */
const LOAD_MS_MAX = 60_000;
const PROVE_MS_MAX = 40_000;
/** Two budgets, and what law-watch.ts allows around them. */
const LAWS_MS_MAX = 2 * BUDGET_MS_MAX + 90_000;

const LOADER = 'the policy-loader';
const CANARY = 'the canary';
const LAWS = 'the check of laws';

/** The steps as processes of their own. */
export function forkedSteps(): Steps {
  const loader = new Step<LoadVerdict>(LOADER, 'loader-process', LOAD_MS_MAX);
  const canary = new Step<ProofVerdict>(CANARY, 'canary-process', PROVE_MS_MAX);
  const laws = new Step<LawVerdict>(LAWS, 'law-process', LAWS_MS_MAX);
  return {
    load: (order) => loader.run(order),
    prove: (order) => canary.run(order),
    checkLaws: (order) => laws.run(order),
    warm: () => {
      loader.warm();
      canary.warm();
    },
    stop: () => {
      loader.stop();
      canary.stop();
      laws.stop();
    },
  };
}

/** The steps inside this process, for a daemon that is to be a single one. */
export function ownSteps(): Steps {
  return {
    load: async (order) => await orFailed(LOADER, (await import('./loader.ts')).runLoader(order)),
    prove: async (order) => await orFailed(CANARY, (await import('./canary.ts')).runCanary(order)),
    checkLaws: async (order) =>
      await orFailed(LAWS, (await import('./law-gate.ts')).runLawGate(order)),
    warm: () => {},
    stop: () => {},
  };
}

async function orFailed<Verdict>(name: string, step: Promise<Verdict>) {
  try {
    return await step;
  } catch (error) {
    const { code, sentence } = exitFor(error);
    if (code === EXIT_SOFTWARE) console.error(error);
    return { kind: 'failed', code, sentence: `${name}: ${sentence}` } satisfies StepFailed;
  }
}

/** Hears nothing of a child that is given up. */
const DEAF = { heard: () => {}, ended: () => {} };

/** Where a step is run. */
class Step<Verdict extends { readonly kind: string }> {
  readonly #name: string;
  readonly #file: string;
  readonly #waitMsMax: number;
  #spare: SpareChild | undefined;
  readonly #lives = new Set<Child>();
  #isStopped = false;

  constructor(name: string, program: string, waitMsMax: number) {
    this.#name = name;
    this.#file = programBeside(import.meta.url, program);
    this.#waitMsMax = waitMsMax;
  }

  warm(): void {
    if (this.#isStopped || this.#spare?.hasEnded === false) return;
    this.#spare = new SpareChild(this.#file);
  }

  stop(): void {
    this.#isStopped = true;
    this.#spare?.take(DEAF).kill();
    for (const life of this.#lives) life.kill();
  }

  run(order: object): Promise<Verdict | StepFailed> {
    this.warm();
    const spare = this.#spare;
    this.#spare = undefined;
    return new Promise((resolve) => {
      // The daemon is stopping: there will be no verdict, and nothing is refused.
      if (spare === undefined) return;
      const timer = setTimeout(() => {
        settle(this.#failed(EXIT_POLICY, `gave no verdict within ${this.#waitMsMax / 1000} s`));
      }, this.#waitMsMax).unref();
      const life = spare.take({
        heard: (message) => settle(message as Verdict),
        ended: ({ code, signal }) => {
          if (this.#isStopped) return;
          const how = signal === null ? `with code ${code}` : `by ${signal}`;
          settle(this.#failed(EXIT_POLICY, `ended ${how} without a verdict`));
        },
      });
      const settle = (verdict: Verdict | StepFailed): void => {
        clearTimeout(timer);
        this.#lives.delete(life);
        life.kill();
        resolve(verdict);
      };
      this.#lives.add(life);
      life.send(order);
    });
  }

  #failed(code: number, what: string): StepFailed {
    return { kind: 'failed', code, sentence: `${this.#name} ${what}` };
  }
}
