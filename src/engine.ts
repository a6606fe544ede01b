/**
 * Composition: the engine made of its parts. It is given the world (ports), the policy's answers,
 * limits and recovered books, and knows nothing global; production and simulation differ only in
 * what they pass. To an intake it is the host that takes mail over. Opens no file and no socket.
 */
import type { PolicyUse } from './actors/activating.ts';
import { bumpEpoch, notePolicyFault, usePolicy } from './actors/activating.ts';
import { newRuleId } from './actors/admin/ids.ts';
import { listRules } from './actors/admin/ruling.ts';
import type { Beginning } from './actors/beginning.ts';
import { begin } from './actors/beginning.ts';
import type { Core } from './actors/core.ts';
import { explain } from './actors/explaining/explain.ts';
import type { Figures } from './actors/figures.ts';
import { figuresOf } from './actors/figures.ts';
import type { GenerationDesk } from './actors/generation-desk.ts';
import { makeGenerationDesk } from './actors/generation-desk.ts';
import { makeHands } from './actors/hands.ts';
import { saveSnapshot } from './actors/housekeeping.ts';
import type { Command, Input } from './actors/input.ts';
import type { InspectDesk } from './actors/inspecting/desk.ts';
import { makeInspectDesk } from './actors/inspecting/desk.ts';
import { watchLeases } from './actors/leasing.ts';
import { makeCore, makeTurnHands } from './actors/making.ts';
import { countRejected } from './actors/measures.ts';
import type { NdrDesk } from './actors/ndr-desk.ts';
import { makeNdrDesk } from './actors/ndr-desk.ts';
import { allocateIds, findCrowd, REFUSAL_STOPPING } from './actors/queue/accept.ts';
import { Refusals } from './actors/refusals.ts';
import { Registry } from './actors/registry.ts';
import { takeReports } from './actors/reporting.ts';
import type { SourceDesk } from './actors/source-desk.ts';
import { makeSourceDesk } from './actors/source-desk.ts';
import type { AdminRule } from './domain/admin-rules.ts';
import type { Books } from './domain/books.ts';
import type { CaptureList } from './domain/capture.ts';
import type { Explanation, Subject } from './domain/explanation.ts';
import type { Limits } from './domain/limits.ts';
import { checkLimits, LIMITS } from './domain/limits.ts';
import type { StsShelf } from './domain/mta-sts-policies.ts';
import type { PolicyAsker } from './domain/policy-asker.ts';
import type { ReaderNeed } from './domain/reader-floors.ts';
import { drawUuid } from './domain/uuid.ts';
import type { IntakeHost, Refusal, RefusedCommand, Submission } from './intake/host.ts';
import { refuse } from './intake/message-intake.ts';
import type { Fault, Ports } from './ports/ports.ts';
import { Turns } from './turn.ts';

export type { PolicyUse } from './actors/activating.ts';

/** What an engine is made of. */
export interface EngineParts {
  readonly ports: Ports;
  readonly asker: PolicyAsker;
  readonly books: Books;
  /** Turn and position of the last record in the log. */
  readonly last: { readonly turn: number; readonly position: number };
  readonly beginning: Beginning;
  readonly ehloName: string;
  readonly limits?: Partial<Limits>;
  readonly log?: Core['log'];
  readonly readSecret?: Core['readSecret'];
  readonly stsShelf?: StsShelf;
  /** What readers of the log want to know of messages beyond their envelopes. */
  readonly capture?: CaptureList;
  /** What readers behind the commit still need of the log, asked now and then; none without it. */
  readonly readers?: () => readonly ReaderNeed[];
  /** The log cannot be written: nothing more leaves, the process must end and start again. */
  readonly fatal: (fault: Fault) => void;
}

/** A running engine. */
export interface Engine extends IntakeHost {
  /** Runs the first turn; `ready` comes when it is durable. */
  start(ready: () => void): void;
  /** The log's word: turn `turn` is durable. */
  durable(turn: number, commitMs: number): void;
  /** The log's word: it cannot write. */
  failed(fault: Fault): void;
  /** The log's word: whether the disk has room for new mail. */
  room(hasRoom: boolean): void;
  command(command: Command, answered: (refusal?: Refusal) => void): void;
  /** An id for a rule that a command shall make. */
  allocateRuleId(): string;
  /** The rules of operators that hold, oldest first, as of `at`; all of them durable. */
  listRules(answered: (rules: readonly AdminRule[], at: number) => void): void;
  /** Suspensions of sources: to list, to place and to lift, and what was counted. */
  readonly sources: SourceDesk;
  /** What operators look at. */
  readonly inspect: InspectDesk;
  /** Requests whose messages are generated later. */
  readonly generations: GenerationDesk;
  /** Reports of failure that are owed to senders. */
  readonly ndrs: NdrDesk;
  /** Mail is taken here: an exchanger at this place would be ourselves. */
  listensAt(address: string, port: number): void;
  /** A handler of the policy failed; noted in the log and said once. */
  policyFaulted(fault: { readonly handler: string; readonly sentence: string }): void;
  /** Puts a version of the policy in force; `done` when that is durable. */
  usePolicy(use: PolicyUse, done: () => void): void;
  /** Has everybody ask the version in force anew; `done` when that is durable. */
  bumpEpoch(epoch: number, reason: string, done: () => void): void;
  /** Why something waits; a sentence where there is no such thing. Changes nothing. */
  explain(subject: Subject): Explanation | string;
  /** Finishes what is in hand within `graceMs`, takes a snapshot, closes the log. */
  stop(graceMs: number, done: () => void): void;
  /** Refused commands that were written to the log, and those that were too many for it. */
  readonly refusals: { readonly told: number; readonly missed: number };
  /** The engine in numbers, for metrics. */
  readonly figures: Figures;
  /** For tests, benches and the simulated world; nobody else looks inside. */
  readonly core: Core;
}

/** Makes an engine; nothing happens before `start`. */
export function createEngine(parts: EngineParts): Engine {
  const limits: Limits = { ...LIMITS, ...parts.limits };
  checkLimits(limits);
  const { ports, books } = parts;
  const core = {} as { -readonly [K in keyof Core]: Core[K] };
  const registry = new Registry(makeHands(() => core));
  const turns = new Turns<Input>(
    {
      clock: ports.clock,
      log: ports.log,
      books,
      limits,
      registry,
      hands: makeTurnHands(core),
    },
    parts.last,
  );
  Object.assign(
    core,
    makeCore(parts, limits, turns, registry, () => core),
  );
  return new RunningEngine(core, parts);
}

class RunningEngine implements Engine {
  readonly core: Core;
  readonly sources: SourceDesk;
  readonly inspect: InspectDesk;
  readonly figures: Figures;
  readonly generations: GenerationDesk;
  readonly ndrs: NdrDesk;
  readonly capture: CaptureList | undefined;
  readonly #refusals = new Refusals();
  readonly refusals = this.#refusals.counts;
  readonly #parts: EngineParts;
  #isDiskFull = false;
  #hasRoom = true;
  #hasFailed = false;

  constructor(core: Core, parts: EngineParts) {
    this.core = core;
    this.sources = makeSourceDesk(core);
    this.inspect = makeInspectDesk(core);
    this.figures = figuresOf(core);
    this.generations = makeGenerationDesk(core);
    this.ndrs = makeNdrDesk(core);
    this.capture = parts.capture;
    this.#parts = parts;
  }

  get reception() {
    return this.core.answers.messages.reception;
  }

  start(ready: () => void): void {
    const { core } = this;
    watchLeases(core);
    this.#inTurn((at) => begin(core, this.#parts.beginning, at), ready);
  }

  durable(turn: number, commitMs: number): void {
    this.#isDiskFull = false;
    this.core.turns.durable(turn, commitMs);
  }

  failed(fault: Fault): void {
    if (fault.code === 'FAULT_DISK_FULL') {
      if (!this.#isDiskFull) this.core.log('error', `disk full: ${fault.where}: ${fault.cause}`);
      this.#isDiskFull = true;
      return;
    }
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.core.turns.halt();
    this.#parts.fatal(fault);
  }

  room(hasRoom: boolean): void {
    if (this.#hasRoom === hasRoom) return;
    this.#hasRoom = hasRoom;
    const { log } = this.core;
    if (hasRoom) return log('info', 'the disk has room again: mail is taken');
    log('error', 'the disk is nearly full: new mail is put off with 452, delivery goes on');
  }

  admit(): Refusal | undefined {
    const { core } = this;
    if (this.#hasFailed) return refuse(421, '4.3.0', 'the log cannot be written, try again later');
    if (core.isStopping) return REFUSAL_STOPPING;
    if (this.#isDiskFull || !this.#hasRoom)
      return refuse(452, '4.3.1', 'insufficient system storage');
    return findCrowd(core);
  }

  allocateIds(count: number): string[] {
    return allocateIds(this.core, count);
  }

  submit(submission: Submission, answered: (refusal?: Refusal) => void): void {
    const { turns, ports } = this.core;
    turns.pushSubmission({ kind: 'submitted', submission, answered, at: ports.clock.now() });
  }

  takeReports(...taken: Parameters<NonNullable<IntakeHost['takeReports']>>): void {
    takeReports(this.core, ...taken);
  }

  nameSession(): string {
    return drawUuid(() => this.core.ports.random.uniform());
  }

  noteRefused(refused: RefusedCommand): void {
    const { core } = this;
    countRejected(core, refused.listener);
    const mayWrite = !this.#isDiskFull && this.#hasRoom && !this.#hasFailed && !core.isStopping;
    const event = this.#refusals.take(refused, core.ports.clock.now(), mayWrite);
    if (event !== undefined) core.turns.push({ kind: 'run', run: () => core.turns.emit(event) });
  }

  findDomain(domain: string, listener: string, meta: Readonly<Record<string, string>>) {
    return this.core.answers.findDomain(domain, listener, meta);
  }

  command(command: Command, answered: (refusal?: Refusal) => void): void {
    this.core.turns.push({ kind: 'commanded', command, answered });
  }

  allocateRuleId(): string {
    return newRuleId(this.core);
  }

  listRules(answered: (rules: readonly AdminRule[], at: number) => void): void {
    listRules(this.core, answered);
  }

  listensAt(address: string, port: number): void {
    this.core.ownPlaces.add(`${address}:${port}`);
  }

  usePolicy(use: PolicyUse, done: () => void): void {
    this.#inTurn((at) => usePolicy(this.core, use, at), done);
  }

  bumpEpoch(epoch: number, reason: string, done: () => void): void {
    this.#inTurn((at) => bumpEpoch(this.core, epoch, reason, at), done);
  }

  /** Does something in a turn of its own; `done` when that is durable. */
  #inTurn(act: (at: number) => void, done: () => void): void {
    const { turns } = this.core;
    const run = (at: number): void => {
      act(at);
      turns.promise(done);
    };
    turns.push({ kind: 'run', run });
  }

  policyFaulted({ handler, sentence }: { handler: string; sentence: string }): void {
    notePolicyFault(this.core, handler, sentence);
  }

  explain(subject: Subject): Explanation | string {
    return explain(this.core, subject, this.core.ports.clock.now());
  }

  stop(graceMs: number, done: () => void): void {
    const { core } = this;
    core.turns.push({ kind: 'stop' });
    core.alarms.set('cut', core.ports.clock.now() + graceMs);
    core.whenQuiet = (at) => {
      core.turns.emit({ type: 'engine.stopped', stream: 'engine', body: {} });
      core.turns.promise(() => {
        core.turns.halt();
        saveSnapshot(core, at, () => core.ports.log.close(done));
      });
    };
  }
}
