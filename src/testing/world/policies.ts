/**
 * The versions of a world's policy, as a manager would keep them: each is a copy of the plan under
 * a number, the last is in force, also for the next life. Deliberately unknown here: what the
 * engine does with them.
 */
import type { Engine } from '../../engine.ts';
import type { Policy } from '../../policy/define.ts';
import type { PolicyPart } from '../../policy/hooks.ts';
import type { PlanVersion, PolicyPlan } from './policy.ts';
import { makeAsker } from './policy.ts';

/** All versions there were. */
export class Policies {
  readonly versions: PlanVersion[];
  #epoch = 0;

  constructor(plan: PolicyPlan, handlers: PolicyPart | undefined) {
    this.versions = [{ version: 0, epoch: 0, plan, handlers, ...plan.own }];
  }

  get inForce(): PlanVersion {
    return this.versions.at(-1) as PlanVersion;
  }

  /** Copies the plan and puts the copy in force. */
  use(plan: PolicyPlan, engine: Engine, done: () => void): void {
    this.#epoch += 1;
    const version = this.versions.length;
    const { handlers } = this.inForce;
    const made = { version, epoch: this.#epoch, plan: structuredClone(plan), handlers };
    this.versions.push(made);
    const asker = makeAsker(made, (fault) => engine.policyFaulted(fault));
    const told = { hash: `plan-${version}`, file: 'world', reason: 'an act', ndrDuties: plan.ndr };
    engine.usePolicy({ asker, version, epoch: this.#epoch, ...told }, done);
  }

  /** Puts an operator's policy in force under a number of its own. */
  useLoaded(policy: Policy, version: number, engine: Engine, done: () => void): void {
    this.#epoch += 1;
    const made = { ...this.inForce, version, epoch: this.#epoch, policy };
    this.versions.push(made);
    const asker = makeAsker(made, (fault) => engine.policyFaulted(fault));
    const told = { hash: `loaded-${version}`, file: 'policy.ts', reason: 'an act' };
    engine.usePolicy({ asker, version, epoch: this.#epoch, ...told }, done);
  }

  /** Has the version in force asked anew. */
  bump(engine: Engine, done: () => void): void {
    this.#epoch += 1;
    engine.bumpEpoch(this.#epoch, 'a bump', done);
  }
}
