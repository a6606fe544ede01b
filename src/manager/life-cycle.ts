/**
 * The life cycle of the policy: load, prove, put in force, tell the worker. One reload at a time;
 * what is asked for meanwhile becomes one more. A refused candidate changes nothing but the list of
 * refusals. Owns the number of the version in force and the epoch. Knows no processes and no mail.
 */
import { Asking } from './asking.ts';
import { ConfigMonitor } from './config-monitor.ts';
import { EXIT_POLICY } from './exit.ts';
import type { JudgeParts, Loaded, Refusal } from './judging.ts';
import { findFormer, judge, prove } from './judging.ts';
import type { ManagerCounters } from './messages.ts';
import type { Crash, Wanted } from './supervisor.ts';

/** A version that hangs twice within this gives way to the one before it, ms. */
const HANG_MEMORY_MS = 600_000;

/** The version of a daemon that runs on the embedded policy. */
export const EMBEDDED_VERSION = 0;

/** What the life cycle tells to do. */
export interface WorkerControl {
  use(wanted: Wanted): Promise<void>;
  want(wanted: Wanted): void;
  bump(epoch: number, reason: string): Promise<void>;
  replace(reason: string): void;
}

/** The operator's policy: its file, and what judges and keeps versions of it. */
export interface Versioned extends JudgeParts {
  readonly source: string;
}

/** What the life cycle stands on. */
export interface LifeCycleParts {
  /** Undefined for the embedded policy, which is part of the program and has no versions. */
  readonly policy: Versioned | undefined;
  readonly worker: WorkerControl;
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
}

/** What came of a reload. */
export type Reloaded =
  | { readonly kind: 'activated' | 'unchanged'; readonly version: number; readonly epoch: number }
  | Refusal;

interface InForce {
  readonly number: number;
  readonly hash: string;
  readonly settingsHash: string;
}

const CHANGED = 'the files changed';
const EMBEDDED: InForce = { number: EMBEDDED_VERSION, hash: 'embedded', settingsHash: '' };

/** Decides which version is in force. */
export class LifeCycle {
  readonly #parts: LifeCycleParts;
  #inForce: InForce | undefined;
  #epoch = 1;
  #monitor: ConfigMonitor | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<Reloaded> | undefined;
  #isStopped = false;
  #watching: NodeJS.Timeout | undefined;
  readonly #asking = new Asking((reason) => this.#reloadAlone(reason));
  readonly #hangs = new Map<number, number>();
  readonly #fit = new Set<number>();
  #activations = 0;
  #refusals = 0;
  #lastRefusal:
    | { readonly at: number; readonly number: number; readonly sentence: string }
    | undefined;

  constructor(parts: LifeCycleParts) {
    this.#parts = parts;
  }

  /** What is in force, for `waybill status`. */
  get status() {
    return {
      source: this.#parts.policy?.source ?? 'embedded',
      version: this.#inForce?.number,
      hash: this.#inForce?.hash,
      epoch: this.#epoch,
      ...(this.#lastRefusal === undefined ? {} : { lastRefusal: this.#lastRefusal }),
    };
  }

  get counters(): Omit<ManagerCounters, 'workerRestarts'> {
    return { activations: this.#activations, refusals: this.#refusals };
  }

  /** The cold start: loads and proves what is on the disk, and tells the worker to use it. */
  start(): Promise<Refusal | undefined> {
    return this.#inTurn(() => this.#startNow());
  }

  async #startNow(): Promise<Refusal | undefined> {
    const { policy, worker, log } = this.#parts;
    if (policy === undefined) {
      this.#inForce = EMBEDDED;
    } else {
      this.#monitor = new ConfigMonitor({ source: policy.source, dataDir: policy.dir, tell: log });
      const loaded = await this.#load(policy, 'start', undefined);
      if (loaded.kind === 'refused') return loaded;
      this.#accept(policy, loaded, 'start');
      this.#watchOn();
    }
    worker.use(this.#wanted('start')).catch(() => {});
    return undefined;
  }

  /** Ends the monitor. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#watching);
    this.#asking.stop();
  }

  /** Loads what is on the disk; unchanged, the epoch rises all the same. */
  reload(reason: string): Promise<Reloaded> {
    this.#next ??= this.#inTurn(() => {
      this.#next = undefined;
      return this.#reloadNow(reason).finally(() => this.#parts.policy?.steps.warm());
    });
    return this.#next;
  }

  /** Asks for a reload without waiting for it; a storm of this is one reload a second. */
  reloadSoon(reason: string): void {
    this.#asking.ask(reason);
  }

  /** Puts an earlier version in force again, after the canary has proved it once more. */
  activate(number: number): Promise<Reloaded> {
    return this.#inTurn(async () => {
      const { policy } = this.#parts;
      const version = policy?.store.find(number);
      if (policy === undefined || version === undefined || version.state === 'refused') {
        const why = version === undefined ? 'there is no such version' : version.sentence;
        return { kind: 'refused', number, sentence: why, code: EXIT_POLICY };
      }
      const refusal = await prove(policy, number);
      if (refusal !== undefined) return this.#refused(refusal);
      return await this.#putInForce(policy, version, `version ${number} was activated by hand`);
    });
  }

  /** The worker says what it uses. Its books may know a later epoch than a manager just started. */
  using(epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch);
  }

  /** A worker takes mail with this version. */
  fit(version: number): void {
    this.#fit.add(version);
  }

  /**
   * A life of the worker ended by itself. A version that hangs twice, and one with which no worker
   * came up, gives way to the version before it.
   */
  crashed({ version, hungIn, sentence }: Crash): void {
    if (version === undefined || version !== this.#inForce?.number) return;
    if (hungIn !== undefined) {
      const before = this.#hangs.get(version);
      this.#hangs.set(version, Date.now());
      if (before === undefined || Date.now() - before > HANG_MEMORY_MS) return;
      const where = hungIn === '' ? '' : ` in the handler ${hungIn}`;
      this.#fallBack(version, `version ${version} hung twice within 10 minutes${where}`);
    } else if (this.#fit.size > 0 && !this.#fit.has(version)) {
      this.#fallBack(version, `no worker came up with version ${version}: ${sentence}`);
    }
  }

  #wanted(reason: string): Wanted {
    return { version: this.#inForce?.number ?? EMBEDDED_VERSION, reason, epoch: this.#epoch };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#running.then(work);
    this.#running = done.catch(() => {});
    return done;
  }

  async #reloadNow(reason: string): Promise<Reloaded> {
    const { policy, worker, log } = this.#parts;
    const inForce = this.#inForce?.number ?? EMBEDDED_VERSION;
    if (policy !== undefined) {
      const loaded = await this.#load(policy, reason, inForce);
      if (loaded.kind === 'refused') return this.#refused(loaded);
      if (loaded.number !== inForce) return await this.#putInForce(policy, loaded, reason);
    }
    this.#epoch += 1;
    log('info', `config epoch ${this.#epoch}: ${reason}; the policy is unchanged`);
    await worker.bump(this.#epoch, reason);
    return { kind: 'unchanged', version: inForce, epoch: this.#epoch };
  }

  /** Looks at the files before and after, so that an edit made meanwhile is not overlooked. */
  async #load(
    policy: Versioned,
    reason: string,
    inForce: number | undefined,
  ): Promise<Loaded | Refusal> {
    await this.#monitor?.look();
    const loaded = await judge(policy, policy.source, reason, inForce);
    if (loaded.kind === 'refused') return loaded;
    for (const warning of loaded.warnings) {
      this.#parts.log('warn', `version ${loaded.number}: ${warning}`);
    }
    if ((await this.#monitor?.adopt(loaded.monitor)) === true) this.#reloadAlone(CHANGED);
    return loaded;
  }

  async #putInForce(policy: Versioned, version: InForce, reason: string): Promise<Reloaded> {
    const before = this.#inForce;
    this.#accept(policy, version, reason);
    this.#epoch += 1;
    const { worker, log } = this.#parts;
    log('info', `version ${version.number} (${version.hash}) is in force: ${reason}`);
    if (before?.settingsHash === version.settingsHash) {
      await worker.use(this.#wanted(reason));
    } else {
      worker.want(this.#wanted(reason));
      worker.replace('the listeners changed');
    }
    return { kind: 'activated', version: version.number, epoch: this.#epoch };
  }

  /** Synchronous: whatever starts a worker afterwards starts it with this version. */
  #accept({ store }: Versioned, { number, hash, settingsHash }: InForce, reason: string): void {
    // A start on what was in force before writes nothing.
    if (store.currentNumber() !== number) {
      store.accept(number, Date.now(), reason);
      this.#activations += 1;
    }
    this.#inForce = { number, hash, settingsHash };
  }

  #refused(refusal: Refusal): Refusal {
    const { number, sentence } = refusal;
    this.#refusals += 1;
    this.#lastRefusal = { at: Date.now(), number, sentence };
    const stays = `version ${this.#inForce?.number} stays in force`;
    this.#parts.log('error', `${sentence}; ${stays}`);
    return refusal;
  }

  #fallBack(from: number, reason: string): void {
    const { policy, worker, log } = this.#parts;
    const before = policy === undefined ? undefined : findFormer(policy.store, from);
    if (policy === undefined || before === undefined) {
      log('error', `${reason}; there is no version before it to return to`);
      return;
    }
    try {
      this.#accept(policy, before, reason);
    } catch (error) {
      // The store may be on a full disk; the worker comes back with what is in force.
      log('error', `${reason}; version ${before.number} cannot be put in force: ${String(error)}`);
      return;
    }
    this.#epoch += 1;
    log('error', `${reason}; version ${before.number} is in force again`);
    worker.want(this.#wanted(reason));
  }

  #watchOn(): void {
    if (this.#isStopped) return;
    this.#watching = setTimeout(() => {
      this.#inTurn(async () => (await this.#monitor?.look()) === true)
        .then((isChanged) => {
          if (isChanged) this.#reloadAlone(CHANGED);
        })
        .catch((error: unknown) => this.#parts.log('error', `config monitor: ${String(error)}`))
        .finally(() => this.#watchOn());
    }, this.#monitor?.intervalMs);
  }

  #reloadAlone(reason: string): void {
    if (this.#isStopped) return;
    this.reload(reason).catch((error: unknown) => {
      this.#parts.log('error', `the reload failed: ${String(error)}`);
    });
  }
}
