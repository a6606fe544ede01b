/**
 * The readers of a log, as a version of the policy sets them up: opened, given the policy's word,
 * replaced where a later version says otherwise, and ended. One thing at a time. The idea: all that
 * touches a machine is handed in, so that the simulated world has the very same readers.
 * Knows neither threads nor where versions of a policy are kept.
 */
import type { BounceRules } from '../domain/bounce-rules.ts';
import { UNCATEGORIZED } from '../domain/bounce-rules.ts';
import { freezeDeep } from '../domain/freeze-deep.ts';
import type { HookConfig } from '../domain/options-hook.ts';
import type { ReaderNeed } from '../domain/reader-floors.ts';
import { NEEDS_ALL } from '../domain/reader-floors.ts';
import type { HookAsker } from '../policy/ask-hook.ts';
import { createHookAsker } from '../policy/ask-hook.ts';
import type { PolicyFault } from '../policy/calling.ts';
import type { Policy } from '../policy/define.ts';
import type { PlaceFinder, PolicySetup } from '../policy/setup.ts';
import type { CommittedLog } from '../ports/committed-log.ts';
import { ACCEPTANCES_MAX, createFacts } from '../projections/acceptances.ts';
import type { Classifier } from '../projections/classifier.ts';
import type { FeedParts } from '../projections/feed.ts';
import { Feed } from '../projections/feed.ts';
import type { HookShape } from '../projections/hook.ts';
import { createHookChoice } from '../projections/hook-choice.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import { nodeIdOf } from '../projections/log-record/fields.ts';
import { project } from '../projections/log-record/project.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import { filterPasses } from '../projections/shipper/filter.ts';
import type { LogLevel } from './projection-messages.ts';
import type { ProjectionReader, ReaderWorld } from './projection-reader.ts';
import { openReader } from './projection-reader.ts';
import { shapeFor } from './projection-sinks.ts';

/** Records that could not be projected are told one by one up to here, then only counted. */
const UNFIT_TOLD_MAX = 20;

/** What readers stand on, and whom they tell. */
export interface ReadersParts extends Omit<ReaderWorld, 'feed' | 'ask' | 'tail'> {
  readonly tail: ReaderWorld['tail'] & CommittedLog;
  /** Of the data directory, 8 hex digits. */
  readonly node: string;
  /** Without it nobody waits for the sake of mail. */
  readonly pace?: NonNullable<FeedParts['pace']>;
  readonly log: (level: LogLevel, text: string) => void;
  readonly faulted: (fault: PolicyFault) => void;
}

/** A version of the policy, as far as readers are concerned. */
export interface ReadersVersion {
  readonly policy: Policy;
  readonly setup: Pick<PolicySetup, 'logHooks' | 'bounceRules'>;
  readonly findPlace: PlaceFinder;
}

/** Whether the policy lets a hook have a record; undefined: nobody asks. */
type Choice = ((record: LogRecord, name: string) => boolean) | undefined;

/** All readers of one log. */
export class Readers {
  readonly #parts: ReadersParts;
  readonly #world: ReaderWorld;
  readonly #readers = new Map<string, ProjectionReader>();
  #asker: HookAsker | undefined;
  #choice: Choice;
  /** Undefined: failures have no names. */
  #classifier: Classifier | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #loading: Promise<unknown> | undefined;
  #isStopped = false;
  /** Of the calls of `use`: how many there were, and the last that has all its readers. */
  #wanted = 0;
  #had = 0;
  #unfit = 0;

  constructor(parts: ReadersParts) {
    const { tail, timers, node, pace } = parts;
    this.#parts = parts;
    const facts = createFacts(tail, nodeIdOf(node), ACCEPTANCES_MAX, (response) =>
      this.#classifier === undefined ? UNCATEGORIZED : this.#classifier.classify(response),
    );
    const feed = new Feed({
      log: tail,
      timers,
      ...(pace === undefined ? {} : { pace }),
      project: (record) => project(record, facts),
      unfit: ({ position, type }, cause) => this.#tellUnfit(`${type} at ${position}: ${cause}`),
    });
    this.#world = { ...parts, feed, ask: (record, config) => this.#ask(record, config) };
  }

  /** Something that takes real time, not that of the log's clock; undefined while there is none. */
  get loading(): Promise<unknown> | undefined {
    return this.#loading;
  }

  #tellUnfit(what: string): void {
    this.#unfit += 1;
    if (this.#unfit <= UNFIT_TOLD_MAX) {
      this.#parts.log('error', `no record was made of ${what}`);
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
  use(load: () => Promise<ReadersVersion>, now: number): Promise<void> {
    this.#wanted += 1;
    const wanted = this.#wanted;
    return this.#next(async () => {
      const { policy, setup, findPlace } = await this.#load(load());
      const { logHooks, bounceRules } = setup;
      this.#classifier = await this.#load(openClassifier(bounceRules));
      const hooks = logHooks.filter(({ sink }) => sink.kind !== 'files');
      const asker = createHookAsker(
        policy,
        hooks.map(({ name }) => name),
        { findPlace, onFault: (fault) => this.#parts.faulted(fault) },
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
    const reader = await this.#load(openReader(config, shape, now, this.#world));
    this.#readers.set(config.name, reader);
  }

  /** Notes that this takes real time. */
  async #load<T>(task: Promise<T>): Promise<T> {
    this.#loading = task.catch(() => {});
    try {
      return await task;
    } finally {
      this.#loading = undefined;
    }
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

  /** Those that run, by name. */
  get running(): ReadonlyMap<string, ProjectionReader> {
    return this.#readers;
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

  /** Batches under way end within their time, the rest waits in the log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#next(() => this.#end([...this.#readers.values()]));
  }
}

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
