/**
 * Keeps one worker alive: starts it, tells it which version to use, asks each second whether it
 * lives, and puts another in its place when it crashed, hangs or does not acknowledge. What was
 * wanted last is told to every new life, so a worker always comes back on the version in force.
 * Does not decide which version that is.
 */
import { BackOff } from './back-off.ts';
import type { Exit } from './exit.ts';
import { EXIT_POLICY, EXIT_SOFTWARE } from './exit.ts';
import type { AnswerTo, Question } from './inquiries.ts';
import { Inquiries } from './inquiries.ts';
import { Interlude } from './interlude.ts';
import type { WorkerWord } from './messages.ts';
import { STOP_MS_MAX } from './messages.ts';
import type { WorkerState, WorkerStatus } from './status.ts';
import type { SupervisorHost, Wanted } from './supervisor-parts.ts';
import * as patience from './supervisor-patience.ts';
import type { StartWorker, WorkerLink } from './worker-link.ts';

/** One worker's keeper. */
export class Supervisor {
  readonly #start: StartWorker;
  readonly #host: SupervisorHost;
  readonly #backOff = new BackOff();
  readonly #inquiries = new Inquiries();
  readonly #interlude = new Interlude();
  #link: WorkerLink | undefined;
  #state: WorkerState = 'starting';
  #wanted: Wanted | undefined;
  #using: { readonly version: number; readonly epoch: number } | undefined;
  #startedAt = 0;
  #readyAt: number | undefined;
  #everReady = false;
  #restarts = 0;
  #lastCrash: { readonly at: number; readonly sentence: string } | undefined;
  #beats = 0;
  #missed = 0;
  #aliveAt = 0;
  /** The handler that takes long just now. */
  #lateIn = '';
  #hang: { readonly handler: string } | undefined;
  #isStopping = false;
  #isReplacing = false;
  #acknowledged: (() => void) | undefined;
  #stopped: ((exit: Exit) => void) | undefined;
  #beating: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(start: StartWorker, host: SupervisorHost) {
    this.#start = start;
    this.#host = host;
  }

  get status(): WorkerStatus {
    const isAlive = this.#link !== undefined;
    return {
      pid: this.#link?.pid,
      state: this.#state,
      version: isAlive ? this.#using?.version : undefined,
      epoch: isAlive ? this.#using?.epoch : undefined,
      uptimeMs: isAlive ? Math.round(performance.now() - this.#startedAt) : 0,
      restarts: this.#restarts,
      ...(this.#lastCrash === undefined ? {} : { lastCrash: this.#lastCrash }),
    };
  }

  /**
   * Whether the worker lives as far as its keeper can tell; what the keeper itself bounds, such as
   * the wait for another life, counts as well.
   */
  get isMoving(): boolean {
    const now = performance.now();
    if (this.#state === 'starting') return now - this.#startedAt < patience.START_MS_MAX;
    return (
      this.#state !== 'ready' ||
      now - this.#aliveAt <= (patience.BEATS_MISSED_MAX + 2) * patience.BEAT_MS
    );
  }

  /** Begins the first life. It recovers, and waits for `want` before it writes anything. */
  begin(): void {
    this.#beating ??= setInterval(() => this.#beat(), patience.BEAT_MS);
    this.#live();
  }

  /** Tells every life from now on what to use; the present one is not told. */
  want(wanted: Wanted): void {
    this.#wanted = wanted;
  }

  /** Tells the worker too, and resolves when it acknowledged or was replaced for not doing so. */
  use(wanted: Wanted): Promise<void> {
    this.want(wanted);
    const { version, reason, epoch } = wanted;
    this.#link?.send({ kind: 'use', version, reason, epoch });
    return this.#acknowledgement();
  }

  /** Nothing changed on disk: only the epoch is another. */
  bump(epoch: number, reason: string): Promise<void> {
    if (this.#wanted !== undefined) this.want({ ...this.#wanted, epoch });
    this.#link?.send({ kind: 'bump', epoch, reason });
    return this.#acknowledgement();
  }

  /** Asks the worker. */
  ask<Asked extends Question>(question: Asked): Promise<AnswerTo<Asked>> {
    return this.#inquiries.ask((order) => this.#link?.send(order), question);
  }

  /** Stops the worker in good order and starts it again with what is wanted. */
  replace(reason: string): void {
    this.#host.log('info', `the worker is started again: ${reason}`);
    if (this.#link === undefined) return;
    this.#isReplacing = true;
    this.#askToStop();
  }

  /** Stops the worker in good order, lets `work` have the data, and starts it again. */
  aside<T>(reason: string, work: () => Promise<T>): Promise<T> {
    if (this.#isStopping || this.#isReplacing || this.#interlude.isPlanned) {
      return Promise.reject(new Error('the worker is being stopped already; try again'));
    }
    this.#host.log('info', `the worker stops meanwhile: ${reason}`);
    const done = this.#interlude.plan(work);
    this.#isReplacing = true;
    clearTimeout(this.#timer);
    if (this.#link === undefined) this.#goOn();
    else this.#askToStop();
    return done;
  }

  #goOn(): void {
    this.#isReplacing = false;
    this.#interlude.play(() => {
      if (!this.#isStopping) this.#live();
    });
  }

  /**
   * Ends it for good; graceful, it takes mail for `drainMs` more, its connections get their time
   * and its end is answered.
   */
  async stop(isGraceful: boolean, drainMs = 0): Promise<Exit | undefined> {
    this.#isStopping = true;
    clearInterval(this.#beating);
    clearTimeout(this.#timer);
    const link = this.#link;
    if (link === undefined) return undefined;
    const stopped = new Promise<Exit>((resolve) => {
      this.#stopped = resolve;
    });
    if (isGraceful || !link.isApart) this.#askToStop(isGraceful ? drainMs : 0);
    else link.kill();
    return await stopped;
  }

  #live(): void {
    this.#state = 'starting';
    this.#startedAt = performance.now();
    this.#readyAt = undefined;
    this.#using = undefined;
    this.#hang = undefined;
    this.#lateIn = '';
    this.#missed = 0;
    this.#link = this.#start({
      heard: (word) => this.#hear(word),
      runs: (handler, sinceMs) => {
        this.#lateIn = sinceMs >= patience.LATE_MS ? handler : '';
        if (sinceMs >= patience.HANDLER_MS_MAX) this.#killHanging(handler);
      },
      ended: (exit) => this.#end(exit),
    });
    if (this.#wanted !== undefined) this.#link.send({ kind: 'use', ...this.#wanted });
  }

  #hear(word: WorkerWord): void {
    if (word.kind === 'alive') this.#showLife();
    else if (word.kind === 'bump-wanted') this.#host.bumpWanted(word.reason);
    else if (word.kind === 'using') this.#acknowledge(word);
    else if (word.kind === 'answered') this.#inquiries.hear(word);
    else if (word.kind === 'unusable') this.#host.log('error', `the worker says: ${word.sentence}`);
    else if (word.kind === 'ready') {
      this.#state = 'ready';
      this.#everReady = true;
      this.#readyAt = performance.now();
      this.#showLife();
      this.#host.ready(word);
      this.#catchUp();
    }
  }

  #showLife(): void {
    this.#missed = 0;
    this.#aliveAt = performance.now();
  }

  /** What was wanted while the worker began may have missed it; to hear it twice does no harm. */
  #catchUp(): void {
    const wanted = this.#wanted;
    const { version, epoch = -1 } = this.#using ?? {};
    if (wanted === undefined || (version === wanted.version && epoch >= wanted.epoch)) return;
    this.#link?.send({ kind: 'use', ...wanted });
  }

  #acknowledge({ version, epoch }: { version: number; epoch: number }): void {
    this.#using = { version, epoch };
    this.#host.using(version, epoch);
    const wanted = this.#wanted;
    if (wanted === undefined || version !== wanted.version || epoch < wanted.epoch) return;
    this.want({ ...wanted, epoch });
    this.#acknowledged?.();
  }

  /** A worker that is not ready yet acknowledges when it is through, which nobody waits for. */
  #acknowledgement(): Promise<void> {
    this.#acknowledged?.();
    const asked = this.#state === 'ready' ? this.#link : undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#acknowledged = undefined;
        resolve();
      };
      const timer = setTimeout(() => {
        if (asked?.isApart === true && asked === this.#link) {
          if (this.#lateIn !== '') this.#killHanging(this.#lateIn);
          else this.#killSilent(asked);
        }
        done();
      }, patience.ACKNOWLEDGE_MS_MAX);
      this.#acknowledged = done;
    });
  }

  #killSilent(link: WorkerLink): void {
    const wait = `${patience.ACKNOWLEDGE_MS_MAX / 1000} s`;
    this.#host.log('error', `the worker did not acknowledge within ${wait}; replaced`);
    this.#isReplacing = true;
    this.#restarts += 1;
    link.kill();
  }

  #beat(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#beats += 1;
    link.send({ kind: 'beat', id: this.#beats, counters: this.#host.counters() });
    if (this.#state !== 'ready' || !link.isApart) return;
    this.#missed += 1;
    if (this.#missed > patience.BEATS_MISSED_MAX) this.#killHanging(this.#lateIn);
  }

  #killHanging(handler: string): void {
    if (this.#hang !== undefined) return;
    this.#hang = { handler };
    this.#link?.kill();
  }

  #askToStop(drainMs = 0): void {
    this.#state = 'stopping';
    const link = this.#link;
    link?.send({ kind: 'stop', drainMs });
    this.#timer = setTimeout(() => link?.kill(), drainMs + STOP_MS_MAX + patience.STOP_SLACK_MS);
  }

  #end(exit: Exit): void {
    clearTimeout(this.#timer);
    const version = this.#using?.version ?? this.#wanted?.version;
    const isApart = this.#link?.isApart === true;
    this.#link = undefined;
    this.#state = this.#isStopping ? 'stopped' : 'waiting';
    if (this.#isStopping) {
      this.#stopped?.(exit);
      return;
    }
    if (this.#isReplacing) {
      this.#goOn();
      return;
    }
    this.#restarts += 1;
    const hungIn = this.#hang?.handler;
    const sentence = hungIn === undefined ? exit.sentence : patience.describeHang(hungIn);
    this.#lastCrash = { at: Date.now(), sentence };
    this.#host.crashed({ version, sentence, hungIn });
    const isOther = this.#wanted?.version !== version;
    if (!isApart || !this.#everReady || (patience.HOPELESS.has(exit.code) && !isOther)) {
      const code = hungIn ? EXIT_POLICY : exit.code || EXIT_SOFTWARE;
      const what = this.#everReady ? 'the worker ended' : 'the worker did not start';
      this.#host.hopeless({ code, sentence: `${what}: ${sentence}` });
      return;
    }
    const healthyMs = this.#readyAt === undefined ? 0 : performance.now() - this.#readyAt;
    const waitMs = this.#backOff.next(healthyMs);
    this.#host.log('error', `the worker ended: ${sentence}; started again in ${waitMs} ms`);
    this.#timer = setTimeout(() => this.#live(), waitMs);
  }
}
