/**
 * The worker's end of the thread of the projections: started when something reads the log, told of
 * later versions, asked what operators ask, started again when it dies, and ended in time. Without
 * readers there is no thread. The engine hears from here what of the log is still needed.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { CaptureList } from '../domain/capture.ts';
import type { ReaderNeed } from '../domain/reader-floors.ts';
import { NEEDS_ALL } from '../domain/reader-floors.ts';
import { MarkWatch } from '../events/log-mark.ts';
import { startThread } from '../events/log-start.ts';
import type { PolicyFault } from '../policy/ask.ts';
import type { HookAnswer, HookDesk, HookOrder, HookStatus } from '../projections/hook-status.ts';
import { NO_HOOKS } from '../projections/hook-status.ts';
import { BackOff } from './back-off.ts';
import { LoadGauge } from './mail-load.ts';
import type { FromProjections, ProjectionStart, ToProjections } from './projection-messages.ts';

/** Megabytes of objects: with more the thread ends, and begins again at its cursors. */
const OLD_OBJECTS_MB = 1_024;
const YOUNG_OBJECTS_MB = 64;
/** It speaks every five seconds; one that is silent for so long is in a loop, ms. */
const SILENT_MS_MAX = 60_000;
const LOOK_MS = 5_000;
/** An operator is answered within this, ms: sooner than the manager gives up. */
const ANSWER_MS_MAX = 3_000;

const AWAY: HookAnswer = {
  kind: 'refused',
  said: 'the log hooks are being started, or have no time to answer; try again in a moment',
};

const NEVER_HEARD: Omit<HookStatus, 'name' | 'sink' | 'state'> = {
  position: 0,
  lagRecords: 0,
  lagSeconds: 0,
  ready: 0,
  failures: 0,
  shipped: 0,
  failedBatches: 0,
  deadLettered: 0,
  fellOff: 0,
};

/** What the thread stands on, and whom it tells. */
export interface ProjectionsParts extends Pick<ProjectionStart, 'dir' | 'mark'> {
  readonly logger: Logger;
  /** A handler of the policy failed there. */
  readonly faulted: (fault: PolicyFault) => void;
}

/** A reader, by name and kind of its sink. */
export type ReaderName = Pick<HookStatus, 'name' | 'sink'>;

/** A version of the policy, as far as readers of the log are concerned. */
export interface ReadersWanted {
  readonly version: number;
  readonly readers: readonly ReaderName[];
  readonly capture: CaptureList;
}

/** The readers of a worker, wherever they run. */
export class OpenProjections implements HookDesk {
  readonly #parts: ProjectionsParts;
  readonly #backOff = new BackOff();
  readonly #load = new LoadGauge();
  readonly #asked = new Map<number, (answer: HookAnswer | undefined) => void>();
  /** As the thread told them last. */
  #last: readonly HookStatus[] = [];
  #lastId = 0;
  /** What reception is to keep: always as the version in force says. */
  readonly capture: CaptureList;
  #node = '';
  /** How far the log was when the version in force came. */
  #now = 0;
  #wanted: ReadersWanted;
  #thread: Worker | undefined;
  #needs: readonly ReaderNeed[] = NEEDS_ALL;
  #startedAt = 0;
  #heardAt = 0;
  #isStopping = false;
  #restart: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(wanted: ReadersWanted, parts: ProjectionsParts) {
    this.#wanted = wanted;
    this.#parts = parts;
    const now = (): CaptureList => this.#wanted.capture;
    this.capture = {
      get meta() {
        return now().meta;
      },
      get headers() {
        return now().headers;
      },
    };
  }

  /** What is needed of the log; before the first word of a thread, everything. */
  needs(): readonly ReaderNeed[] {
    return this.#hasReaders ? this.#needs : [];
  }

  get #hasReaders(): boolean {
    return this.#wanted.readers.length > 0;
  }

  /** Begins, where there is something to do; `node` names the data directory. */
  start(node: string): void {
    this.#node = node;
    this.#now = this.#upto();
    this.#begin();
  }

  #upto(): number {
    return new MarkWatch(this.#parts.mark).upto();
  }

  #begin(): void {
    if (!this.#hasReaders || this.#thread !== undefined || this.#isStopping) return;
    const { dir, mark } = this.#parts;
    const node = this.#node;
    const workerData: ProjectionStart = {
      dir,
      mark,
      load: this.#load.memory,
      node,
      version: this.#wanted.version,
      now: this.#now,
    };
    const resourceLimits = {
      maxOldGenerationSizeMb: OLD_OBJECTS_MB,
      maxYoungGenerationSizeMb: YOUNG_OBJECTS_MB,
    };
    const thread = startThread('./projection-thread', import.meta.url, {
      workerData,
      name: 'projections',
      resourceLimits,
    });
    this.#thread = thread;
    this.#startedAt = performance.now();
    this.#heardAt = this.#startedAt;
    thread.on('message', (word: FromProjections) => this.#hear(word));
    thread.on('error', (error) =>
      this.#parts.logger.error(error, 'the thread of log hooks failed'),
    );
    thread.on('exit', () => this.#ended(thread));
    this.#load.start();
    this.#watch ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** Another version is in force. */
  use(wanted: ReadersWanted): void {
    // A reader may be new: until it has spoken, nothing of the log goes.
    if (wanted.readers.length > 0) this.#needs = NEEDS_ALL;
    this.#wanted = wanted;
    this.#now = this.#upto();
    if (this.#thread === undefined) this.#begin();
    else this.#tell({ kind: 'use', version: wanted.version, now: this.#now });
  }

  /** The policy is to be asked again. */
  bump(): void {
    this.#tell({ kind: 'bump' });
  }

  #tell(message: ToProjections): void {
    this.#thread?.postMessage(message);
  }

  #hear(word: FromProjections): void {
    this.#heardAt = performance.now();
    const { logger, faulted } = this.#parts;
    if (word.kind === 'log') logger[word.level](word.text);
    else if (word.kind === 'fault') faulted(word.fault);
    else if (word.kind === 'needs') this.#needs = word.needs;
    else this.#asked.get(word.id)?.(word.answer);
  }

  /** A thread that is silent is in a loop of somebody's code: another one takes its place. */
  #look(): void {
    if (this.#thread === undefined || performance.now() - this.#heardAt < SILENT_MS_MAX) return;
    this.#parts.logger.error('the thread of log hooks does not answer and is started again');
    void this.#thread.terminate();
  }

  #ended(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    for (const give of [...this.#asked.values()]) give(undefined);
    if (this.#isStopping) return;
    const waitMs = this.#backOff.next(performance.now() - this.#startedAt);
    this.#parts.logger.warn(`the thread of log hooks ended; it is started again in ${waitMs} ms`);
    this.#restart = setTimeout(() => this.#begin(), waitMs);
  }

  async ask(order: HookOrder): Promise<HookAnswer> {
    if (!this.#hasReaders) return await NO_HOOKS.ask(order);
    const answer = await this.#askThread(order);
    if (answer?.kind === 'hooks') this.#last = answer.hooks;
    return answer ?? (order.do === 'list' ? this.#listAway() : AWAY);
  }

  /** Undefined where there is no answer in time. */
  #askThread(order: HookOrder): Promise<HookAnswer | undefined> {
    if (this.#thread === undefined) return Promise.resolve(undefined);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => give(undefined), ANSWER_MS_MAX);
      const give = (answer: HookAnswer | undefined): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(answer);
      };
      this.#asked.set(id, give);
      this.#tell({ kind: 'ask', id, order });
    });
  }

  /** How they were when the thread last told. */
  #listAway(): HookAnswer {
    const hooks = this.#wanted.readers.map((reader) => ({
      ...NEVER_HEARD,
      ...this.#last.find(({ name }) => name === reader.name),
      ...reader,
      state: 'starting',
    }));
    return { kind: 'hooks', hooks };
  }

  /** Ends it within `graceMs`: what is not shipped by then waits in the log. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    clearInterval(this.#watch);
    // What is left is shipped as fast as it goes.
    this.#load.stop();
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    const timer = setTimeout(() => void thread.terminate(), graceMs);
    this.#tell({ kind: 'stop' });
    await ended;
    clearTimeout(timer);
  }
}
