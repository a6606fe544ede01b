/**
 * The turn: gather → decide and fold → commit → signal → act. Everything the engine does happens in
 * one. Nothing that promises anything leaves before the commit that justifies it: promises are
 * handed to `promise` while deciding and are kept here until the log says that the turn is durable.
 * Turns overlap: the next may decide while the last is being written. Knows neither mail nor SMTP.
 */
import type { Registry, Step } from './actors/registry.ts';
import { Registry as Charts } from './actors/registry.ts';
import type { Books } from './domain/books.ts';
import { Histogram } from './domain/histogram.ts';
import { invariant } from './domain/invariant.ts';
import type { Limits } from './domain/limits.ts';
import type { Event } from './events/catalogue.ts';
import { encode, fold } from './events/codec.ts';
import type { Clock, Log, RecordDraft } from './ports/ports.ts';

/** What a turn asks of the engine. */
export interface TurnHands<Input> {
  /** Rings everything due at `at`. */
  ring(at: number): void;
  decide(input: Input, at: number): void;
  /** Brings together what waits and what is free, once a turn. */
  match(at: number): void;
  /** How many of the `waiting` submissions this turn may take, from the first on. */
  admitNow(waiting: readonly Input[], at: number): number;
  /** When something is due next; Infinity = nothing. */
  nextDueAt(): number;
  /** Waits for nothing but quiet, which a turn has to notice. */
  isEnding(): boolean;
}

interface Flight {
  readonly turn: number;
  readonly steps: readonly Step[];
  readonly promises: (() => void)[];
}

/** Counters of the turns, for the bench and for metrics. */
export interface TurnCounts {
  turns: number;
  commits: number;
  records: number;
  inputs: number;
  commitMs: number;
}

/** Bounds for the records of a turn. */
const RECORDS_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

/** Clocks that are read one after the other, to the millisecond, differ by less. */
const JUMP_MS = 5;

/** The engine's inbox and its turns. */
export class Turns<Input> {
  readonly counts: TurnCounts = { turns: 0, commits: 0, records: 0, inputs: 0, commitMs: 0 };
  readonly commitSeconds = new Histogram();
  readonly turnRecords = new Histogram(RECORDS_BOUNDS);
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #books: Books;
  readonly #limits: Limits;
  readonly #registry: Registry;
  readonly #hands: TurnHands<Input>;
  #reports: Input[] = [];
  #submissions: Input[] = [];
  #drafts: RecordDraft[] = [];
  #steps: Step[] = [];
  #promises: (() => void)[] = [];
  readonly #flights: Flight[] = [];
  #turn: number;
  #position: number;
  #at = 0;
  /** What the alarm is set for; not a number while it is not set. */
  #armedAt = Number.NaN;
  /** The clock against the steady one, as it was then. */
  #armedOffset = 0;
  #isDeciding = false;
  #isScheduled = false;
  #isHalted = false;

  constructor(
    parts: {
      clock: Clock;
      log: Log;
      books: Books;
      limits: Limits;
      registry: Registry;
      hands: TurnHands<Input>;
    },
    from: { turn: number; position: number },
  ) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#books = parts.books;
    this.#limits = parts.limits;
    this.#registry = parts.registry;
    this.#hands = parts.hands;
    this.#turn = from.turn;
    this.#position = from.position + 1;
  }

  get waitingSubmissions(): number {
    return this.#submissions.length;
  }

  /** Position that the next record will have. */
  get position(): number {
    return this.#position;
  }

  /** The turn committed last. */
  get turn(): number {
    return this.#turn;
  }

  /** Reading of the clock for the turn being decided, or the last one. */
  get at(): number {
    return this.#at;
  }

  get waitingReports(): number {
    return this.#reports.length;
  }

  get inFlight(): number {
    return this.#flights.length;
  }

  get isIdle(): boolean {
    return this.#flights.length === 0 && !this.#hasInputs();
  }

  /** Puts something perceived into the inbox. */
  push(input: Input): void {
    this.#reports.push(input);
    this.poke();
  }

  /** Puts new mail into the inbox; it is taken as pacing allows. */
  pushSubmission(input: Input): void {
    this.#submissions.push(input);
    this.poke();
  }

  /** Adds an event to the turn being decided and folds it at once. */
  emit(event: Event): void {
    invariant(this.#isDeciding, `${event.type} outside a turn`);
    const kind = event.type.slice(0, event.type.indexOf('.'));
    const isControl = kind === 'queue' || kind === 'source';
    const from = isControl ? this.#stateOf(kind as Step['kind'], event.stream) : '';
    if (isControl && from !== '') {
      const isLegal = Charts.can(kind as Step['kind'], from, event.type);
      invariant(isLegal, `${kind} ${event.stream} is ${from}: ${event.type} is not possible`);
    }
    this.#drafts.push(encode(event));
    fold(this.#books, event, { stream: event.stream, position: this.#position, at: this.#at });
    this.#position += 1;
    if (isControl && from !== '') {
      const to = this.#stateOf(kind as Step['kind'], event.stream) || 'gone';
      const isRetired = event.type === 'source.retired';
      this.#steps.push({
        kind: kind as Step['kind'],
        name: event.stream,
        event: event.type,
        from,
        to: isRetired ? 'retired' : to,
      });
    }
  }

  /** Something to be said or done only when this turn's events are durable. */
  promise(act: () => void): void {
    this.#promises.push(act);
  }

  /** The log says that `turn` is durable: signal, then act. */
  durable(turn: number, commitMs: number): void {
    if (this.#isHalted) return;
    const flight = this.#flights.shift();
    invariant(flight?.turn === turn, `turn ${turn} became durable out of order`);
    this.counts.commitMs += commitMs;
    this.commitSeconds.observe(commitMs / 1000);
    for (const step of flight.steps) this.#registry.signal(step);
    for (const act of flight.promises) act();
    // What was kept may be all there was to do; an empty turn for each commit would be a third.
    if (this.#hasInputs() || this.#hands.isEnding()) this.poke();
    else this.#armAlarm();
  }

  /** No more turns: the log cannot be written, or the engine has stopped. */
  halt(): void {
    this.#isHalted = true;
    this.#clock.disarm();
  }

  /** Sees to it that a turn comes when there is something to do. */
  poke(): void {
    if (this.#isScheduled || this.#isHalted || this.#isDeciding) return;
    const flying = this.#flights.length;
    if (flying >= this.#limits.turnsInFlightMax) return;
    // While a commit is on its way company gathers, unless a good turn's worth is there already.
    const waiting = this.#reports.length + this.#submissions.length;
    if (flying > 0 && waiting * 4 < this.#limits.turnRecordsMax) return;
    this.#isScheduled = true;
    this.#clock.soon(() => this.run());
  }

  /** One turn. */
  run(): void {
    this.#isScheduled = false;
    if (this.#isHalted) return;
    this.#at = this.#clock.now();
    this.#isDeciding = true;
    this.#hands.ring(this.#at);
    this.#decideInputs();
    this.#hands.match(this.#at);
    this.#isDeciding = false;
    this.counts.turns += 1;
    this.#commit();
    this.#armAlarm();
    if (this.#hasInputs()) this.poke();
  }

  #hasInputs(): boolean {
    return this.#reports.length > 0 || this.#submissions.length > 0;
  }

  #decideInputs(): void {
    const { turnInputsMax, turnRecordsMax } = this.#limits;
    const reports = this.#reports.splice(0, turnInputsMax);
    for (const input of reports) this.#hands.decide(input, this.#at);
    const room = this.#drafts.length < turnRecordsMax ? turnInputsMax : 1;
    const admitted = this.#hands.admitNow(this.#submissions, this.#at);
    const submissions = this.#submissions.splice(0, Math.min(room, admitted));
    for (const input of submissions) this.#hands.decide(input, this.#at);
    this.counts.inputs += reports.length + submissions.length;
  }

  #commit(): void {
    const promises = this.#promises;
    this.#promises = [];
    if (this.#drafts.length === 0) {
      // What this turn saw may still be on its way to the disk: its word waits for that.
      const last = this.#flights.at(-1);
      if (last !== undefined) last.promises.push(...promises);
      else for (const act of promises) act();
      return;
    }
    const drafts = this.#drafts;
    const steps = this.#steps;
    this.#drafts = [];
    this.#steps = [];
    this.#turn += 1;
    this.#flights.push({ turn: this.#turn, steps, promises });
    this.counts.commits += 1;
    this.counts.records += drafts.length;
    this.turnRecords.observe(drafts.length);
    const position = this.#position - drafts.length;
    this.#log.append({ turn: this.#turn, at: this.#at, position, drafts });
  }

  #armAlarm(): void {
    const dueAt = this.#hands.nextDueAt();
    if (dueAt === Number.POSITIVE_INFINITY) {
      this.#armedAt = Number.NaN;
      return this.#clock.disarm();
    }
    const now = this.#clock.now();
    const offset = now - this.#clock.steadyMs();
    // Set already, and the clock has not jumped since: most turns change nothing here.
    if (dueAt === this.#armedAt && Math.abs(offset - this.#armedOffset) <= JUMP_MS) return;
    this.#armedAt = dueAt;
    this.#armedOffset = offset;
    this.#clock.arm(Math.max(0, dueAt - now), () => this.ringNow());
  }

  /** The alarm rang: a turn is due even if the inbox is empty. */
  ringNow(): void {
    this.#armedAt = Number.NaN;
    if (this.#isScheduled || this.#isHalted) return;
    if (this.#flights.length >= this.#limits.turnsInFlightMax) {
      this.#clock.arm(1, () => this.ringNow());
      return;
    }
    this.#isScheduled = true;
    this.#clock.soon(() => this.run());
  }

  #stateOf(kind: Step['kind'], name: string): string {
    if (kind === 'queue') return this.#books.findQueue(name)?.state ?? '';
    return this.#books.sources.get(name)?.state ?? '';
  }
}
