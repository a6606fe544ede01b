/**
 * The life of a worker: lock, log, recovery; then it waits for the version it is to use, and only
 * with that in hand writes, opens listeners and takes mail. Later versions are taken over while it
 * runs, one after the other. Nothing is opened to the network before the books are whole, nothing
 * released before the log is closed. Decides nothing about mail, nor about versions.
 */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Subject } from '../domain/explanation.ts';
import { lockDataDir } from '../events/data-lock.ts';
import type { AuthAsker } from '../policy/ask-auth.ts';
import type { PolicyFault } from '../policy/calling.ts';
import { lendBump } from '../policy/world.ts';
import type { ProcessWatch } from '../ports/node/process-figures.ts';
import { watchProcess } from '../ports/node/process-figures.ts';
import type { HookAnswer, HookDesk } from '../projections/hook-status.ts';
import { NO_HOOKS } from '../projections/hook-status.ts';
import type { Exit } from './exit.ts';
import { EXIT_IO, exitFor } from './exit.ts';
import { hearLeftRunning, LEFT_RUNNING } from './left-running.ts';
import type { OpenedListeners } from './listeners.ts';
import type { LoadedWorld } from './load.ts';
import type { WorkerArguments, WorkerOrder, WorkerWord } from './messages.ts';
import type { OpenedEngine } from './open.ts';
import type { OpeningLog } from './open-log.ts';
import { openLog } from './open-log.ts';
import { OpenNdrs } from './open-ndrs.ts';
import { SigningLoan } from './signing-loan.ts';
import type { Told } from './telling.ts';
import { tellExplanation } from './telling.ts';
import { TurnWatch } from './turn-watch.ts';
import type { NoteHandler } from './watchdog.ts';
import { WorkerMeters } from './worker-meters.ts';
import { stopInTime, stopWorker } from './worker-stopping.ts';

/** A worker of a manager that was killed ends within a second; a lock is waited for longer, ms. */
const LOCK_WAIT_MS = 2_000;

/** The worker's end of the channel to the manager. */
export interface WorkerChannel {
  say(word: WorkerWord): void;
  hear(listener: (order: WorkerOrder) => void): void;
  /** Says which handler of the policy runs. */
  readonly noteHandler?: NoteHandler;
}

// Read while the log is opened: each takes about a quarter of a second.
const program = Promise.all([import('./load.ts'), import('./open.ts'), import('./listeners.ts')]);

type UseOrder = Extract<WorkerOrder, { readonly kind: 'use' }>;

/** Runs until told to stop, or until the disk cannot be trusted; never rejects. */
export async function runWorker(args: WorkerArguments, channel: WorkerChannel): Promise<Exit> {
  const logger = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  try {
    const lock = await lockDataDir(args.dir, { waitMs: LOCK_WAIT_MS });
    try {
      const log = openLog(args.dir, args.keepLogMs, logger);
      return await new WorkerLife(args, channel, logger, log).run();
    } finally {
      await lock.release();
    }
  } catch (error) {
    const exit = exitFor(error);
    if (exit.code === 70) console.error(error);
    return exit;
  }
}

class WorkerLife {
  readonly #args: WorkerArguments;
  readonly #channel: WorkerChannel;
  readonly #logger: Logger;
  readonly #log: OpeningLog;
  readonly #meters = new WorkerMeters();
  readonly #signing: SigningLoan;
  readonly #first: Promise<UseOrder>;
  readonly #ending: Promise<Exit>;
  #gotFirst: ((order: UseOrder) => void) | undefined;
  #end: (exit: Exit) => void = () => {};
  #opened: OpenedEngine | undefined;
  #turns: TurnWatch | undefined;
  #process: ProcessWatch | undefined;
  #ndrs: OpenNdrs | undefined;
  /** A stop is ordered, whether or not mail is still taken for a while. */
  #isDraining = false;
  #world: LoadedWorld | undefined;
  #judge: { readonly world: LoadedWorld; readonly asker: AuthAsker } | undefined;
  /** Orders wait here until the first version is in use. */
  #work: Promise<unknown>;
  #isServing: () => void = () => {};
  /** The log hooks, whoever sees to them by now. */
  readonly #hooks: HookDesk = {
    ask: (order) => (this.#opened?.projections ?? NO_HOOKS).ask(order),
  };

  constructor(args: WorkerArguments, channel: WorkerChannel, logger: Logger, log: OpeningLog) {
    this.#args = args;
    this.#log = log;
    this.#channel = channel;
    this.#logger = logger;
    this.#signing = new SigningLoan(logger);
    this.#first = new Promise((resolve) => {
      this.#gotFirst = resolve;
    });
    this.#work = new Promise<void>((resolve) => {
      this.#isServing = resolve;
    });
    this.#ending = new Promise((resolve) => {
      this.#end = resolve;
    });
    lendBump(() =>
      channel.say({ kind: 'bump-wanted', reason: 'bumpConfigEpoch() in policy code' }),
    );
    channel.hear((order) => this.#hear(order));
  }

  async run(): Promise<Exit> {
    return await this.#live().finally(this.#hearLeftRunning());
  }

  #hearLeftRunning(): () => void {
    return hearLeftRunning({
      placeOf: (thrown) => this.#world?.findPlace(thrown) || (this.#world?.file ?? ''),
      version: () => this.#world?.version ?? 0,
      told: (sentence) => {
        this.#meters.faulted(LEFT_RUNNING);
        this.#opened?.engine.policyFaulted({ handler: LEFT_RUNNING, sentence });
      },
    });
  }

  async #live(): Promise<Exit> {
    const starting = this.#start();
    starting.catch(() => {});
    const ended = await Promise.race([this.#ending, starting]);
    // Told to stop before there was anything to serve: nothing was written, nothing is open.
    if ('code' in ended && this.#opened === undefined) return ended;
    const { listeners, world } = await starting;
    const exit = await this.#ending;
    const last = exit.code === 0 ? await stopInTime({ ...this.#stopping(), listeners }) : exit;
    await world.close();
    return last;
  }

  async #start(): Promise<{ listeners: OpenedListeners; world: LoadedWorld }> {
    const { dir, version } = this.#args;
    const loading = this.#first.then((order) => this.#load(order.version));
    loading.catch(() => {});
    const [, { openEngine }, { openListeners }] = await program;
    const opened = await openEngine({
      dir,
      log: this.#log,
      loading,
      using: this.#first,
      ehloName: hostname(),
      version,
      logger: this.#logger,
      heard: (fault) => this.#meters.faulted(fault.handler),
      ...(this.#channel.noteHandler === undefined
        ? {}
        : { noteHandler: this.#channel.noteHandler }),
      fatal: (sentence) => this.#end({ code: EXIT_IO, sentence }),
    });
    this.#opened = opened;
    this.#turns = new TurnWatch(() => opened.engine.figures.numbers());
    const { figures, ndrs, refusals } = opened.engine;
    this.#meters.figures = figures;
    this.#meters.tls = () => figures.tls();
    this.#meters.delays = figures.delays;
    this.#process = watchProcess([dir]);
    this.#meters.process = this.#process.read;
    Object.assign(this.#meters, { ndrs, refusals, redis: opened.redis, dns: opened.dns });
    this.#meters.signing = () => this.#signing.numbers();
    this.#meters.hooks = () => this.#hooks.ask({ do: 'list' });
    const world = await loading;
    this.#world = world;
    this.#tellUsing(world.version, opened.epoch);
    this.#ndrs = new OpenNdrs({ opened, params: () => this.#world?.ndr, logger: this.#logger });
    this.#isServing();
    const listeners = await openListeners(world, {
      opened,
      logger: this.#logger,
      meters: this.#meters,
      explain: (subject) => this.explain(subject),
      hooks: this.#hooks,
      judge: () => this.#judgeBy(this.#world ?? world),
      isDraining: () => this.#isDraining,
      dir,
      version,
      requestBump: (reason) => this.#channel.say({ kind: 'bump-wanted', reason }),
    }).catch(async (error: unknown) => {
      await stopWorker(this.#stopping(), 0);
      throw error;
    });
    const place = listeners.smtp[0];
    const hint = place === undefined ? undefined : world.hint?.(place, dir);
    this.#channel.say({
      kind: 'ready',
      listeners: listeners.smtp,
      httpListeners: listeners.http,
      ...(hint === undefined ? {} : { hint }),
    });
    return { listeners, world };
  }

  #hear(order: WorkerOrder): void {
    if (order.kind === 'beat') {
      this.#meters.counters = order.counters;
      // What hangs between the inbox and a turn would answer here all the same.
      if (this.#turns?.moves() !== false) this.#channel.say({ kind: 'alive', id: order.id });
    } else if (order.kind === 'explain') {
      this.#channel.say({ kind: 'answered', id: order.id, answer: this.explain(order.subject) });
    } else if (order.kind === 'hooks') {
      const { id } = order;
      const say = (answer: HookAnswer) => this.#channel.say({ kind: 'answered', id, answer });
      void this.#hooks.ask(order.order).then(say);
    } else if (order.kind === 'stop') {
      this.#drain(order.drainMs);
    } else if (order.kind === 'use' && this.#gotFirst !== undefined) {
      this.#gotFirst(order);
      this.#gotFirst = undefined;
    } else {
      // In the order in which they came, and not before the first version is in use.
      this.#work = this.#work
        .then(() => this.#takeOver(order))
        .catch((error: unknown) => {
          const version = order.kind === 'use' ? order.version : this.#meters.version;
          this.#channel.say({ kind: 'unusable', version, sentence: exitFor(error).sentence });
        });
    }
  }

  #drain(drainMs: number): void {
    this.#isDraining = true;
    const end = (): void => this.#end({ code: 0, sentence: 'told to' });
    if (drainMs > 0) setTimeout(end, drainMs);
    else end();
  }

  async #takeOver(order: Extract<WorkerOrder, { readonly kind: 'use' | 'bump' }>): Promise<void> {
    const { epoch, reason } = order;
    const world = order.kind === 'use' ? await this.#load(order.version) : undefined;
    const opened = this.#opened;
    if (opened === undefined) throw new Error('told to use another version before the first');
    await new Promise<void>((resolve) => {
      if (world === undefined) opened.engine.bumpEpoch(epoch, reason, resolve);
      else opened.engine.usePolicy(opened.makeUse(world, reason, epoch), resolve);
    });
    if (world === undefined) opened.projections.bump();
    else opened.projections.use(world);
    this.#world = world ?? this.#world;
    this.#tellUsing(world?.version ?? this.#meters.version, epoch);
  }

  async #load(version: number): Promise<LoadedWorld> {
    const { isEmbedded, smtp, dir } = this.#args;
    const [{ loadEmbedded, loadNumbered }] = await program;
    return await (isEmbedded ? loadEmbedded(version, smtp) : loadNumbered(version, dir));
  }

  explain(subject: Subject): Told | string {
    const world = this.#world;
    if (this.#opened === undefined || world === undefined) return 'the worker is still starting';
    const answer = this.#opened.engine.explain(subject);
    return typeof answer === 'string' ? answer : tellExplanation(answer, world.originOf);
  }

  /** One for each version, so that what was judged by another is not remembered. */
  #judgeBy(world: LoadedWorld): AuthAsker {
    if (this.#judge?.world !== world) {
      const heard = (fault: PolicyFault): void => {
        this.#meters.faulted(fault.handler);
        this.#opened?.engine.policyFaulted(fault);
      };
      this.#judge = { world, asker: world.makeJudge(heard) };
    }
    return this.#judge.asker;
  }

  #tellUsing(version: number, epoch: number): void {
    this.#meters.version = version;
    this.#meters.epoch = epoch;
    this.#channel.say({ kind: 'using', version, epoch });
  }

  #stopping() {
    return {
      opened: this.#opened,
      process: this.#process,
      ndrs: this.#ndrs,
      signing: this.#signing,
    };
  }
}
