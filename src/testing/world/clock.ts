/**
 * Virtual time: a heap of due tasks, ties by sequence, and a hand that jumps to the next one.
 * The one idea: everything in the world happens as a task of this heap, so a run is a list of steps
 * and may be stopped between any two. Clocks are given out by life: what a dead process had asked
 * for never comes. Deliberately unknown here: engines, links, mail.
 */
import type { At, Clock, Ms } from '../../ports/ports.ts';

interface Cancellable {
  run: (() => void) | undefined;
}

interface Task extends Cancellable {
  readonly dueAt: At;
  readonly sequence: number;
}

const cancel = (task: Cancellable): void => {
  task.run = undefined;
};

const isCancelled = (task: Task | undefined): boolean =>
  task !== undefined && task.run === undefined;

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
  /** What is due at once, in order: most of all tasks, and a heap would sift each up and down. */
  #atOnce: Task[] = [];
  #onceAt = 0;
  #sequence = 0;
  #still = 0;

  constructor(startAt: At) {
    this.startAt = startAt;
    this.now = startAt;
  }

  /** When the next task is due; Infinity = never. */
  nextDueAt(): At {
    return this.#next()?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** Runs `run` in `waitMs`; the answer takes it back. */
  after(waitMs: Ms, run: () => void): () => void {
    const task = this.schedule(waitMs, run);
    return () => cancel(task);
  }

  /** The same for what comes often: the task itself is given back. */
  schedule(waitMs: Ms, run: () => void): Cancellable {
    const task: Task = {
      dueAt: this.now + Math.max(0, Math.ceil(waitMs)),
      sequence: this.#sequence,
      run,
    };
    this.#sequence += 1;
    if (task.dueAt > this.now) this.#rise(task);
    else this.#atOnce.push(task);
    return task;
  }

  /** Jumps to the next due task and runs it; false when there is none. */
  step(): boolean {
    const task = this.#next();
    if (task === undefined) return false;
    if (task === this.#heap[0]) this.#take();
    else this.#takeOnce();
    this.#still = task.dueAt > this.now ? 0 : this.#still + 1;
    if (this.#still > STANDSTILL_STEPS) throw new Error(`the world stands still at ${this.now}`);
    this.now = Math.max(this.now, task.dueAt);
    this.steps += 1;
    const { run } = task;
    cancel(task);
    run?.();
    return true;
  }

  /** The first that is not cancelled. */
  #next(): Task | undefined {
    while (isCancelled(this.#heap[0])) this.#take();
    while (isCancelled(this.#atOnce[this.#onceAt])) this.#takeOnce();
    const timed = this.#heap[0];
    const once = this.#atOnce[this.#onceAt];
    if (timed === undefined || once === undefined) return timed ?? once;
    return before(timed, once) ? timed : once;
  }

  #takeOnce(): void {
    this.#onceAt += 1;
    if (this.#onceAt < this.#atOnce.length) return;
    this.#atOnce = [];
    this.#onceAt = 0;
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
  #armed: Cancellable | undefined;

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
    this.#armed = this.#schedule(waitMs, ring);
  }

  disarm(): void {
    if (this.#armed !== undefined) cancel(this.#armed);
    this.#armed = undefined;
  }

  soon(task: () => void): void {
    this.#schedule(0, task);
  }

  /** For the ports of the same process: a task that dies with it. */
  after(waitMs: Ms, task: () => void): () => void {
    const scheduled = this.#schedule(waitMs, task);
    return () => cancel(scheduled);
  }

  #schedule(waitMs: Ms, task: () => void): Cancellable {
    return this.#time.schedule(waitMs, () => {
      if (!this.isOver) task();
    });
  }

  end(): void {
    this.isOver = true;
    this.disarm();
  }
}
