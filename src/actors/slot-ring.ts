/**
 * A queue of rows that are due: a ring of (slot, ticket). A ticket tells a living entry from a
 * stale one, so that taking a row out elsewhere costs nothing here: stale entries are skipped when
 * they come up. Knows neither rows nor why they wait.
 */

const ENTRIES_FIRST = 16;

/** First in, first out; `unshift` puts back to the front. */
export class SlotRing {
  #slots = new Int32Array(ENTRIES_FIRST);
  #tickets = new Uint32Array(ENTRIES_FIRST);
  #head = 0;
  #length = 0;

  /** Entries, stale ones included. */
  get length(): number {
    return this.#length;
  }

  push(slot: number, ticket: number): void {
    if (this.#length === this.#slots.length) this.#grow();
    const index = (this.#head + this.#length) & (this.#slots.length - 1);
    this.#slots[index] = slot;
    this.#tickets[index] = ticket;
    this.#length += 1;
  }

  unshift(slot: number, ticket: number): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#slots.length - 1);
    this.#slots[this.#head] = slot;
    this.#tickets[this.#head] = ticket;
    this.#length += 1;
  }

  /** Takes the first entry whose ticket is still good; -1 when there is none. */
  shift(isGood: (slot: number, ticket: number) => boolean): number {
    while (this.#length > 0) {
      const slot = this.#slots[this.#head] as number;
      const ticket = this.#tickets[this.#head] as number;
      this.#head = (this.#head + 1) & (this.#slots.length - 1);
      this.#length -= 1;
      if (isGood(slot, ticket)) return slot;
    }
    return -1;
  }

  /** Takes the last entry whose ticket is still good; -1 when there is none. */
  pop(isGood: (slot: number, ticket: number) => boolean): number {
    while (this.#length > 0) {
      this.#length -= 1;
      const index = (this.#head + this.#length) & (this.#slots.length - 1);
      const slot = this.#slots[index] as number;
      if (isGood(slot, this.#tickets[index] as number)) return slot;
    }
    return -1;
  }

  /** Looks at the first `count` good entries without taking them. */
  peek(count: number, isGood: (slot: number, ticket: number) => boolean): number[] {
    const found: number[] = [];
    for (let at = 0; at < this.#length && found.length < count; at += 1) {
      const index = (this.#head + at) & (this.#slots.length - 1);
      const slot = this.#slots[index] as number;
      if (isGood(slot, this.#tickets[index] as number)) found.push(slot);
    }
    return found;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const tickets = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#length; at += 1) {
      const index = (this.#head + at) & (this.#slots.length - 1);
      slots[at] = this.#slots[index] as number;
      tickets[at] = this.#tickets[index] as number;
    }
    this.#slots = slots;
    this.#tickets = tickets;
    this.#head = 0;
  }
}
