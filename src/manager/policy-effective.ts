/**
 * The effective configuration of a version: what it answers for given queues, for the pools and
 * sources these lead to, and for the paths from there. One version is asked at a time; comparing is
 * not known here.
 */
import { UNSPECIFIED } from '../domain/options-egress.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { Answer } from '../domain/policy-asker.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import { mxListSiteName } from '../domain/site-name.ts';
import { createPolicyAsker } from '../policy/ask.ts';
import type { LoadedVersion } from '../policy/load-version.ts';
import type { Origins } from '../policy/overhear.ts';
import { overheard } from '../policy/overhear.ts';
import type { Effective, EffectiveAnswer, PathAnswers, Questions } from './policy-jobs.ts';

const FAULTS_MAX = 100;

class Asking {
  readonly queues = new Map<string, EffectiveAnswer>();
  readonly pools = new Map<string, EffectiveAnswer>();
  readonly sources = new Map<string, EffectiveAnswer>();
  readonly paths = new Map<string, PathAnswers>();
  readonly texts = new Map<string, string>();
  readonly poolOf = new Map<string, string>();
  readonly membersOf = new Map<string, string[]>();
  readonly queuesOf = new Map<string, string[]>();
  readonly faults: string[] = [];
  readonly #shared = new Map<string, PathAnswers>();
  readonly #originIds = new Map<unknown, number>();
  readonly #asker;
  readonly #takeOrigins: () => Origins;

  constructor({ policy, findPlace }: LoadedVersion) {
    const heard = overheard(policy);
    this.#takeOrigins = heard.takeOrigins;
    const onFault = ({ sentence }: { readonly sentence: string }): void => {
      if (this.faults.length < FAULTS_MAX) this.faults.push(sentence);
    };
    this.#asker = createPolicyAsker(heard.policy, onFault, findPlace);
  }

  queue(name: string, site: string): void {
    const parts = parseQueueName(name);
    const answer = this.#asker.queueConfig(parts);
    this.queues.set(name, this.#note(answer));
    const pool = answer.value.egress_pool ?? UNSPECIFIED;
    this.poolOf.set(name, pool);
    this.pool(pool);
    const routing = parts.routing_domain ?? parts.domain;
    this.#way(name, routing, siteOf(answer.value, site || routing), pool);
  }

  pool(name: string): void {
    if (this.membersOf.has(name)) return;
    const answer = this.#asker.pool(name);
    if (answer !== undefined) this.pools.set(name, this.#note(answer));
    const used = answer?.value.entries.filter(({ weight }) => weight > 0) ?? [];
    const members = used.map((entry) => entry.name);
    this.membersOf.set(name, members);
    for (const member of members) this.source(member);
  }

  source(name: string): void {
    if (this.sources.has(name)) return;
    const answer = this.#asker.source(name);
    if (answer !== undefined) this.sources.set(name, this.#note(answer));
  }

  #way(queue: string, routing: string, site: string, pool: string): void {
    const way = site === routing ? site : `${site} for ${routing}`;
    const users = this.queuesOf.get(way);
    if (users !== undefined) users.push(queue);
    else this.queuesOf.set(way, [queue]);
    const members = this.membersOf.get(pool) ?? [];
    const known = this.paths.get(way);
    // Two queues with one way and different pools are rare; the way then has all sources of both.
    if (known !== undefined && members.every((source) => known.bySource.has(source))) return;
    const answers = members.map(
      (source) => [source, this.#note(this.#asker.pathConfig(routing, source, site))] as const,
    );
    this.paths.set(way, this.#share([...(known?.bySource ?? []), ...answers]));
  }

  // A hundred thousand ways may have one set of answers; it is kept, and handed over, once.
  #share(answers: readonly (readonly [string, EffectiveAnswer])[]): PathAnswers {
    const keys = answers.map(([source, { key }]) => `${source} ${key}`).join('\n');
    const origins = answers.map(([, answer]) => this.#originId(answer.origins)).join(' ');
    const id = `${keys}\n${origins}`;
    const shared = this.#shared.get(id) ?? { keys, bySource: new Map(answers) };
    this.#shared.set(id, shared);
    return shared;
  }

  #originId(origins: Origins): number {
    const id = this.#originIds.get(origins) ?? this.#originIds.size;
    this.#originIds.set(origins, id);
    return id;
  }

  #note({ key, text }: Answer<unknown>): EffectiveAnswer {
    this.texts.set(key, text);
    const origins = this.#takeOrigins();
    return origins === undefined ? { key } : { key, origins };
  }
}

const siteOf = (config: QueueConfig, site: string): string => {
  const list = config.protocol.smtp.mx_list;
  return list.length === 0 ? site : mxListSiteName(list);
};

/** Asks a loaded version about all that is named, and about what that leads to. */
export const askEffective = (loaded: LoadedVersion, questions: Questions): Effective => {
  const asking = new Asking(loaded);
  for (const [name, site] of questions.queues) asking.queue(name, site);
  for (const name of questions.pools) asking.pool(name);
  for (const name of questions.sources) asking.source(name);
  const { queues, pools, sources, paths, texts, poolOf, membersOf, queuesOf, faults } = asking;
  return { queues, pools, sources, paths, texts, poolOf, membersOf, queuesOf, faults };
};
