/**
 * Judges what a hook sent against what was in the log: order, completeness, and which repeats there
 * may be. The one idea: whatever happened, a batch is the next stretch of the log behind the
 * durable cursor, so each batch is looked at when it is given and nothing is left to the end.
 * Deliberately unknown here: how a shipper works.
 */
import assert from 'node:assert/strict';
import type { OutgoingRecord } from '../../src/ports/sink.ts';
import type { SourceRecord } from '../../src/projections/shipper/surroundings.ts';
import type { HookWorld } from './hook-world.ts';

/** One hook's judge. */
export class HookJudge {
  readonly #world: HookWorld;
  readonly #wants: (one: SourceRecord) => boolean;
  /** By event id: how often it was sent, and how often it may be sent. */
  readonly #sends = new Map<string, number>();
  readonly #allowed = new Map<string, number>();
  #last: readonly OutgoingRecord[] = [];

  constructor(world: HookWorld, wants: (one: SourceRecord) => boolean) {
    this.#world = world;
    this.#wants = wants;
    world.receiver.given = (batch) => this.#look(batch);
  }

  /** The log through the filter. */
  expected(): SourceRecord[] {
    return this.#world.log.records.filter((one) => this.#wants(one));
  }

  #look(batch: readonly OutgoingRecord[]): void {
    const { shelf, receiver } = this.#world;
    assert.equal(shelf.disk.underWay, 0, 'nothing is sent while something is being written');
    // What the sink failed may come again; so may what the last life had under way.
    const last = receiver.sent.at(-1);
    if (last?.isSettled === false) this.#allow(this.#last);
    this.#last = batch;
    this.#lookAtStretch(batch);
    for (const { eventId } of batch) {
      const sends = (this.#sends.get(eventId) ?? 0) + 1;
      this.#sends.set(eventId, sends);
      const most = 1 + (this.#allowed.get(eventId) ?? 0);
      assert.ok(sends <= most, `${eventId} was sent ${sends} times, with reason ${most}`);
    }
  }

  /** A stretch of the log, and nothing between it and the durable cursor is left out. */
  #lookAtStretch(batch: readonly OutgoingRecord[]): void {
    const all = this.expected();
    const cursor = this.#world.shelf.cursor?.position ?? 0;
    let index = 0;
    for (const { eventId } of batch) {
      for (; index < all.length && all[index]?.record.event_id !== eventId; index += 1) {
        const { position, record } = all[index] as SourceRecord;
        const isBefore = eventId === batch[0]?.eventId;
        if (isBefore && (position <= cursor || this.#isAccounted(record.event_id, position)))
          continue;
        assert.ok(this.#isFallen(position), `${record.event_id} before ${eventId} was passed over`);
      }
      assert.ok(index < all.length, `${eventId} is out of order, or was not wanted`);
      index += 1;
    }
    assert.ok((batch[0]?.position ?? 0) > cursor, 'nothing behind the cursor comes again');
  }

  /** Each of these may be sent once more. */
  #allow(records: readonly { readonly eventId: string }[]): void {
    for (const { eventId } of records) {
      this.#allowed.set(eventId, (this.#allowed.get(eventId) ?? 0) + 1);
    }
    this.#last = [];
  }

  /** The process died or was stopped: what it sent and the cursor does not cover is one batch. */
  noteEnd(): void {
    const cursor = this.#world.shelf.cursor?.position ?? 0;
    const ids = new Set(this.#last.map(({ eventId }) => eventId));
    const open = this.expected().filter(({ position }) => position > cursor);
    const spent = open.filter(({ record }) => this.#isSpent(record.event_id));
    for (const { record } of spent) {
      assert.ok(ids.has(record.event_id), `${record.event_id} is not of the one batch under way`);
    }
    this.#allow(spent.map(({ record }) => ({ eventId: record.event_id })));
  }

  /** Sent as often as it may be so far. */
  #isSpent(id: string): boolean {
    return (this.#sends.get(id) ?? 0) === 1 + (this.#allowed.get(id) ?? 0);
  }

  /** Told to be given up: dead letters and what fell off. */
  #isAccounted(id: string, position: number): boolean {
    const { shelf, receiver } = this.#world;
    if (shelf.letters.some(({ eventId }) => eventId === id)) return true;
    if (receiver.taken.some(({ eventId }) => eventId === id)) return true;
    return this.#isFallen(position);
  }

  #isFallen(position: number): boolean {
    return this.#world.news.some(
      (one) => one.kind === 'fell off' && position > one.after && position <= one.upto,
    );
  }

  /** Nothing behind the durable cursor is nowhere: it arrived, is a dead letter, or fell off. */
  judgeCursor(): void {
    const cursor = this.#world.shelf.cursor?.position ?? 0;
    for (const { position, record } of this.expected()) {
      if (position > cursor) return;
      const isSomewhere = this.#isAccounted(record.event_id, position);
      assert.ok(isSomewhere, `the cursor is at ${cursor}, and ${record.event_id} is missing`);
    }
  }

  /** When all is quiet: everything is somewhere, and what arrived came in order. */
  judge(): void {
    const { receiver, shelf, log } = this.#world;
    assert.equal(shelf.cursor?.position, log.upto(), 'the cursor is at the end');
    const firsts = [...new Map(receiver.taken.map((one) => [one.eventId, one])).keys()];
    const order = new Map(this.expected().map(({ record }, index) => [record.event_id, index]));
    let before = -1;
    for (const id of firsts) {
      const index = order.get(id);
      assert.ok(index !== undefined, `${id} was not wanted`);
      if (receiver.refusedOnce.has(id)) continue;
      assert.ok(index > before, `${id} arrived out of order`);
      before = index;
    }
    for (const { position, record } of this.expected()) {
      assert.ok(this.#isAccounted(record.event_id, position), `${record.event_id} is missing`);
    }
    for (const { reason } of shelf.letters) assert.match(reason, /^(status 400|skipped by)/);
  }
}
