/**
 * Law: a reader of the log sees every record, in order, without gaps, at least once; its cursor
 * only advances, whatever becomes of the writer and of the reader itself. The idea: readers of
 * different pace, each a cursor over the log's replay, some of which forget their newest steps as a
 * reader does that dies before it has saved its place.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { World } from '../../src/testing/world/world.ts';
import { runPlays } from '../world/law.ts';

/** A place in the log, kept apart from the reader that moves it. */
class Cursor {
  /** The last position whose work is known to be done. */
  saved = 0;
  /** Highest position ever handed over. */
  seen = 0;
  readonly texts = new Map<number, string>();

  async read(world: World, most: number): Promise<void> {
    let next = this.saved + 1;
    let left = most;
    await world.life.log.replay(next, (records) => {
      for (const record of records) {
        if (left === 0) return;
        assert.equal(record.position, next, 'a reader skips nothing and goes in order');
        this.#take(record);
        next += 1;
        left -= 1;
      }
    });
  }

  /** The reader's own place becomes durable; it never goes back. */
  save(position: number): void {
    assert.ok(position >= this.saved);
    this.saved = position;
  }

  #take(record: StoredRecord): void {
    this.seen = Math.max(this.seen, record.position);
    const text = `${record.turn} ${record.at} ${record.stream} ${record.type} ${record.body}`;
    const before = this.texts.get(record.position);
    if (before !== undefined) assert.equal(text, before, 'what was read once never changes');
    this.texts.set(record.position, text);
  }
}

function checkTurns(world: World): void {
  let last: StoredRecord | undefined;
  for (const record of world.witness.records) {
    if (last !== undefined) {
      assert.ok(record.turn === last.turn || record.turn > last.turn, 'turns only advance');
      assert.ok(record.at >= last.at, 'time only advances');
      if (record.turn === last.turn) assert.equal(record.at, last.at, 'a turn has one time');
    }
    last = record;
  }
}

test('cursors only advance', async () => {
  let cursors: Cursor[] = [];
  let read = 0;
  await runPlays(
    {
      begin: () => {
        cursors = [new Cursor(), new Cursor(), new Cursor()];
      },
      each: () => {},
      after: async (world) => {
        for (const cursor of cursors) {
          await cursor.read(world, world.chance.between(0, 40));
          // A reader that dies here has done the work and not saved its place.
          if (world.chance.hits(0.7)) cursor.save(cursor.seen);
        }
      },
      end: async (world) => {
        checkTurns(world);
        for (const cursor of cursors) {
          await cursor.read(world, Number.POSITIVE_INFINITY);
          assert.equal(cursor.texts.size, world.store.records.length, 'all of it, in the end');
          read += cursor.seen;
        }
      },
    },
    { hasFaults: true, hasCrashes: true },
    0.7,
  );
  assert.ok(read > 0, 'there was time for a play');
});
