/**
 * The manager: puts loader, canary and worker together, hears signals and the control socket, and
 * says on stdout when mail is taken and in `run.json` who is there. It never touches mail: what
 * happens to it happens to no message. Which version is in force is decided in life-cycle.ts, how a
 * worker is kept alive in supervisor.ts.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Subject } from '../domain/explanation.ts';
import type { ErasureReport } from '../erasing/erase.ts';
import type { ErasureOrder } from '../erasing/pending.ts';
import { PENDING_NAME } from '../erasing/pending.ts';
import type { ServiceNotices } from '../ports/node/service-notices.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import { Announcing } from './announcing.ts';
import { openControl } from './control-server.ts';
import type { Erase } from './erasing.ts';
import type { Exit } from './exit.ts';
import { EXIT_SOFTWARE, exitFor } from './exit.ts';
import type { Versioned } from './judging.ts';
import { LifeCycle } from './life-cycle.ts';
import type { Reloaded } from './life-cycle-parts.ts';
import type { ControlRequest, WorkerWord } from './messages.ts';
import type { DaemonStatus } from './status.ts';
import { Supervisor } from './supervisor.ts';
import type { Told } from './telling.ts';
import type { StartWorker } from './worker-link.ts';

/** What a manager is made of. */
export interface ManagerParts {
  readonly dir: string;
  readonly policy: Versioned | undefined;
  readonly startWorker: StartWorker;
  readonly erase: Erase;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  /** How long mail is still taken after a stop is ordered, ms. */
  readonly drainMs: number;
  /** The way to the service manager, where it wants to hear. */
  readonly notices?: ServiceNotices;
}

type Level = 'info' | 'warn' | 'error';
type Ready = Extract<WorkerWord, { readonly kind: 'ready' }>;

/** Runs a daemon from cold start to end; answers how it ended. */
export async function runManager(parts: ManagerParts): Promise<Exit> {
  return await new Manager(parts).run();
}

class Manager {
  readonly #parts: ManagerParts;
  readonly #supervisor: Supervisor;
  readonly #lifeCycle: LifeCycle;
  readonly #announcing: Announcing | undefined;
  readonly #startedAt = performance.now();
  readonly #ended: Promise<Exit>;
  #end: (exit: Exit) => void = () => {};
  #ready: Ready | undefined;

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    const log = (level: Level, text: string): void => parts.logger[level](text);
    this.#supervisor = new Supervisor(parts.startWorker, {
      ready: (word) => this.#announce(word),
      using: (version, epoch) => {
        this.#lifeCycle.using(epoch);
        if (this.#supervisor.status.state === 'ready') this.#lifeCycle.fit(version);
      },
      bumpWanted: (reason) => this.#lifeCycle.reloadSoon(reason),
      crashed: (crash) => this.#lifeCycle.crashed(crash),
      hopeless: (exit) => this.#end(exit),
      counters: () => {
        const { restarts } = this.#supervisor.status;
        return { ...this.#lifeCycle.counters, workerRestarts: restarts };
      },
      log,
    });
    this.#lifeCycle = new LifeCycle({
      policy: parts.policy,
      worker: this.#supervisor,
      log,
      reloading: (isOn) => this.#announcing?.reloading(isOn),
    });
    if (parts.notices !== undefined) {
      this.#announcing = new Announcing(parts.notices, {
        status: () => this.#status(),
        isMoving: () => this.#supervisor.isMoving,
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async run(): Promise<Exit> {
    const { dir, logger, policy, drainMs } = this.#parts;
    // What an earlier daemon left there names processes that are gone.
    rmSync(join(dir, 'run.json'), { force: true });
    this.#hearSignals();
    if (existsSync(join(dir, PENDING_NAME))) {
      logger.warn('an erasure was cut short: finish it with waybill erase --resume');
    }
    // It recovers while the policy is judged, and writes nothing before it is told what to use.
    this.#supervisor.begin();
    this.#start().catch((error: unknown) => {
      const exit = exitFor(error);
      if (exit.code === EXIT_SOFTWARE) console.error(error);
      this.#end(exit);
    });
    const control = await openControl(dir, (request) => this.#answer(request)).catch(
      (error: Error) => logger.error(`there is no control socket: ${error.message}`),
    );
    const exit = await this.#ended;
    logger.info(`stopping: ${exit.sentence}`);
    this.#announcing?.stopping(exit.sentence);
    this.#lifeCycle.stop();
    policy?.steps.stop();
    const last = await this.#supervisor.stop(exit.code === 0, drainMs);
    this.#announcing?.end();
    control?.close();
    rmSync(join(dir, 'run.json'), { force: true });
    return exit.code === 0 && last !== undefined ? last : exit;
  }

  async #start(): Promise<void> {
    const refusal = await this.#lifeCycle.start();
    if (refusal !== undefined) this.#end({ code: refusal.code, sentence: refusal.sentence });
  }

  #hearSignals(): void {
    let count = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        count += 1;
        // The second one does not wait; the children notice that nobody is there any more.
        if (count > 1) process.exit(1);
        this.#end({ code: 0, sentence: signal });
      });
    }
    process.on('SIGHUP', () => this.#lifeCycle.reloadSoon('SIGHUP'));
  }

  #announce(ready: Ready): void {
    const isFirst = this.#ready === undefined;
    this.#ready = ready;
    const { version, pid } = this.#supervisor.status;
    if (version !== undefined) this.#lifeCycle.fit(version);
    const { listeners, httpListeners, hint } = ready;
    const workers = [{ pid }];
    this.#writeRun({ pid: process.pid, workers, listeners, httpListeners });
    this.#announcing?.ready();
    if (!isFirst) return;
    const places = [
      ...listeners.map((place) => `smtp ${place}`),
      ...httpListeners.map((place) => `http ${place}`),
    ];
    console.log(`waybilld ready ${places.join(', ')}`);
    if (hint !== undefined) console.log(hint);
    this.#lifeCycle.settle();
  }

  /** Mail is taken whether or not this can be written: the disk may be full. */
  #writeRun(run: object): void {
    const file = join(this.#parts.dir, 'run.json');
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify(run)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      this.#parts.logger.error(`${file} cannot be written: ${(error as Error).message}`);
    }
  }

  async #answer(request: ControlRequest): Promise<Readonly<Record<string, unknown>>> {
    const { do: what, version, hand } = request;
    if (what === 'status') return { ...this.#status() };
    if (what === 'policy.reload')
      return told(await this.#lifeCycle.reload('waybill policy reload'));
    if (what === 'policy.bump') return told(await this.#lifeCycle.reload('waybill policy bump'));
    if (what === 'policy.activate' && Number.isSafeInteger(version)) {
      return told(await this.#lifeCycle.activate(Number(version), hand));
    }
    if (what === 'policy.rollback') return await this.#rollBack(request);
    if (what === 'explain') return { ...(await this.#explain(request.subject)) };
    if (what === 'hooks') return { answer: await this.#hooks(request.order) };
    if (what === 'erase') return { report: await this.#erase(request.erasure) };
    if (what === 'stop') {
      this.#end({ code: 0, sentence: 'told to at the control socket' });
      return {};
    }
    throw new Error(`this manager does not know how to do ${JSON.stringify(what)}`);
  }

  async #rollBack({ hand, isDryRun }: ControlRequest): Promise<Readonly<Record<string, unknown>>> {
    if (isDryRun !== true) return told(await this.#lifeCycle.rollBack(hand));
    const choice = this.#lifeCycle.findBefore();
    if (choice.kind === 'refused') return told(choice);
    const { version: from } = this.#lifeCycle.status;
    return { kind: 'dry run', version: choice.version.number, from };
  }

  async #explain(subject: Subject | undefined): Promise<Told> {
    if (subject === undefined) throw new Error('explain needs a subject');
    const answer = await this.#supervisor.ask({ kind: 'explain', subject });
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }

  async #hooks(order: HookOrder | undefined): Promise<HookAnswer> {
    if (order === undefined) throw new Error('hooks needs an order');
    const answer = await this.#supervisor.ask({ kind: 'hooks', order });
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }

  /** The worker gives way meanwhile: what is rewritten must have no reader and no writer. */
  #erase(order: ErasureOrder | undefined): Promise<ErasureReport> {
    if (order === undefined) throw new Error('erase needs an order');
    const { dir, erase } = this.#parts;
    return this.#supervisor.aside(`erasure ${order.id}`, () => erase(dir, order));
  }

  #status(): DaemonStatus {
    const { version } = this.#parts;
    return {
      pid: process.pid,
      version,
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      policy: { ...this.#lifeCycle.status, ...this.#lifeCycle.counters },
      workers: [this.#supervisor.status],
      listeners: this.#ready?.listeners ?? [],
      httpListeners: this.#ready?.httpListeners ?? [],
    };
  }
}

function told(reloaded: Reloaded): Readonly<Record<string, unknown>> {
  if (reloaded.kind !== 'refused') return { ...reloaded };
  const { sentence, account } = reloaded;
  throw new Error(account === undefined ? sentence : `${sentence}\n\n${account}`);
}
