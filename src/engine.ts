/**
 * Composition: the engine made of its parts. It is given the world (ports), the policy's answers,
 * limits and recovered books, and knows nothing global; production and simulation differ only in
 * what they pass. To an intake it is the host that takes mail over. Reads no file and opens no
 * socket.
 */
import { Alarms } from './actors/alarms.ts';
import type { PolicyAsker } from './actors/answers.ts';
import { Answers } from './actors/answers.ts';
import type { Beginning } from './actors/beginning.ts';
import { begin } from './actors/beginning.ts';
import type { ConnectionHost } from './actors/connection/connection.ts';
import type { Core } from './actors/core.ts';
import * as deciding from './actors/deciding.ts';
import { makeHands } from './actors/hands.ts';
import { HeldRows } from './actors/held-rows.ts';
import { saveSnapshot } from './actors/housekeeping.ts';
import type { Command, Input } from './actors/input.ts';
import { Registry } from './actors/registry.ts';
import type { Books } from './domain/books.ts';
import type { Limits } from './domain/limits.ts';
import { checkLimits, LIMITS } from './domain/limits.ts';
import { formatMessageId } from './domain/message-id.ts';
import { createTimerWheel } from './domain/timer-wheel.ts';
import type { IntakeHost, Refusal, Submission } from './intake/host.ts';
import type { Fault, Ports } from './ports/ports.ts';
import { Turns } from './turn.ts';

/** One tick of the timer wheel: how late a retry or an expiry may be. */
const WHEEL_TICK_MS = 100;

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
  /** Mail is taken here: an exchanger at this place would be ourselves. */
  listensAt(address: string, port: number): void;
  /** A handler of the policy failed; noted in the log and said once. */
  policyFaulted(fault: { readonly handler: string; readonly sentence: string }): void;
  /** Finishes what is in hand within `graceMs`, takes a snapshot, closes the log. */
  stop(graceMs: number, done: () => void): void;
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
      hands: {
        ring: (at) => deciding.ring(core, at),
        decide: (input, at) => deciding.decide(core, input, at),
        match: (at) => deciding.match(core, at),
        admitNow: (waiting, at) => admitNow(core, waiting, at),
        nextDueAt: () => deciding.nextDueAt(core),
      },
    },
    parts.last,
  );
  Object.assign(
    core,
    makeCore(parts, limits, turns, registry, () => core),
  );
  return new RunningEngine(core, parts);
}

/** Everything the deciding parts share, at its beginning. */
function makeCore(
  parts: EngineParts,
  limits: Limits,
  turns: Turns<Input>,
  registry: Registry,
  find: () => Core,
): Core {
  const { ports, books } = parts;
  const now = ports.clock.now();
  return {
    ports,
    books,
    limits,
    turns,
    registry,
    wheel: createTimerWheel(WHEEL_TICK_MS, now),
    alarms: new Alarms(),
    answers: new Answers(parts.asker, books, (event) => turns.emit(event)),
    held: new HeldRows(limits),
    queues: new Map(),
    readyQueues: new Map(),
    sessions: new Map(),
    offers: new Map(),
    offerOf: new Map(),
    cycles: new Map(),
    touchedQueues: new Set(),
    touchedReady: new Set(),
    starved: new Set(),
    planning: 0,
    drawing: new Map(),
    drawNow: [],
    readyOf: new Map(),
    ehloName: parts.ehloName,
    connectionHost: makeConnectionHost(ports, turns),
    requeue: (slot, at) => deciding.requeue(find(), slot, at),
    ownPlaces: new Set(),
    readSecret: parts.readSecret ?? (() => undefined),
    nextLink: 1,
    nextOffer: 1,
    nextNumber: 0,
    backlog: 0,
    settledNow: 0,
    isStopping: false,
    whenQuiet: undefined,
    house: {
      snapshotAt: now,
      snapshotPosition: parts.last.position + 1,
      isSaving: false,
      moving: 0,
    },
    log: parts.log ?? (() => {}),
  };
}

function makeConnectionHost(ports: Ports, turns: Turns<Input>): ConnectionHost {
  return {
    steadyMs: () => ports.clock.steadyMs(),
    opened: (link, peer) => turns.push({ kind: 'opened', link, peer }),
    idle: (link) => turns.push({ kind: 'idle', link }),
    settled: (link, settlement) => turns.push({ kind: 'settled', link, settlement }),
    ended: (link, ending) => turns.push({ kind: 'ended', link, ending }),
  };
}

/** Paces intake to delivery: above the bound a turn takes what it settled, and the overdue. */
function admitNow(core: Core, waiting: readonly Input[], at: number): number {
  if (core.backlog < core.limits.paceRowsMin || core.isStopping) return waiting.length;
  let count = Math.min(waiting.length, core.settledNow + 1);
  while (count < waiting.length) {
    const input = waiting[count];
    if (input?.kind !== 'submitted' || at - input.at < core.limits.paceMsMax) break;
    count += 1;
  }
  if (count < waiting.length) core.alarms.set('pace', at + core.limits.paceMsMax);
  return count;
}

const refusal = (code: number, enhanced: string, text: string): Refusal => ({
  code,
  enhanced,
  text,
});

class RunningEngine implements Engine {
  readonly core: Core;
  readonly #parts: EngineParts;
  #isDiskFull = false;
  #hasRoom = true;
  #hasFailed = false;

  constructor(core: Core, parts: EngineParts) {
    this.core = core;
    this.#parts = parts;
  }

  start(ready: () => void): void {
    const { core } = this;
    core.turns.push({
      kind: 'run',
      run: (at) => {
        begin(core, this.#parts.beginning, at);
        core.turns.promise(ready);
      },
    });
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
    if (hasRoom) log('info', 'the disk has room again: mail is taken');
    else log('error', 'the disk is nearly full: new mail is put off with 452, delivery goes on');
  }

  admit(): Refusal | undefined {
    const { core } = this;
    const { limits } = core;
    if (this.#hasFailed) return refusal(421, '4.3.0', 'the log cannot be written, try again later');
    if (core.isStopping) return refusal(421, '4.3.2', 'the service is stopping, try again soon');
    if (this.#isDiskFull || !this.#hasRoom)
      return refusal(452, '4.3.1', 'insufficient system storage');
    if (core.books.rows.count >= limits.rowsMax) {
      return refusal(452, '4.3.1', 'too many messages are queued');
    }
    if (core.turns.waitingSubmissions >= limits.inboxSubmissionsMax) {
      return refusal(451, '4.3.2', 'too busy, try again later');
    }
    return undefined;
  }

  allocateIds(count: number): string[] {
    const { core } = this;
    const at = core.ports.clock.now();
    const ids: string[] = [];
    for (let left = count; left > 0; left -= 1) {
      ids.push(formatMessageId(at, core.books.engine.node, core.nextNumber));
      core.nextNumber += 1;
    }
    return ids;
  }

  submit(submission: Submission, answered: (refusal?: Refusal) => void): void {
    const at = this.core.ports.clock.now();
    this.core.turns.pushSubmission({ kind: 'submitted', submission, answered, at });
  }

  command(command: Command, answered: (refusal?: Refusal) => void): void {
    this.core.turns.push({ kind: 'commanded', command, answered });
  }

  listensAt(address: string, port: number): void {
    this.core.ownPlaces.add(`${address}:${port}`);
  }

  policyFaulted({ handler, sentence }: { handler: string; sentence: string }): void {
    const { core } = this;
    core.log('error', `policy: ${sentence}`);
    const event = {
      type: 'policy.faulted',
      stream: 'policy',
      body: { handler, sentence },
    } as const;
    core.turns.push({ kind: 'run', run: () => core.turns.emit(event) });
  }

  stop(graceMs: number, done: () => void): void {
    const { core } = this;
    const cutAt = core.ports.clock.now() + graceMs;
    core.turns.push({ kind: 'stop' });
    core.alarms.set('cut', cutAt);
    core.whenQuiet = (at) => {
      core.turns.emit({ type: 'engine.stopped', stream: 'engine', body: {} });
      core.turns.promise(() => {
        core.turns.halt();
        saveSnapshot(core, at, () => core.ports.log.close(done));
      });
    };
  }
}
