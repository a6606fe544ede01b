/**
 * Virtual time: a heap of due tasks, ties by sequence, and a hand that jumps to the next one.
 * The one idea: everything in the world happens as a task of this heap, so a run is a list of steps
 * and may be stopped between any two. Clocks are given out by life: what a dead process had asked
 * for never comes. Deliberately unknown here: engines, links, mail.
 */
import type { At, Clock, Ms } from '../../ports/ports.ts';

interface Task {
  readonly dueAt: At;
  readonly sequence: number;
  run: (() => void) | undefined;
}

const before = (a: Task, b: Task): boolean =>
  a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence);

/** Tasks that may run without time passing; more is a world that stands still. */
const STANDSTILL_STEPS = 200_000;

/** The time of a world. */
export class WorldTime {
  now: At;
  /** Tasks run so far. */
  steps = 0;
  readonly startAt: At;
  readonly #heap: Task[] = [];
  #sequence = 0;
  #still = 0;

  constructor(startAt: At) {
    this.startAt = startAt;
    this.now = startAt;
  }

  /** When the next task is due; Infinity = never. */
  nextDueAt(): At {
    this.#dropCancelled();
    return this.#heap[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** Runs `run` in `waitMs`; the answer takes it back. */
  after(waitMs: Ms, run: () => void): () => void {
    const dueAt = this.now + Math.max(0, Math.ceil(waitMs));
    const task: Task = { dueAt, sequence: this.#sequence, run };
    this.#sequence += 1;
    this.#rise(task);
    return () => {
      task.run = undefined;
    };
  }

  /** Jumps to the next due task and runs it; false when there is none. */
  step(): boolean {
    this.#dropCancelled();
    const task = this.#heap[0];
    if (task === undefined) return false;
    this.#take();
    this.#still = task.dueAt > this.now ? 0 : this.#still + 1;
    if (this.#still > STANDSTILL_STEPS) throw new Error(`the world stands still at ${this.now}`);
    this.now = Math.max(this.now, task.dueAt);
    this.steps += 1;
    const { run } = task;
    task.run = undefined;
    run?.();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#take();
  }

  #rise(task: Task): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(task);
    while (index > 0) {
      const up = (index - 1) >> 1;
      const parent = heap[up] as Task;
      if (!before(task, parent)) break;
      heap[index] = parent;
      index = up;
    }
    heap[index] = task;
  }

  #take(): void {
    const heap = this.#heap;
    const last = heap.pop() as Task;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let down = index * 2 + 1;
      const right = heap[down + 1];
      if (right !== undefined && before(right, heap[down] as Task)) down += 1;
      const child = heap[down];
      if (child === undefined || !before(child, last)) break;
      heap[index] = child;
      index = down;
    }
    heap[index] = last;
  }
}

/** The clock of one process: after its `end` nothing of it rings. */
export class LifeClock implements Clock {
  isOver = false;
  readonly #time: WorldTime;
  #disarm: (() => void) | undefined;

  constructor(time: WorldTime) {
    this.#time = time;
  }

  now(): At {
    return this.#time.now;
  }

  steadyMs(): Ms {
    return this.#time.now - this.#time.startAt;
  }

  arm(waitMs: Ms, ring: () => void): void {
    this.disarm();
    this.#disarm = this.after(waitMs, ring);
  }

  disarm(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }

  soon(task: () => void): void {
    this.after(0, task);
  }

  /** For the ports of the same process: a task that dies with it. */
  after(waitMs: Ms, task: () => void): () => void {
    return this.#time.after(waitMs, () => {
      if (!this.isOver) task();
    });
  }

  end(): void {
    this.isOver = true;
    this.disarm();
  }
}
