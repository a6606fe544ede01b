/**
 * What is written down of the hooks of a world while it goes on: as whom the policy set them up,
 * where they began, what was declined for them and what fell off. The one idea: it is noted where
 * it happens, so laws need not ask the shippers. Judges nothing.
 */
import type { HookConfig } from '../../domain/options-hook.ts';
import type { MemoryStore } from '../../events/memory-log.ts';
import type { ProjectionReader } from '../../manager/projection-reader.ts';
import type { ReadersVersion } from '../../manager/readers.ts';
import type { PolicyPart } from '../../policy/hooks.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import type { LogRecord } from '../../projections/log-record/record.ts';
import type { DeadLetter } from '../../projections/shipper/dead-letters.ts';
import type { ShipperNews } from '../../projections/shipper/news.ts';
import { levelOf, sentenceOf } from '../../projections/shipper/news.ts';
import type { SentBatch } from './receiver.ts';
import type { Backlog, SinkSeen } from './seen.ts';
import { recordsOf } from './seen.ts';

interface HookStory {
  readonly configs: HookConfig[];
  /** Undefined until its first cursor is durable: then it has begun. */
  since: number | undefined;
  readonly backlogs: Backlog[];
  readonly fallen: { readonly after: number; readonly upto: number }[];
  readonly declined: Set<string>;
  readonly said: { readonly at: number; readonly text: string }[];
}

/** What the receiver and the disk have of a hook. */
interface Kept {
  readonly sent: readonly SentBatch[];
  readonly letters: readonly DeadLetter[];
}

/** The stories of all hooks. */
export class HookHistory {
  readonly #store: MemoryStore;
  readonly #stories = new Map<string, HookStory>();

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  get names(): readonly string[] {
    return [...this.#stories.keys()];
  }

  #storyOf(name: string): HookStory {
    const none = { since: undefined, backlogs: [], fallen: [], said: [] };
    const story = this.#stories.get(name) ?? { configs: [], declined: new Set<string>(), ...none };
    this.#stories.set(name, story);
    return story;
  }

  /** Notes the hooks of a version; the answer is the version, and what it declines is noted. */
  follow(version: ReadersVersion): ReadersVersion {
    const { policy, setup, findPlace } = version;
    const { logHooks, bounceRules } = setup;
    for (const config of logHooks) {
      const { configs } = this.#storyOf(config.name);
      if (configs.at(-1) !== config) configs.push(config);
    }
    const names = logHooks.map(({ name }) => name);
    const parts = policy.parts.map((part) => this.#listening(part, names));
    const hooks = logHooks.map((config) => this.#listeningFiles(config));
    return { policy: { parts }, setup: { logHooks: hooks, bounceRules }, findPlace };
  }

  #listening(part: PolicyPart, names: readonly string[]): PolicyPart {
    const { should_enqueue_log_record: ask } = part;
    if (ask === undefined) return part;
    const listening = (record: LogRecord, name: string): boolean | string | undefined => {
      const answer = ask(record, name);
      const isNamed = typeof answer === 'string' && names.includes(answer);
      const losers = isNamed
        ? names.filter((one) => one !== answer)
        : answer === false
          ? [name]
          : [];
      for (const loser of losers) this.#storyOf(loser).declined.add(record.event_id);
      return answer;
    };
    return { ...part, should_enqueue_log_record: listening };
  }

  #listeningFiles(config: HookConfig): HookConfig {
    const { sink, name } = config;
    const ask = sink.kind === 'files' ? sink.config.filter_event : undefined;
    if (sink.kind !== 'files' || ask === undefined) return config;
    const filter_event: typeof ask = (record) => {
      const answer = ask(record);
      if (answer !== true) this.#storyOf(name).declined.add(record.event_id);
      return answer;
    };
    return { ...config, sink: { ...sink, config: { ...sink.config, filter_event } } };
  }

  /** The first cursor of a hook is kept: from there on it misses nothing. */
  noteBegun(name: string, position: number): void {
    this.#storyOf(name).since ??= position;
  }

  /** A hook is about to send. */
  noteBacklog(
    name: string,
    at: number,
    batch: readonly OutgoingRecord[],
    reader: ProjectionReader | undefined,
  ): void {
    const { configs, backlogs } = this.#storyOf(name);
    const { batchSize = 1 } = configs.at(-1)?.batching ?? {};
    const { length: records } = batch;
    backlogs.push({
      at,
      upto: this.#store.records.length,
      records,
      // One that sends in the moment it is made has no more at hand than this.
      ready: reader?.status().ready ?? records,
      readyMax: Math.max(batchSize, reader?.shape.maxReady ?? batchSize),
    });
  }

  /** A shipper has news. */
  noteNews(name: string, at: number, news: ShipperNews): void {
    const { fallen, said } = this.#storyOf(name);
    if (news.kind === 'fell off') fallen.push({ after: news.after, upto: news.upto });
    const level = levelOf(news);
    if (level !== 'none') said.push({ at, text: `${level}: ${sentenceOf(name, news)}` });
  }

  /** All of it, as laws read it. */
  seen(
    { setup }: ReadersVersion,
    dueUpto: number,
    keptOf: (name: string) => Kept,
  ): readonly SinkSeen[] {
    return [...this.#stories].map(([name, { since = Number.POSITIVE_INFINITY, ...story }]) => {
      const { sent, letters } = keptOf(name);
      const isKept = setup.logHooks.some((config) => config.name === name);
      return { name, ...story, since, dueUpto, isKept, given: recordsOf(sent), letters };
    });
  }
}
