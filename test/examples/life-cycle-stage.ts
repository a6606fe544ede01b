/**
 * A life cycle of versions on a stage: loader, canary, gate of laws and worker are played by the
 * test, the store is the real one. The one idea: a test sets what the next step finds and reads
 * what was ordered. Deliberately unknown here: processes, and what is asserted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import type { LifeCycleParts } from '../../src/manager/life-cycle-parts.ts';
import type { LawVerdict, ProofVerdict } from '../../src/manager/messages.ts';
import type { StepFailed, Steps } from '../../src/manager/steps.ts';
import type { Wanted } from '../../src/manager/supervisor-parts.ts';

/** What a load finds: the hash of the policy and its settings, a refusal, or no disk. */
export type OnDisk = { hash: string; settings: string } | { refusal: string } | { failure: string };

/** Everything around a life cycle. */
export class LifeCycleStage {
  readonly dir = mkdtempSync(join(tmpdir(), 'waybill-life-'));
  readonly store: PolicyStore = openPolicyStore(this.dir, 'write');
  readonly cycle: LifeCycle;
  readonly said: string[] = [];
  readonly reloads: string[] = [];
  /** What the worker was told. */
  orders: string[] = [];
  wanted: Wanted | undefined;
  disk: OnDisk = { hash: 'a', settings: 's' };
  proof: ProofVerdict | StepFailed = { kind: 'proved' };
  /** Whether what lies on disk asks for the laws; which versions met them, and how. */
  hasLawGate = false;
  readonly checked: number[] = [];
  verdict: LawVerdict | StepFailed = { kind: 'held', sentence: '' };

  constructor() {
    writeFileSync(join(this.dir, 'policy.ts'), '');
    this.cycle = new LifeCycle(this.partsOf());
  }

  readonly steps: Steps = {
    load: async ({ source, reason }) => {
      const { disk, store, hasLawGate } = this;
      if ('failure' in disk) return { kind: 'failed', code: 74, sentence: disk.failure };
      const at = Date.now();
      if ('refusal' in disk) {
        const number = store.addRefusal(at, source, reason, disk.refusal);
        return { kind: 'refused', number, sentence: disk.refusal };
      }
      const { hash, settings: settingsHash } = disk;
      const number = store.addCandidate({
        ...{ hash, source, reason, at, settingsHash, facts: {}, files: [] },
        ...{ code: `// ${hash}`, map: '{}', warnings: [] },
      });
      const monitor = { files: [], globs: [], intervalMs: 60_000 };
      const isSame = number === store.currentNumber();
      const about = { isSame, isSelfContained: true, hasLawGate, warnings: [] };
      return { kind: 'loaded', number, hash, settingsHash, monitor, ...about };
    },
    prove: async () => this.proof,
    checkLaws: async ({ number }) => {
      this.checked.push(number);
      return this.verdict;
    },
    warm: () => {},
    stop: () => {},
  };

  readonly worker: LifeCycleParts['worker'] = {
    use: async (use) => {
      this.wanted = use;
      this.orders.push(`use ${use.version} epoch ${use.epoch}`);
    },
    want: (use) => {
      this.wanted = use;
      this.orders.push(`want ${use.version} epoch ${use.epoch}`);
    },
    bump: async (epoch) => {
      this.orders.push(`bump ${epoch}`);
    },
    replace: () => {
      this.orders.push('replace');
    },
  };

  /** Parts for one more life cycle over the same store, some steps played otherwise. */
  partsOf(own: Partial<Steps> = {}): LifeCycleParts {
    const { dir, store, worker } = this;
    const steps = { ...this.steps, ...own };
    return {
      policy: { source: join(dir, 'policy.ts'), program: 'test', dir, steps, store },
      worker,
      log: (_level, text) => this.said.push(text),
      reloading: (isOn) =>
        this.reloads.push(`${isOn ? 'begun' : 'over'} after ${this.orders.length}`),
    };
  }

  /** Puts a policy on the disk and reloads. */
  load(hash: string, settings = 's'): ReturnType<LifeCycle['reload']> {
    this.disk = { hash, settings };
    return this.cycle.reload('test');
  }

  end(): void {
    this.cycle.stop();
    this.store.close();
    rmSync(this.dir, { recursive: true });
  }
}
