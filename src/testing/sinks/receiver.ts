/**
 * A receiver of records under virtual time, of any mood: it takes, refuses, fails before or after
 * it took, throws, answers late or never, and writes down all it was given.
 * The one idea: what the receiver has is kept apart from what it said.
 * Deliberately unknown here: cursors, what should have been sent.
 */
import type { OutgoingRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import type { Chance } from '../world/chance.ts';

/** How likely each way to answer is; what is left confirms everything. */
export interface SinkMood {
  slowMs: number;
  fails: number;
  /** Of the failures: those after the batch was taken. */
  takesFirst: number;
  /** Asks to come back after up to so long, ms; 0: does not. */
  retryAfterMs: number;
  refusesSome: number;
  refusesAll: number;
  throws: number;
  babbles: number;
  /** Answers only when told to give up. */
  hangs: number;
  /** Does not hear that it is to give up. */
  deaf: number;
  /** Never answers. */
  dies: number;
}

/** A receiver that takes everything at once. */
export const KIND: SinkMood = {
  slowMs: 0,
  fails: 0,
  takesFirst: 0,
  retryAfterMs: 0,
  refusesSome: 0,
  refusesAll: 0,
  throws: 0,
  babbles: 0,
  hangs: 0,
  deaf: 0,
  dies: 0,
};

/** One call of `send`. */
export interface SentBatch {
  readonly at: number;
  readonly batch: readonly OutgoingRecord[];
  isSettled: boolean;
  isFailed: boolean;
  /** The receiver has these, whatever it said. */
  taken: readonly OutgoingRecord[];
  /** Refused for good. */
  refused: readonly OutgoingRecord[];
}

/** What a receiver got, over all lives of the hook. */
export class Receiver {
  mood: SinkMood = { ...KIND };
  /** In the order of arrival, with repeats. */
  readonly taken: OutgoingRecord[] = [];
  readonly sent: SentBatch[] = [];
  /** Ids that were refused at least once; such a record may be taken when it comes again. */
  readonly refusedOnce = new Set<string>();
  /** What was wrong with a batch: a shipper would take the throw for a failing sink's. */
  fault: unknown;
  /** Called before a batch is looked at. */
  given: (batch: readonly OutgoingRecord[]) => void = () => {};
  connections = 0;
  closes = 0;
  readonly chance: Chance;

  constructor(chance: Chance) {
    this.chance = chance;
  }

  /** A sink of one life. */
  connect(clock: Pick<Timers, 'now' | 'after'>): Sink {
    return new PlaySink(this, clock);
  }

  /** It has these now. */
  take(call: SentBatch, records: readonly OutgoingRecord[]): void {
    call.taken = records;
    this.taken.push(...records);
  }

  /** The process that sent has died: of a batch that was under way it has all or nothing. */
  cutOff(): void {
    const last = this.sent.at(-1);
    if (last === undefined || last.isSettled) return;
    if (!last.isFailed && this.chance.hits(0.5)) this.take(last, last.batch);
    last.isFailed = true;
  }
}

class PlaySink implements Sink {
  readonly #receiver: Receiver;
  readonly #clock: Pick<Timers, 'now' | 'after'>;
  #isBusy = false;
  #isOpen = false;

  constructor(receiver: Receiver, clock: Pick<Timers, 'now' | 'after'>) {
    this.#receiver = receiver;
    this.#clock = clock;
  }

  send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    const { mood, chance, sent } = this.#receiver;
    this.#look(batch);
    if (!this.#isOpen) this.#receiver.connections += 1;
    this.#isOpen = true;
    const call: SentBatch = {
      ...{ at: this.#clock.now(), batch },
      ...{ isSettled: false, isFailed: false, taken: [], refused: [] },
    };
    sent.push(call);
    if (chance.hits(mood.throws)) {
      call.isFailed = true;
      throw new Error('a slip of the operator');
    }
    this.#isBusy = true;
    return new Promise((resolve) => {
      const answer = (value: SinkAnswer): void => {
        this.#isBusy = false;
        call.isSettled = value.kind === 'settled';
        call.isFailed = !call.isSettled;
        resolve(value);
      };
      const isDeaf = chance.hits(mood.deaf);
      signal.addEventListener('abort', () => {
        if (this.#isBusy && !isDead && !isDeaf)
          answer({ kind: 'failed', reason: 'told to give up' });
      });
      const isDead = chance.hits(mood.dies);
      if (isDead || chance.hits(mood.hangs)) return;
      this.#clock.after(chance.between(0, mood.slowMs), () => {
        if (this.#isBusy) answer(this.#judge(call));
      });
    });
  }

  #look(batch: readonly OutgoingRecord[]): void {
    try {
      if (this.#isBusy) throw new Error('a sink got a second call before it answered the first');
      if (batch.length === 0) throw new Error('a sink got an empty batch');
      this.#receiver.given(batch);
    } catch (error) {
      this.#receiver.fault ??= error;
    }
  }

  #judge(call: SentBatch): SinkAnswer {
    const { mood, chance } = this.#receiver;
    const { batch } = call;
    if (chance.hits(mood.babbles)) return { kind: 'perhaps' } as unknown as SinkAnswer;
    if (chance.hits(mood.fails)) {
      if (chance.hits(mood.takesFirst)) this.#receiver.take(call, batch);
      const reason = 'status 503';
      if (mood.retryAfterMs === 0) return { kind: 'failed', reason };
      return { kind: 'failed', reason, retryAfterMs: chance.between(0, mood.retryAfterMs) };
    }
    const refusesAll = chance.hits(mood.refusesAll);
    const refused = [...batch.keys()].filter(() => refusesAll || chance.hits(mood.refusesSome));
    this.#receiver.take(
      call,
      batch.filter((_one, index) => !refused.includes(index)),
    );
    call.refused = batch.filter((_one, index) => refused.includes(index));
    for (const { eventId } of call.refused) this.#receiver.refusedOnce.add(eventId);
    return { kind: 'settled', refused: refused.map((index) => ({ index, reason: 'status 400' })) };
  }

  close(): Promise<void> {
    const { mood, chance } = this.#receiver;
    this.#receiver.closes += 1;
    this.#isOpen = false;
    return chance.hits(mood.dies) ? new Promise(() => {}) : Promise.resolve();
  }
}
