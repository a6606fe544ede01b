/**
 * A stretch of time under a policy: traffic comes in at the door as it would in production, the
 * engine of production sends it under a virtual clock, and figures come out. The one idea: policy,
 * traffic, receivers and seed are all there is, so the same give the same report, byte for byte.
 * Not simulated: log hooks, reports of failure to senders, Redis, the machine's own speed.
 */
import { Door } from '../door.ts';
import { whileSimulated } from '../lending.ts';
import type { TestPolicy } from '../load-policy.ts';
import type { ProviderModels } from '../models/model.ts';
import { domainsOf } from '../names.ts';
import { populate } from '../receivers.ts';
import type { OpenLines, TrafficSurvey } from '../traffic/traffic.ts';
import { arrivals } from '../traffic/traffic.ts';
import { makePlan } from '../world/policy.ts';
import { START_AT, World } from '../world/world.ts';
import { Clients } from './client.ts';
import { DayLedger } from './ledger.ts';
import type { DayReport } from './report.ts';
import { makeReport } from './reporting.ts';

/** The receivers of a day, where they are not simply well behaved. */
export interface DayReceivers {
  /** What the report calls them. */
  readonly name: string;
  readonly models: ProviderModels;
}

/** What a day is made of. */
export interface DayOrder {
  readonly policy: TestPolicy;
  readonly survey: TrafficSurvey;
  /** The lines that were surveyed. */
  readonly open: OpenLines;
  readonly receivers?: DayReceivers | undefined;
  readonly seed: number;
  readonly forMs: number;
  /** Ends the day early; the report is then of the time that was over. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the virtual time that is over; waited for. */
  readonly onProgress?: ((doneMs: number, submitted: number) => Promise<void>) | undefined;
}

const NEVER = Number.MAX_SAFE_INTEGER;
/** No process ends here, so pictures of the books are of no use; deadlines are seconds anyway. */
const LIMITS = {
  reapMs: 60_000,
  tickMs: 1_000,
  snapshotMsMax: NEVER,
  snapshotRecordsMax: NEVER,
};
/** The engine starts before the first message, which would find nobody otherwise. */
const START_MS = 1_000;
const SLICE_MS = 600_000;

/** Simulates; throws where the engine itself breaks. */
export async function simulateDay(order: DayOrder): Promise<DayReport> {
  const start = () => Day.start(order);
  return whileSimulated(order.seed, start, async (day) => {
    await day.play();
    return day.report();
  });
}

class Day {
  readonly world: World;
  readonly #order: DayOrder;
  readonly #ledger: DayLedger;
  readonly #clients: Clients;
  readonly #beginsAt: number;
  /** How long it is; less than was ordered where it is stopped. */
  #forMs: number;

  private constructor(order: DayOrder, world: World, ledger: DayLedger) {
    this.world = world;
    this.#order = order;
    this.#ledger = ledger;
    this.#beginsAt = START_AT + START_MS;
    this.#forMs = order.forMs;
    this.#clients = new Clients(new Door(world, order.policy.setup.smtpListeners), ledger.replies);
  }

  static async start(order: DayOrder): Promise<Day> {
    const { policy, survey, receivers, seed } = order;
    const ledger = new DayLedger(START_AT + START_MS);
    const own = { policy: policy.policy, findPlace: policy.findPlace };
    const plan = { ...makePlan(), own };
    const world = await World.start({ seed, limits: LIMITS, plan, manners: {}, reader: ledger });
    const domains = [...new Set([...domainsOf(policy.words), ...survey.domains])];
    populate(world, policy.words, domains, receivers?.models);
    await world.runFor(START_MS);
    return new Day(order, world, ledger);
  }

  async play(): Promise<void> {
    const { survey, open, seed } = this.#order;
    for await (const one of arrivals(survey, open, seed)) {
      if (one.at >= this.#forMs) break;
      await this.#goOn(one.at);
      if (one.at >= this.#forMs) break;
      await this.#clients.submit(one);
    }
    await this.#goOn(this.#forMs);
    this.#ledger.close(this.#beginsAt + this.#forMs);
  }

  /** Lets time go on until so long after the beginning, in slices. */
  async #goOn(untilMs: number): Promise<void> {
    const { world } = this;
    for (;;) {
      const doneMs = world.now - this.#beginsAt;
      const sliceEndMs = (Math.floor(doneMs / SLICE_MS) + 1) * SLICE_MS;
      if (sliceEndMs > untilMs) break;
      await world.run(this.#beginsAt + sliceEndMs);
      await this.#order.onProgress?.(sliceEndMs, this.#clients.figures().submitted);
      if (this.#order.signal?.aborted === true) this.#forMs = Math.min(this.#forMs, sliceEndMs);
      if (sliceEndMs >= this.#forMs) return;
    }
    await world.run(this.#beginsAt + untilMs);
  }

  report(): DayReport {
    return makeReport(
      { ...this.#order, forMs: this.#forMs },
      this.world,
      this.#ledger,
      this.#clients.figures(),
    );
  }
}
