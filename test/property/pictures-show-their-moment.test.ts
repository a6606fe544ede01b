/**
 * Law: a picture of the books that is made bit by bit, while events go on changing them, is the
 * picture of the moment in which it was begun. The idea: random events are folded between random
 * numbers of steps, and what is read back is compared with the books as they were.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Books } from '../../src/domain/books.ts';
import { formatMessageId } from '../../src/domain/message-id.ts';
import { Picture } from '../../src/domain/picture.ts';
import { decodeBooks } from '../../src/domain/snapshot.ts';
import type { Event } from '../../src/events/catalogue.ts';
import { fold } from '../../src/events/codec.ts';
import { canonOf } from '../world/canon.ts';
import { assertLaw } from '../world/law.ts';

const KINDS = ['accept', 'offer', 'deliver', 'deliver', 'defer', 'move', 'place'] as const;
const QUEUE_KINDS = ['route', 'rest', 'suspend', 'resume', 'retire', 'configure'] as const;
const act = fc.record({
  kind: fc.constantFrom('accept', 'accept', 'accept', ...KINDS, ...QUEUE_KINDS),
  which: fc.nat(40),
  where: fc.nat(2),
  /** Steps of the picture that are made before. */
  steps: fc.constantFrom(0, 0, 0, 1, 2),
});

/** Books that random acts change, each in a way that is possible now. */
class Changing {
  readonly books = new Books();
  #number = 0;
  #position = 0;

  do({ kind, which, where }: { kind: string; which: number; where: number }): void {
    const name = `q${where}.test`;
    const queue = this.books.findQueue(name);
    if (queue === undefined) return this.#open(name, which);
    if (kind === 'accept') return this.#accept(name, which);
    if (kind === 'retire') {
      if (queue.count === 0) this.#fold({ type: 'queue.retired', stream: name, body: {} });
      return;
    }
    if (this.#changeQueue(kind, name, which)) return;
    const slots: number[] = [];
    this.books.rows.each((slot) => slots.push(slot));
    const slot = slots[which % Math.max(1, slots.length)];
    if (slot !== undefined) this.#changeRow(kind, slot, name, which);
  }

  #changeQueue(kind: string, stream: string, which: number): boolean {
    const pause = { until: 100 + which, cause: `c${which}` };
    const keys = { answer: `k${which}`, pool: `p${which}` };
    const site = { site: `s${which}`, hosts: [], mta_sts: '' };
    if (kind === 'route') this.#fold({ type: 'queue.routed', stream, body: site });
    else if (kind === 'rest') this.#fold({ type: 'queue.rested', stream, body: pause });
    else if (kind === 'suspend') this.#fold({ type: 'queue.suspended', stream, body: pause });
    else if (kind === 'resume') this.#fold({ type: 'queue.resumed', stream, body: {} });
    else if (kind === 'configure') this.#fold({ type: 'queue.configured', stream, body: keys });
    else return false;
    return true;
  }

  #changeRow(kind: string, slot: number, queue: string, which: number): void {
    const { columns } = this.books.rows;
    const stream = formatMessageId(5, 'b0a7b0a7', columns.number[slot] as number);
    const from = this.books.queueOfRow(slot).name;
    const attempt = { attempt: 1, source: 's', site: 'x', peer: 'p', text: 't', code: 250 };
    const about = { ...attempt, to: [], enhanced: '', tls: '', took: 1 };
    const settled = this.books.rows.settled.get(slot);
    const index = [settled?.has(0) ? 1 : 0];
    if (kind === 'deliver')
      this.#fold({ type: 'message.delivered', stream, body: { ...about, index } });
    else if (kind === 'offer')
      this.#fold({ type: 'message.returned', stream, body: { due: which } });
    else if (kind === 'defer') {
      const body = { ...about, index, attempts: which, due: which };
      this.#fold({ type: 'message.deferred', stream, body });
    } else if (kind === 'move') {
      this.#fold({ type: 'message.moved', stream, body: { body: [which, which, which, which] } });
    } else {
      const body = { from, queue, due: which, cause: '' };
      this.#fold({ type: 'message.rebound', stream, body });
    }
  }

  #open(stream: string, which: number): void {
    const answer = `k${which}`;
    this.#fold({ type: 'policy.answered', stream: 'policy', body: { key: answer, answer: '{}' } });
    this.#fold({ type: 'queue.opened', stream, body: { answer, pool: '' } });
  }

  #accept(queue: string, which: number): void {
    this.#number += 1;
    const to = which % 2 === 0 ? ['a@x.test'] : ['a@x.test', 'b@x.test'];
    const mail = { from: 'a@x.test', peer: '127.0.0.1', helo: 'h', service: 'esmtp' };
    const body = { queue, to, body: [1, 2, 3, 4] as const, ...mail };
    this.#fold({
      type: 'message.accepted',
      stream: formatMessageId(5, 'b0a7b0a7', this.#number),
      body,
    });
  }

  #fold(event: object): void {
    this.#position += 1;
    const { stream } = event as Event;
    fold(this.books, event as Event, { stream, position: this.#position, at: this.#position });
  }
}

/** Chains end where the counts say, there and back, else to follow them would not. */
function checkChains({ queues, rows }: Books): void {
  for (const queue of queues) {
    const { head, tail, count } = queue ?? { head: -1, tail: -1, count: 0 };
    const back: number[] = [];
    let slot = head;
    for (let left = count; left > 0; left -= 1) {
      back.unshift(slot);
      slot = rows.next[slot] as number;
    }
    assert.equal(slot, -1, `the chain of ${queue?.name} is of another length`);
    slot = tail;
    for (const each of back) {
      assert.equal(slot, each, `the chain of ${queue?.name} leads back another way`);
      slot = rows.prev[slot] as number;
    }
  }
}

test('a picture shows the moment in which it was begun', async () => {
  const acts = fc.array(act, { maxLength: 60, size: 'max' });
  const property = fc.property(acts, acts, fc.integer({ min: 1, max: 4 }), (past, next, block) => {
    const changing = new Changing();
    for (const each of past) changing.do(each);
    const { books } = changing;
    const wanted = structuredClone(canonOf(books));
    const picture = new Picture(books, block);
    books.watchedBy(picture);
    const making = picture.make();
    let bytes: Uint8Array | undefined;
    const step = (): void => {
      const made = making.next();
      if (made.done) bytes ??= made.value;
    };
    for (const each of next) {
      for (let left = each.steps; left > 0; left -= 1) step();
      changing.do(each);
    }
    while (bytes === undefined) step();
    const read = decodeBooks(bytes);
    if (read !== undefined) checkChains(read);
    assert.deepEqual(read && canonOf(read), wanted);
    assert.equal(books.isWatched, false, 'it lets go of the books');
  });
  await assertLaw(property);
});
