/**
 * The shipper of one log hook, as those see it who own it: it begins at once and goes on by itself;
 * operators pause, resume and skip, the policy gives it a new shape, a stop ends it soon.
 * The one idea: one batch under way, and the cursor behind it; so records go in order, and after a
 * crash at most that batch is sent again, with the same ids.
 * Deliberately unknown here: threads, SQLite, transports, option names.
 */
import type { InspectionEvent } from 'xstate';
import { createActor } from 'xstate';
import type { HookShape } from '../hook.ts';
import { shipperChart } from './chart.ts';
import { CLOSE_MS_MAX } from './closing.ts';
import { actions, guards, isThrough } from './hands.ts';
import type { Held, ShipperParts } from './held.ts';
import { makeHeld, positionOf } from './held.ts';
import type { ShipperStatus } from './news.ts';
import { ABORT_MS_MAX } from './sending.ts';

/** A running shipper. Wishes are answered when they are durable, or with why they make no sense. */
export interface Shipper {
  readonly name: string;
  status(): ShipperStatus;
  /** The batch under way is finished first; then nothing is sent until `resume`. */
  pause(answered: (refusal?: string) => void): void;
  /** Goes on, also where the hook disabled itself; a wait after a failure ends. */
  resume(answered: (refusal?: string) => void): void;
  /**
   * Gives up records from the cursor on: so many, or the batch at hand. What the receiver takes in
   * this moment counts and is not given up. Answers how many became dead letters.
   */
  skip(wanted: number | 'batch', answered: (said: number | string) => void): void;
  /** The policy says otherwise about the hook's queue or path. */
  reshape(shape: HookShape): void;
  /** Ends it: the batch under way may still be answered, for as long as the shape says. */
  stop(ended: () => void): void;
}

const shipperLogic = shipperChart.provide({ actions, guards });

/**
 * Begins to ship; `ended` is called when a replay is through or a stop is done. `inspect` is
 * XState's: it hears of each step of the chart.
 */
export function startShipper(
  parts: ShipperParts,
  ended: (isThrough: boolean) => void,
  inspect?: (event: InspectionEvent) => void,
): Shipper {
  return new ChartedShipper(parts, ended, inspect);
}

class ChartedShipper implements Shipper {
  readonly #held: Held;
  readonly #actor;
  #error: unknown;
  #isBroken = false;
  #ended: ((isThrough: boolean) => void)[];

  constructor(
    parts: ShipperParts,
    ended: (isThrough: boolean) => void,
    inspect?: (event: InspectionEvent) => void,
  ) {
    const held = makeHeld(parts);
    this.#held = held;
    this.#ended = [ended];
    this.#actor = createActor(shipperLogic, {
      input: held,
      ...(inspect === undefined ? {} : { inspect }),
    });
    // XState keeps what a hand throws from the caller of `send`; it belongs to the caller.
    this.#actor.subscribe({
      error: (error) => {
        this.#isBroken = true;
        this.#error = error;
      },
      complete: () => {
        const through = isThrough(held) && held.letters.length === 0;
        for (const told of this.#ended.splice(0)) told(through);
      },
    });
    held.signal = (type) => {
      if (held.isOver) return;
      this.#actor.send({ type });
      this.#check();
    };
    this.#actor.start();
    held.signal('begin.wanted');
  }

  get name(): string {
    return this.#held.parts.name;
  }

  status(): ShipperStatus {
    const { saved, readUpto, hand, backOff, lastError, lastErrorAt, counts } = this.#held;
    return {
      name: this.name,
      state: this.#state(),
      position: saved.position,
      readUpto,
      ready: hand.count,
      failures: backOff.failures,
      lastError,
      lastErrorAt,
      counts,
    };
  }

  pause(answered: (refusal?: string) => void): void {
    const held = this.#held;
    if (held.isOver || held.isStopping) return answered('the hook is being stopped');
    if (held.standing !== 'paused') {
      this.#stand('paused', 'by an operator');
      held.parts.tell({ kind: 'paused' });
    }
    this.#answerWhenSaved(answered);
    held.signal('pause.wanted');
  }

  resume(answered: (refusal?: string) => void): void {
    const held = this.#held;
    if (held.isOver || held.isStopping) return answered('the hook is being stopped');
    if (held.standing !== 'running') {
      this.#stand('running', '');
      held.parts.tell({ kind: 'resumed' });
    }
    held.backOff.reset();
    held.failingSinceMs = undefined;
    held.refusedInRow = 0;
    this.#answerWhenSaved(answered);
    held.signal('resume.wanted');
  }

  #stand(standing: Held['standing'], cause: string): void {
    const held = this.#held;
    held.standing = standing;
    held.cause = cause;
    held.isSaveDue = true;
  }

  #answerWhenSaved(answered: (refusal?: string) => void): void {
    const held = this.#held;
    if (!held.isSaveDue && held.saved.state === held.standing) answered();
    else held.standingAnswers.push(answered);
  }

  skip(wanted: number | 'batch', answered: (said: number | string) => void): void {
    const held = this.#held;
    if (held.isOver || held.isStopping) return answered('the hook is being stopped');
    if (held.skip !== undefined) return answered('records are being skipped already');
    if (wanted !== 'batch' && !(Number.isSafeInteger(wanted) && wanted > 0)) {
      return answered(`${wanted} is not a number of records; write a whole number of at least 1`);
    }
    const batch = held.cut > 0 ? held.cut : held.parts.batching.batchSize;
    held.skip = { left: wanted === 'batch' ? batch : wanted, done: 0, answered };
    held.signal('skip.wanted');
  }

  reshape(shape: HookShape): void {
    this.#held.shape = shape;
    this.#held.signal('shape.changed');
  }

  stop(ended: () => void): void {
    const held = this.#held;
    if (held.isOver) return ended();
    this.#ended.push(ended);
    if (held.isStopping) return;
    held.isStopping = true;
    if (positionOf(held) > held.saved.position) held.isSaveDue = true;
    held.skip?.answered(held.skip.done);
    held.skip = undefined;
    // Whatever is not answered until then is not waited for: the log has it.
    const patienceMs = held.shape.systemShutdownTimeoutMs + ABORT_MS_MAX + CLOSE_MS_MAX;
    held.cancelPatience = held.parts.timers.after(patienceMs, () => held.signal('patience.ended'));
    held.signal('stop.wanted');
  }

  #state(): string {
    return pathOf(this.#actor.getSnapshot().value);
  }

  #check(): void {
    if (this.#isBroken) throw this.#error;
  }
}

function pathOf(value: string | object): string {
  if (typeof value === 'string') return value;
  const [parent, child] = Object.entries(value)[0] as [string, string | object];
  return `${parent}.${pathOf(child)}`;
}
