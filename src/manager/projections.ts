/**
 * The readers of the log of one worker over what it has: the log's files, cursors, dead letters,
 * and the store of the policy's versions. What they do is in readers.ts.
 * Knows neither the thread it runs on nor the engine.
 */
import { join } from 'node:path';
import type { ReaderNeed } from '../domain/reader-floors.ts';
import type { CursorStore } from '../events/cursor-store.ts';
import { CURSOR_FLUSH_MS, openCursorStore } from '../events/cursor-store.ts';
import type { LogTail } from '../events/log-tail.ts';
import { openLogTail } from '../events/log-tail.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import type { PolicyFault } from '../policy/ask.ts';
import { loadVersion } from '../policy/load-version.ts';
import { openDeadLetters } from '../ports/node/dead-letters.ts';
import { createNodeRandom } from '../ports/node/random.ts';
import { createSecretReader } from '../ports/node/secrets.ts';
import { createTimers } from '../ports/node/timers.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import { MailFirst } from '../projections/mail-first.ts';
import { levelOf, sentenceOf } from '../projections/shipper/news.ts';
import { loadReader, ownActiveMs } from './mail-load.ts';
import type { LogLevel, ProjectionStart } from './projection-messages.ts';
import { loadSink } from './projection-sinks.ts';
import { Readers } from './readers.ts';

/** Whom the readers tell. */
export interface ProjectionHost {
  readonly log: (level: LogLevel, text: string) => void;
  readonly faulted: (fault: PolicyFault) => void;
}

/** Everything that reads the log. */
export class Projections {
  readonly #dir: string;
  readonly #host: ProjectionHost;
  readonly #tail: LogTail;
  readonly #cursors: CursorStore;
  readonly #readers: Readers;
  #flushFault = '';

  constructor({ dir, mark, load, node }: ProjectionStart, host: ProjectionHost) {
    const { log, faulted } = host;
    this.#dir = dir;
    this.#host = host;
    this.#tail = openLogTail({ dir, mark, reported: ({ sentence }) => log('warn', sentence) });
    this.#cursors = openCursorStore(dir);
    for (const sentence of this.#cursors.damage) log('error', sentence);
    const timers = createTimers();
    const readSecret = createSecretReader((text) => log('error', text));
    this.#readers = new Readers({
      tail: this.#tail,
      cursors: this.#cursors,
      timers,
      random: createNodeRandom(),
      openLetters: (name) =>
        openDeadLetters(join(dir, 'hooks'), name, (path) =>
          log('warn', `log hook ${name}: the oldest dead letters made room (${path})`),
        ),
      loadSink: (config) => loadSink(config, { timers, readSecret }),
      pace: new MailFirst({ mail: loadReader(load), ownMs: ownActiveMs }, timers.steadyMs),
      node,
      tell: (key, news) => {
        const level = levelOf(news);
        if (level !== 'none') log(level, sentenceOf(key, news));
      },
      log,
      faulted,
    });
  }

  /**
   * Has the readers that a version of the policy sets up; rejects with what is wrong with it. `now`
   * is the position at which it came into force.
   */
  use(version: number, now: number): Promise<void> {
    const load = () => {
      const store = openPolicyStore(this.#dir, 'read');
      return loadVersion(store, version, this.#dir).finally(() => store.close());
    };
    return this.#readers.use(load, now);
  }

  /** Asks the policy again how queues and paths are shaped. */
  bump(): void {
    this.#readers.bump();
  }

  /** Fulfils an operator's wish. */
  fulfil(order: HookOrder): Promise<HookAnswer> {
    return this.#readers.fulfil(order);
  }

  /** What is needed of the log; see readers.ts. */
  needs(): readonly ReaderNeed[] {
    return this.#readers.needs();
  }

  /** To be called every CURSOR_FLUSH_MS. */
  tend(): void {
    this.#tail.rest();
    try {
      this.#cursors.tend();
      this.#flushFault = '';
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      if (cause !== this.#flushFault) {
        this.#host.log('warn', `cursors of log hooks cannot be flushed: ${cause}`);
      }
      this.#flushFault = cause;
    }
  }

  /** Batches under way end within their time, the rest waits in the log; cursors are durable. */
  async stop(): Promise<void> {
    await this.#readers.stop();
    this.#cursors.close();
    this.#tail.close();
  }
}

/** How often `tend` is to be called. */
export const TEND_MS = CURSOR_FLUSH_MS;
