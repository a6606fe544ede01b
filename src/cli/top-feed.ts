/**
 * Feeds `waybill top`. Every tick it asks for sums, which cost the daemon the same whatever it
 * holds. What the daemon must look through its queues for is asked for one at a time, and so seldom
 * that the waiting for answers stays a hundredth of the time; the daemon cannot have worked longer
 * than we waited. Knows no screen.
 */
import type { DaemonClient } from './client.ts';
import { readRows } from './metric-rows.ts';
import { readMetrics } from './metrics-reader.ts';
import { explain } from './terminal.ts';
import type { QueueLine, TopModel } from './top-model.ts';
import { SUM_NAMES, sampleKey } from './top-model.ts';

/** The share of time in which an answer that costs the daemon something may be awaited. */
export const COSTLY_SHARE = 0.01;
/** Providers, and queues, in one answer. */
export const LISTED_MAX = 200;

/** By what queues are ranked. */
export const RANKINGS = ['depth', 'age', 'error'] as const;
/** One of them. */
export type Ranking = (typeof RANKINGS)[number];

/** What is looked at just now, so that nothing else is asked for. */
export interface Interest {
  readonly providers: boolean;
  readonly queues: Ranking | undefined;
}

/** Lets through what keeps the share of waiting, whatever single answers take. */
export class WaitBudget {
  #debtMs = 0;
  #atMs = 0;

  /** True while nothing is owed. */
  isFree(atMs: number): boolean {
    this.#debtMs = Math.max(0, this.#debtMs - (atMs - this.#atMs) * COSTLY_SHARE);
    this.#atMs = atMs;
    return this.#debtMs === 0;
  }

  /** So long was waited. */
  spend(waitedMs: number): void {
    this.#debtMs += waitedMs;
  }
}

interface Question {
  readonly name: string;
  readonly ask: () => Promise<void>;
}

const PROVIDERS = {
  delivered: 'total_messages_delivered_by_provider',
  transient: 'total_messages_transfail_by_provider',
  permanent: 'total_messages_fail_by_provider',
  connections: 'connection_count_by_provider',
} as const;

/** Asks the daemon and tells the model. */
export class TopFeed {
  readonly #client: DaemonClient;
  readonly #model: TopModel;
  readonly #budget = new WaitBudget();
  /** When each question was last asked. */
  readonly #asked = new Map<string, number>();
  #isAsking = false;
  #isLost = false;

  constructor(client: DaemonClient, model: TopModel) {
    this.#client = client;
    this.#model = model;
  }

  /** The first sums; throws where the daemon does not answer. */
  async first(): Promise<void> {
    await this.#askSums();
  }

  /** Asks for the sums of now; what fails is told to the model. */
  async tick(): Promise<void> {
    try {
      await this.#askSums();
      this.#isLost = false;
    } catch (error) {
      this.#isLost = true;
      this.#model.missSums();
      this.#model.fault(explain(error), performance.now());
    }
  }

  /** The last question had no answer. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Asks for what else is looked at, if it is time; settles when the answer is there. */
  async look(interest: Interest): Promise<boolean> {
    if (this.#isAsking || this.#isLost) return false;
    const now = performance.now();
    const isFree = this.#budget.isFree(now);
    // What was never asked for comes at once: a person waits for it.
    const next = this.#questions(interest)
      .map((question) => ({ question, at: this.#asked.get(question.name) ?? -1 }))
      .filter(({ at }) => isFree || at < 0)
      .sort((a, b) => a.at - b.at)[0]?.question;
    if (next === undefined) return false;
    this.#isAsking = true;
    try {
      await next.ask();
    } catch (error) {
      this.#model.fault(explain(error), performance.now());
    } finally {
      const done = performance.now();
      this.#isAsking = false;
      this.#budget.spend(done - now);
      this.#asked.set(next.name, done);
    }
    return true;
  }

  async #askSums(): Promise<void> {
    const samples = new Map<string, number>();
    await readMetrics(this.#client, { name: SUM_NAMES, top: 0 }, (name, label, value) => {
      samples.set(sampleKey(name, label('service')), value);
    });
    this.#model.takeSums(samples, performance.now());
  }

  #questions({ providers, queues }: Interest): Question[] {
    const ages: Question = { name: 'oldest', ask: () => this.#askOldest() };
    const rows: Question = { name: 'providers', ask: () => this.#askProviders() };
    const depths: Question = { name: 'depths', ask: () => this.#askDepths() };
    const oldest: Question = { name: 'provider ages', ask: () => this.#askProviderAges() };
    return [
      ages,
      ...(providers ? [rows, depths, oldest] : []),
      ...(queues === undefined
        ? []
        : [{ name: `queues ${queues}`, ask: () => this.#askQueues(queues) }]),
    ];
  }

  async #askProviders(): Promise<void> {
    const { rows } = await readRows(
      this.#client,
      PROVIDERS,
      (label) => label('provider'),
      LISTED_MAX,
    );
    this.#model.takeProviders(rows, performance.now());
  }

  async #askDepths(): Promise<void> {
    const { rows } = await readRows(
      this.#client,
      { queued: 'queued_count_by_provider' },
      (label) => label('provider'),
      LISTED_MAX,
    );
    this.#model.takeDepths(rows);
  }

  async #askProviderAges(): Promise<void> {
    const { rows } = await readRows(
      this.#client,
      { seconds: 'waybill_oldest_age_seconds_by_provider' },
      (label) => label('provider'),
      LISTED_MAX,
    );
    this.#model.takeAges(rows, performance.now());
  }

  async #askOldest(): Promise<void> {
    const [oldest] = await this.#list('age', 1);
    this.#model.oldest = oldest;
  }

  async #askQueues(sort: Ranking): Promise<void> {
    this.#model.takeQueues(await this.#list(sort, LISTED_MAX), performance.now());
  }

  async #list(sort: Ranking, limit: number): Promise<readonly QueueLine[]> {
    type Said = { readonly queues: readonly QueueLine[] };
    return (await this.#client.get<Said>('/api/admin/queues', { sort, limit })).queues;
  }
}
