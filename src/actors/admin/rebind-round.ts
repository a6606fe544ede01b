/**
 * Rebinds by criteria: one round over the queues there were, message by message, in slices. That it
 * was ordered is an event, so a round that a crash cut short is gone through again: where a message
 * is already where it should be, nothing changes. Messages in ready queues and in the hands of
 * connections are left alone. Judges no wish.
 */
import type { RebindOrder } from '../../domain/admin-rules.ts';
import { isMeant } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import type { Core } from '../core.ts';
import { rebindOne } from '../rebinding.ts';
import { allQueues, walkQueues } from './walking.ts';

/** Begins the round; its end is an event. */
export function startRebind(core: Core, order: RebindOrder, at: number): void {
  const movedBefore = core.tallies.rebound;
  const round = new RebindRound(core, order);
  walkQueues(
    core,
    round.queues,
    {
      isOn: () => core.books.rules.rebinds.has(order.id),
      visit: (row, now, index) => round.visit(row, now, index),
      done: () => {
        const moved = core.tallies.rebound - movedBefore;
        core.turns.emit({ type: 'rebind.finished', stream: order.id, body: { moved } });
      },
    },
    at,
  );
}

class RebindRound {
  readonly queues: readonly (QueueRow | undefined)[];
  readonly #core: Core;
  readonly #order: RebindOrder;
  /** Messages that went to a queue which the round has not come to yet. */
  readonly #ahead = new Set<number>();
  /** Numbers of the messages of the queue being visited, and how many of them are done. */
  #numbers: readonly number[] | undefined;
  #done = 0;

  constructor(core: Core, order: RebindOrder) {
    this.#core = core;
    this.#order = order;
    this.queues = allQueues(core);
  }

  visit(row: QueueRow, at: number, index: number): boolean {
    const numbers = this.#numbers ?? this.#list(row);
    const { rows } = this.#core.books;
    while (this.#done < numbers.length) {
      if (this.#core.adminLeft <= 0) {
        this.#numbers = numbers;
        return false;
      }
      const number = numbers[this.#done] as number;
      this.#done += 1;
      const slot = rows.find(number);
      const isHere = slot >= 0 && this.#core.books.queueOfRow(slot) === row;
      if (isHere && !this.#ahead.delete(number)) this.#rebind(slot, number, at, index);
    }
    this.#numbers = undefined;
    this.#done = 0;
    return true;
  }

  // A flushed message goes to the end of its own queue: the list is made first.
  #list(row: QueueRow): number[] {
    const { rows } = this.#core.books;
    const numbers: number[] = [];
    if (!isMeant(this.#order.criteria, row.name, parseQueueName(row.name))) return numbers;
    for (let slot = row.head; slot >= 0; slot = rows.next[slot] as number) {
      const number = rows.columns.number[slot] as number;
      if (number < this.#order.upto) numbers.push(number);
    }
    return numbers;
  }

  #rebind(slot: number, number: number, at: number, index: number): void {
    const core = this.#core;
    const { move, data, isFlush, isQuiet, cause: why } = this.#order;
    core.adminLeft -= 1;
    const flags = { admin: 1 as const, ...(isQuiet ? { quiet: 1 as const } : {}) };
    rebindOne(core, slot, { move, data, isFlush, why, flags }, at);
    if (core.books.rows.find(number) !== slot) return;
    const to = core.books.queueOfRow(slot);
    if (to.slot > index && this.queues[to.slot] === to) this.#ahead.add(number);
  }
}
