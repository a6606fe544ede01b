/**
 * The life cycle of the policy: load, prove, put in force, tell the worker. One reload at a time;
 * what is asked for meanwhile becomes one more. A refused candidate changes nothing but the list of
 * refusals. Owns the number of the version in force and the epoch. Knows no processes and no mail.
 */
import { dirname, resolve } from 'node:path';
import { Asking } from './asking.ts';
import { ConfigMonitor } from './config-monitor.ts';
import type { Choice } from './going-back.ts';
import { findBefore, findByNumber, showOnDisk } from './going-back.ts';
import type { Loaded, Passed, Refusal, Versioned } from './judging.ts';
import { findStandIn, findStanding, judge, passLaws, proveAgain } from './judging.ts';
import type { InForce, LifeCycleParts, Reloaded, Standing } from './life-cycle-parts.ts';
import { EMBEDDED, EMBEDDED_VERSION } from './life-cycle-parts.ts';
import type { ByHand, ManagerCounters } from './messages.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { Refusals } from './refusals.ts';
import type { Crash, Wanted } from './supervisor-parts.ts';
import { TrackRecord } from './track-record.ts';

/** Why a reload comes that nobody asked for. */
export const CHANGED = 'the files changed';
/** Decides which version is in force. */
export class LifeCycle {
  readonly #parts: LifeCycleParts;
  readonly #work: OneAtATime;
  #inForce: InForce | undefined;
  #epoch = 1;
  #monitor: ConfigMonitor | undefined;
  /** What the files made when they were last loaded. */
  #onDisk = EMBEDDED_VERSION;
  #next: Promise<Reloaded> | undefined;
  #isStopped = false;
  /** What is in force was put to use unjudged. */
  #isToBeChecked = false;
  readonly #asking = new Asking((reason) => this.#reloadAlone(reason));
  readonly #record = new TrackRecord();
  #activations = 0;
  readonly #refusals = new Refusals();

  constructor(parts: LifeCycleParts) {
    this.#parts = parts;
    this.#work = new OneAtATime(parts.reloading);
  }

  /** What is in force, for `waybill status`. */
  get status() {
    return {
      source: this.#parts.policy?.source ?? 'embedded',
      version: this.#inForce?.number,
      hash: this.#inForce?.hash,
      epoch: this.#epoch,
      ...this.#refusals.shown,
    };
  }

  get counters(): Omit<ManagerCounters, 'workerRestarts'> {
    return { activations: this.#activations, refusals: this.#refusals.count };
  }

  /**
   * The cold start: loads and proves what is on the disk, and tells the worker to use it. What
   * stands proved already is used at once, and looked at again when mail is taken.
   */
  start(): Promise<Refusal | undefined> {
    return this.#work.run(() => this.#startNow());
  }

  async #startNow(): Promise<Refusal | undefined> {
    const { policy, worker, log } = this.#parts;
    if (policy === undefined) {
      this.#inForce = EMBEDDED;
    } else {
      const { source, dir: dataDir } = policy;
      const standing = findStanding(policy);
      const files = standing?.files.map(({ path }) => resolve(dirname(source), path)) ?? [];
      this.#monitor = new ConfigMonitor({ source, dataDir, files, tell: log });
      this.#inForce = standing;
      this.#isToBeChecked = standing !== undefined;
      const refusal = this.#isToBeChecked ? undefined : await this.#startAnew(policy);
      if (refusal !== undefined) return refusal;
    }
    worker.use(this.#wanted('start')).catch(() => {});
    return undefined;
  }

  async #startAnew(policy: Versioned): Promise<Refusal | undefined> {
    policy.steps.warm();
    await this.#monitor?.look();
    const judged = await judge(policy, 'start', undefined);
    // Mail need not wait for the laws: what was in force stays so until they have held.
    this.#inForce = judged.kind === 'refused' ? undefined : await findStandIn(policy, judged);
    this.#isToBeChecked = this.#inForce !== undefined;
    if (this.#isToBeChecked) return undefined;
    const loaded = await this.#adopt(policy, judged);
    if (loaded.kind === 'refused') return loaded;
    this.#accept(policy, loaded, 'start');
    this.#watchOn();
    return undefined;
  }

  /** Mail is taken. Not before, for a start has better use for the processors. */
  settle(): void {
    const { policy, log } = this.#parts;
    policy?.steps.warm();
    if (policy === undefined || !this.#isToBeChecked) return;
    this.#isToBeChecked = false;
    this.#work
      .run(() => this.#check(policy))
      .catch((error: unknown) => log('error', `the policy was not looked at: ${String(error)}`))
      .finally(() => this.#watchOn());
  }

  /** The files are as they were, but names and variables that the policy asks for may not be. */
  async #check(policy: Versioned): Promise<void> {
    const inForce = this.#inForce?.number;
    const loaded = await this.#load(policy, 'start');
    if (loaded.kind === 'refused') this.#refused(loaded);
    else if (loaded.number !== inForce) await this.#putInForce(policy, loaded, 'start');
  }

  /** Ends the monitor. */
  stop(): void {
    this.#isStopped = true;
    this.#monitor?.stop();
    this.#asking.stop();
  }

  /** Loads what is on the disk; unchanged, the epoch rises all the same. */
  reload(reason: string): Promise<Reloaded> {
    this.#next ??= this.#work.reload(() => {
      this.#next = undefined;
      return this.#reloadNow(reason).finally(() => this.#parts.policy?.steps.warm());
    });
    return this.#next;
  }

  /** Asks for a reload without waiting for it; a storm of this is one reload a second. */
  reloadSoon(reason: string): void {
    this.#asking.ask(reason);
  }

  /** Puts an earlier version in force, after the canary has proved it once more. */
  activate(number: number, order: ByHand = {}): Promise<Reloaded> {
    return this.#work.reload(() => this.#choose(findByNumber(this.#parts.policy, number, order)));
  }

  /** Puts the version before the present one in force again, proved once more. */
  rollBack(order: ByHand = {}): Promise<Reloaded> {
    return this.#work.reload(() => this.#choose(this.findBefore(order)));
  }

  /** The version that a rollback would put in force. */
  findBefore(order: ByHand = {}): Choice | Refusal {
    return findBefore(this.#parts.policy, this.#number, order);
  }

  /** The worker says what it uses. Its books may know a later epoch than a manager just started. */
  using(epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch);
  }

  /** A worker takes mail with this version. */
  fit(version: number): void {
    this.#record.fit(version);
  }

  /** A life of the worker ended by itself. The version may have to give way to the one before. */
  crashed(crash: Crash): void {
    const { version } = crash;
    if (version === undefined || version !== this.#inForce?.number) return;
    const reason = this.#record.condemn(version, crash, Date.now());
    if (reason !== undefined) this.#fallBack(reason);
  }

  get #number(): number {
    return this.#inForce?.number ?? EMBEDDED_VERSION;
  }

  #wanted(reason: string): Wanted {
    return { version: this.#number, reason, epoch: this.#epoch };
  }

  async #choose(choice: Choice | Refusal): Promise<Reloaded> {
    if (choice.kind === 'refused') return choice;
    const { policy, version, reason } = choice;
    const refusal = await proveAgain(policy, version);
    if (refusal !== undefined) return this.#refused(refusal);
    // What lies on the disk now is known: only a later edit undoes this.
    await this.#monitor?.look();
    const from = this.#number;
    const done = await this.#putInForce(policy, version, reason);
    return { ...done, from, ...showOnDisk(this.#onDisk, version.number) };
  }

  async #reloadNow(reason: string): Promise<Reloaded> {
    const { policy, worker, log } = this.#parts;
    const inForce = this.#number;
    if (policy !== undefined) {
      const before = this.#onDisk;
      const loaded = await this.#load(policy, reason);
      if (loaded.kind === 'refused') return this.#refused(loaded);
      // Something beside the policy changed: a version that was activated by hand stays.
      const isKept = loaded.number === inForce || (reason === CHANGED && loaded.number === before);
      if (!isKept) return await this.#putInForce(policy, loaded, reason);
    }
    this.#epoch += 1;
    log('info', `config epoch ${this.#epoch}: ${reason}; the policy is unchanged`);
    await worker.bump(this.#epoch, reason);
    return { kind: 'unchanged', version: inForce, epoch: this.#epoch };
  }

  /** Looks at the files before and after, so that an edit made meanwhile is not overlooked. */
  async #load(policy: Versioned, reason: string): Promise<Passed | Refusal> {
    await this.#monitor?.look();
    return this.#adopt(policy, await judge(policy, reason, this.#inForce?.number));
  }

  async #adopt(policy: Versioned, judged: Loaded | Refusal): Promise<Passed | Refusal> {
    if (judged.kind === 'refused') return judged;
    const loaded = await passLaws(policy, judged, this.#parts.log);
    if (loaded.kind === 'refused') return loaded;
    const { number } = loaded;
    this.#onDisk = number;
    for (const one of loaded.warnings) this.#parts.log('warn', `version ${number}: ${one}`);
    if ((await this.#monitor?.adopt(loaded.monitor)) === true) this.#reloadAlone(CHANGED);
    return loaded;
  }

  async #putInForce(policy: Versioned, version: InForce, reason: string): Promise<Standing> {
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
    const held = version.held === undefined ? {} : { held: version.held };
    return { kind: 'activated', version: version.number, epoch: this.#epoch, ...held };
  }

  /** Synchronous: whatever starts a worker afterwards starts it with this version. */
  #accept({ store, program: own }: Versioned, version: InForce, reason: string): void {
    const { number, hash, settingsHash, isReturn = false } = version;
    // No start may rest on a proof of what files alone do not say.
    const program = version.isSelfContained === true ? own : '';
    // A start on what was in force before writes nothing.
    const before = store.inForce();
    if (before?.number !== number || before.program !== program) {
      store.accept(number, Date.now(), reason, { program, isReturn });
      this.#activations += 1;
    }
    this.#inForce = { number, hash, settingsHash };
  }

  #refused(refusal: Refusal): Refusal {
    this.#refusals.add(refusal);
    const stays = `version ${this.#inForce?.number} stays in force`;
    this.#parts.log('error', `${refusal.sentence}; ${stays}`);
    return refusal;
  }

  #fallBack(reason: string): void {
    const { worker, log } = this.#parts;
    const choice = this.findBefore();
    if (choice.kind === 'refused') {
      log('error', `${reason}; there is no version before it to return to`);
      return;
    }
    const { policy, version: before } = choice;
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
    this.#monitor?.keepLooking(
      (work) => this.#work.run(work),
      () => this.#reloadAlone(CHANGED),
    );
  }

  #reloadAlone(reason: string): void {
    if (this.#isStopped) return;
    this.reload(reason).catch((error: unknown) => {
      this.#parts.log('error', `the reload failed: ${String(error)}`);
    });
  }
}
