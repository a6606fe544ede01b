/**
 * The readers of the log of one worker, as a version of the policy sets them up: opened, given the
 * policy's word, replaced where a later version says otherwise, and ended. One thing at a time.
 * Knows neither the thread it runs on nor the engine.
 */
import { join } from 'node:path';
import type { BounceRules } from '../domain/bounce-rules.ts';
import { UNCATEGORIZED } from '../domain/bounce-rules.ts';
import { freezeDeep } from '../domain/freeze-deep.ts';
import type { HookConfig } from '../domain/options-hook.ts';
import type { ReaderNeed } from '../domain/reader-floors.ts';
import { NEEDS_ALL } from '../domain/reader-floors.ts';
import { CURSOR_FLUSH_MS, openCursorStore } from '../events/cursor-store.ts';
import type { LogTail } from '../events/log-tail.ts';
import { openLogTail } from '../events/log-tail.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import type { PolicyFault } from '../policy/ask.ts';
import type { HookAsker } from '../policy/ask-hook.ts';
import { createHookAsker } from '../policy/ask-hook.ts';
import { loadVersion } from '../policy/load-version.ts';
import { createNodeRandom } from '../ports/node/random.ts';
import { createSecretReader } from '../ports/node/secrets.ts';
import { createTimers } from '../ports/node/timers.ts';
import { ACCEPTANCES_MAX, createFacts } from '../projections/acceptances.ts';
import type { Classifier } from '../projections/classifier.ts';
import { Feed } from '../projections/feed.ts';
import type { HookShape } from '../projections/hook.ts';
import { createHookChoice } from '../projections/hook-choice.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import { nodeIdOf } from '../projections/log-record/fields.ts';
import { project } from '../projections/log-record/project.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import { MailFirst } from '../projections/mail-first.ts';
import { filterPasses } from '../projections/shipper/filter.ts';
import { loadReader, ownActiveMs } from './mail-load.ts';
import type { LogLevel, ProjectionStart } from './projection-messages.ts';
import type { ProjectionReader, ReaderWorld } from './projection-reader.ts';
import { openReader } from './projection-reader.ts';
import { shapeFor } from './projection-sinks.ts';

/** Records that could not be projected are told one by one up to here, then only counted. */
const UNFIT_TOLD_MAX = 20;

/** Whom the readers tell. */
export interface ProjectionHost {
  readonly log: (level: LogLevel, text: string) => void;
  readonly faulted: (fault: PolicyFault) => void;
}

/** Whether the policy lets a hook have a record; undefined: nobody asks. */
type Choice = ((record: LogRecord, name: string) => boolean) | undefined;

/** Everything that reads the log. */
export class Projections {
  readonly #dir: string;
  readonly #host: ProjectionHost;
  readonly #tail: LogTail;
  readonly #world: ReaderWorld;
  readonly #readers = new Map<string, ProjectionReader>();
  #asker: HookAsker | undefined;
  #choice: Choice;
  /** Undefined: failures have no names. */
  #classifier: Classifier | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  /** Of the calls of `use`: how many there were, and the last that has all its readers. */
  #wanted = 0;
  #had = 0;
  #unfit = 0;
  #flushFault = '';

  constructor({ dir, mark, load, node }: ProjectionStart, host: ProjectionHost) {
    const { log } = host;
    this.#dir = dir;
    this.#host = host;
    this.#tail = openLogTail({ dir, mark, reported: ({ sentence }) => log('warn', sentence) });
    const cursors = openCursorStore(dir);
    for (const sentence of cursors.damage) log('error', sentence);
    const timers = createTimers();
    const facts = createFacts(this.#tail, nodeIdOf(node), ACCEPTANCES_MAX, (response) =>
      this.#classifier === undefined ? UNCATEGORIZED : this.#classifier.classify(response),
    );
    this.#world = {
      tail: this.#tail,
      cursors,
      timers,
      random: createNodeRandom(),
      readSecret: createSecretReader((text) => log('error', text)),
      letters: join(dir, 'hooks'),
      feed: new Feed({
        log: this.#tail,
        timers,
        pace: new MailFirst({ mail: loadReader(load), ownMs: ownActiveMs }, timers.steadyMs),
        project: (record) => project(record, facts),
        unfit: ({ position, type }, cause) => this.#tellUnfit(`${type} at ${position}: ${cause}`),
      }),
      ask: (record, config) => this.#ask(record, config),
      log,
    };
  }

  #tellUnfit(what: string): void {
    this.#unfit += 1;
    if (this.#unfit <= UNFIT_TOLD_MAX) {
      this.#host.log('error', `no record was made of ${what}`);
    }
  }

  #ask(record: LogRecord, { name, sink }: HookConfig): unknown {
    if (sink.kind !== 'files') return this.#choice?.(record, name);
    const filter = sink.config.filter_event;
    if (filter === undefined || record.type === 'Rejection') return undefined;
    return filter(freezeDeep(record)) === true;
  }

  /**
   * Has the readers that a version of the policy sets up; rejects with what is wrong with it. `now`
   * is the position at which it came into force.
   */
  use(version: number, now: number): Promise<void> {
    this.#wanted += 1;
    const wanted = this.#wanted;
    return this.#next(async () => {
      const store = openPolicyStore(this.#dir, 'read');
      const { policy, setup, findPlace } = await loadVersion(store, version, this.#dir).finally(
        () => store.close(),
      );
      const { logHooks, bounceRules } = setup;
      this.#classifier = await openClassifier(bounceRules);
      const hooks = logHooks.filter(({ sink }) => sink.kind !== 'files');
      const asker = createHookAsker(
        policy,
        hooks.map(({ name }) => name),
        {
          findPlace,
          onFault: (fault) => this.#host.faulted(fault),
        },
      );
      await this.#end([...this.#readers.values()].filter(({ config }) => !isIn(logHooks, config)));
      this.#asker = asker;
      this.#choice = choiceOf(hooks, asker);
      this.#reshape();
      for (const config of logHooks)
        if (!this.#readers.has(config.name)) await this.#open(config, now);
      this.#had = wanted;
    });
  }

  async #open(config: HookConfig, now: number): Promise<void> {
    const shape = this.#shapeOf(config);
    if (shape === undefined || this.#isStopped) return;
    this.#readers.set(config.name, await openReader(config, shape, now, this.#world));
  }

  async #end(readers: readonly ProjectionReader[]): Promise<void> {
    await Promise.all(readers.map((reader) => reader.stop()));
    for (const { config } of readers) this.#readers.delete(config.name);
  }

  /** Asks the policy again how queues and paths are shaped. */
  bump(): void {
    void this.#next(async () => this.#reshape());
  }

  #reshape(): void {
    for (const reader of this.#readers.values()) {
      const shape = this.#shapeOf(reader.config);
      if (shape !== undefined) reader.reshape(shape);
    }
  }

  #shapeOf(config: HookConfig): HookShape | undefined {
    const shape = this.#asker?.shapeOf(config.name);
    return shape && shapeFor(config, shape);
  }

  #next<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => {});
    return done;
  }

  /** Fulfils an operator's wish. */
  async fulfil(order: HookOrder): Promise<HookAnswer> {
    if (order.do === 'list') {
      return { kind: 'hooks', hooks: [...this.#readers.values()].map((one) => one.status()) };
    }
    const reader = this.#readers.get(order.name);
    if (reader !== undefined) return await reader.fulfil(order);
    const names = [...this.#readers.keys()].join(', ');
    return { kind: 'unknown', said: `there is no log hook ${order.name}; there are: ${names}` };
  }

  /**
   * What is needed of the log; also what retention gives up by now. Everything, as long as a reader
   * may be missing that is still to say where it is.
   */
  needs(): readonly ReaderNeed[] {
    const needs = [...this.#readers.values()].flatMap((reader) => reader.needs());
    return this.#had > 0 && this.#had === this.#wanted ? needs : NEEDS_ALL;
  }

  /** To be called every CURSOR_FLUSH_MS. */
  tend(): void {
    this.#tail.rest();
    try {
      this.#world.cursors.tend();
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
    this.#isStopped = true;
    await this.#next(() => this.#end([...this.#readers.values()]));
    this.#world.cursors.close();
    this.#tail.close();
  }
}

/** How often `tend` is to be called. */
export const TEND_MS = CURSOR_FLUSH_MS;

/** The engine of the expressions is loaded only where there are rules. */
async function openClassifier(rules: BounceRules | undefined): Promise<Classifier | undefined> {
  if (rules === undefined) return undefined;
  const library = await import('../projections/classifier.ts');
  return new library.Classifier(rules);
}

function choiceOf(hooks: readonly HookConfig[], asker: HookAsker): Choice {
  if (!asker.hasFilter || hooks.length === 0) return undefined;
  const choosable = hooks.map(({ name, filter }) => ({
    name,
    passes: (record: LogRecord) => filterPasses(filter, record),
  }));
  return createHookChoice(choosable, (record, name) => asker.shouldEnqueue(record, name));
}

/** Code of the policy is another with each version, whatever it looks like. */
const isIn = (hooks: readonly HookConfig[], config: HookConfig): boolean =>
  hooks.some(({ name }) => name === config.name) &&
  hooks.some((hook) => textOf(hook) === textOf(config));

let codes = 0;

/** A configuration as text; two with code in them are never the same. */
function textOf(config: HookConfig): string {
  return JSON.stringify(config, (_key, value: unknown) => {
    if (typeof value === 'function') {
      codes += 1;
      return `code ${codes}`;
    }
    return value instanceof Set || value instanceof Map ? [...value] : value;
  });
}
