/**
 * The log hooks of a world: the production readers and shippers over the world's own log, under
 * its clock, with a simulated receiver behind the port of each sink. The one idea: they have a
 * chance of their own and only read, so mail goes the same way whatever becomes of them.
 * Code of a sink in the policy itself is not run. Knows no scenario and judges nothing.
 */
import type { CaptureList } from '../../domain/capture.ts';
import type { MemoryStore } from '../../events/memory-log.ts';
import { createMemoryTail } from '../../events/memory-tail.ts';
import type { ReadersVersion } from '../../manager/readers.ts';
import { Readers } from '../../manager/readers.ts';
import type { PolicyFault } from '../../policy/calling.ts';
import { captureListsOf } from '../../policy/setup.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import type { ShipperNews } from '../../projections/shipper/news.ts';
import { Chance } from '../world/chance.ts';
import type { WorldTime } from '../world/clock.ts';
import { LifeClock } from '../world/clock.ts';
import { HookHistory } from './history.ts';
import { moodOf, SINK_BEHAVIOURS } from './moods.ts';
import type { SinkMood } from './receiver.ts';
import { KIND, Receiver } from './receiver.ts';
import type { SinkSeen } from './seen.ts';
import { HookShelf } from './shelf.ts';

/** What hooks are given; all of it outlives a process. */
export interface HooksParts {
  readonly time: WorldTime;
  readonly store: MemoryStore;
  readonly seed: number;
  readonly isDiskFull: () => boolean;
  readonly say: (text: string) => void;
  /** A handler of the policy failed. */
  readonly faulted: (fault: PolicyFault) => void;
}

/** Sets the chance of hooks apart from that of everything else. */
const HOOKS_SEED = 0x51e4;
/** How long a sink keeps to its ways, where it changes them by itself. */
const SPELL_MS_MIN = 1_000;
const SPELL_MS_MAX = 60_000;
/** How often it is looked what `retention` gives up; production looks every few seconds. */
const RETENTION_LOOK_MS = 60_000;
/** What a sink answered has reached its shipper, through a few promises on the way. */
const HOPS = 24;

/** One process of them. */
interface HooksLife {
  readonly clock: LifeClock;
  readonly timers: Timers;
  readonly readers: Readers;
  readonly close: () => void;
  isStopped: boolean;
}

/** All hooks of a world, over all lives of its process. */
export class Hooks {
  readonly #parts: HooksParts;
  readonly #chance: Chance;
  readonly #shelf: HookShelf;
  readonly #receivers = new Map<string, Receiver>();
  readonly #history: HookHistory;
  #version: ReadersVersion;
  #captured: CaptureList;
  #life: HooksLife | undefined;
  #isStirred = false;
  #isCalm = false;
  /** Tasks of the world's time that were theirs: mail knows nothing of them. */
  tasks = 0;
  #dueUpto = 0;
  /** What reception is to keep: always as the version in force says. */
  readonly capture: CaptureList;

  constructor(parts: HooksParts, version: ReadersVersion) {
    this.#parts = parts;
    this.#chance = new Chance(parts.seed ^ HOOKS_SEED);
    this.#history = new HookHistory(parts.store);
    this.#shelf = new HookShelf(parts.isDiskFull, this.#history);
    this.#version = version;
    this.#captured = captureListsOf(version.setup);
    const now = (): CaptureList => this.#captured;
    this.capture = {
      get meta() {
        return now().meta;
      },
      get headers() {
        return now().headers;
      },
    };
  }

  /** A process starts; it has no readers before it is `opened`. */
  begin(): void {
    const { time, store, say, faulted } = this.#parts;
    const clock = new LifeClock(time);
    const after: Timers['after'] = (waitMs, task) =>
      time.after(waitMs, () => {
        this.tasks += 1;
        if (clock.isOver) return;
        this.#isStirred = true;
        task();
      });
    const timers = { now: () => clock.now(), steadyMs: () => clock.steadyMs(), after };
    const cursors = this.#shelf.cursors(clock, after);
    const readers = new Readers({
      tail: createMemoryTail(store, (task) => {
        if (!clock.isOver) after(0, task);
      }),
      ...{ cursors, timers, random: this.#chance, node: '0000abcd', faulted },
      openLetters: (name) => this.#shelf.openLetters(name, clock),
      loadSink: async ({ name }) => {
        const receiver = this.#receiverOf(name);
        receiver.given = (batch) => this.#noteBacklog(name, readers, batch);
        return () => receiver.connect(timers);
      },
      tell: (key, news) => this.#hear(clock, key, news),
      log: (level, text) => say(`${level}: ${text}`),
    });
    const close = () => cursors.close();
    this.#life = { clock, timers, readers, close, isStopped: false };
  }

  /** The engine's first turn is durable: readers begin. */
  opened(): void {
    this.#use();
    this.#lookAtRetention();
  }

  /** Another version of the policy came into force. */
  use(version: ReadersVersion): void {
    this.#version = version;
    this.#captured = captureListsOf(version.setup);
    this.#use();
  }

  #use(): void {
    const { store, say } = this.#parts;
    const { readers, clock } = this.#life as HooksLife;
    const version = this.#history.follow(this.#version);
    this.#isStirred = true;
    readers
      .use(async () => version, store.records.length)
      .catch((error: unknown) => {
        if (!clock.isOver) say(`error: log hooks are not as the policy has them: ${String(error)}`);
      });
  }

  #lookAtRetention(): void {
    const { readers, timers } = this.#life as HooksLife;
    readers.needs();
    timers.after(RETENTION_LOOK_MS, () => this.#lookAtRetention());
  }

  #receiverOf(name: string): Receiver {
    const receiver = this.#receivers.get(name) ?? new Receiver(this.#chance);
    this.#receivers.set(name, receiver);
    return receiver;
  }

  #noteBacklog(name: string, readers: Readers, batch: readonly OutgoingRecord[]): void {
    this.#history.noteBacklog(name, this.#parts.time.now, batch, readers.running.get(name));
  }

  #hear(clock: LifeClock, key: string, news: ShipperNews): void {
    if (!clock.isOver) this.#history.noteNews(key, this.#parts.time.now, news);
  }

  /** To be awaited before time goes on; undefined where there is nothing to wait for. */
  rest(): Promise<void> | undefined {
    return this.#isStirred ? this.#rest() : undefined;
  }

  async #rest(): Promise<void> {
    this.#isStirred = false;
    const { readers } = this.#life as HooksLife;
    do {
      await readers.loading;
      for (let hop = 0; hop < HOPS; hop += 1) await null;
    } while (readers.loading !== undefined);
    for (const { fault } of this.#receivers.values()) if (fault !== undefined) throw fault;
  }

  /** Ends the process in good order; see `isStopped`. */
  stop(): void {
    const life = this.#life as HooksLife;
    this.#isStirred = true;
    void life.readers.stop().then(() => {
      life.close();
      life.isStopped = true;
    });
  }

  /** Whether they have ended after `stop`. */
  get isStopped(): boolean {
    return this.#life?.isStopped === true;
  }

  /** The process dies, with the power: what a sink was given it has or has not. */
  crash(): void {
    this.#life?.clock.end();
    this.#shelf.losePower(this.#chance.hits(0.5));
    for (const receiver of this.#receivers.values()) receiver.cutOff();
  }

  /** The names of all hooks there have been, and of those of the version in force. */
  get names(): readonly string[] {
    return this.#history.names;
  }

  /** A sink behaves so from now on. */
  behave(name: string, mood: SinkMood): void {
    this.#receiverOf(name).mood = mood;
  }

  /** From now on the sinks change their ways by themselves, until all is calm. */
  brew(): void {
    const { time } = this.#parts;
    time.after(this.#chance.between(SPELL_MS_MIN, SPELL_MS_MAX), () => {
      this.tasks += 1;
      if (this.#isCalm) return;
      const ms = this.#chance.between(0, SPELL_MS_MAX);
      this.behave(this.#chance.pick(this.names), moodOf(this.#chance.pick(SINK_BEHAVIOURS), ms));
      this.brew();
    });
  }

  /** From now on every sink is kind, and hooks that had stopped themselves are resumed by hand. */
  calm(): void {
    this.#isCalm = true;
    for (const receiver of this.#receivers.values()) receiver.mood = { ...KIND };
    this.tend();
  }

  /** An operator resumes those that have disabled themselves. */
  tend(): void {
    const { readers } = this.#life as HooksLife;
    for (const [name, reader] of readers.running) {
      if (reader.status().state !== 'disabled') continue;
      this.#isStirred = true;
      void readers.fulfil({ do: 'resume', name });
    }
  }

  /** Whether each hook is done with everything in the log up to there. */
  isThrough(upto: number): boolean {
    const { running } = (this.#life as HooksLife).readers;
    const { logHooks } = this.#version.setup;
    return logHooks.every(({ name }) => (running.get(name)?.status().position ?? -1) >= upto);
  }

  /** From now on it counts as missing what is in the log up to there and has not arrived. */
  expect(upto: number): void {
    this.#dueUpto = upto;
  }

  /** What each sink was given so far. */
  seen(): readonly SinkSeen[] {
    return this.#history.seen(this.#version, this.#dueUpto, (name) => ({
      sent: this.#receivers.get(name)?.sent ?? [],
      letters: this.#shelf.letters.get(name) ?? [],
    }));
  }
}
