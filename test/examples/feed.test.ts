/**
 * The feed spares work: readers near each other share one pass and one text, a reader far behind
 * reads for itself and joins the others when it has caught up, and nobody's pace holds more records
 * than the bound.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '../../src/events/memory-log.ts';
import { createMemoryTail } from '../../src/events/memory-tail.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { FeedParts, FeedSource } from '../../src/projections/feed.ts';
import { Feed } from '../../src/projections/feed.ts';
import { FeedRing } from '../../src/projections/feed-ring.ts';
import { makeRecord } from '../world/hook-log.ts';

const RECORDS = 20_000;
const LOOK_RECORDS = 1_000;
const CAPTURE = { meta: [], headers: [] };

/** A log in which two of three events make a record; counts how often each is projected. */
const makeFeed = (ring = new FeedRing(), more: Partial<FeedParts> = {}) => {
  const store = createMemoryStore();
  for (let position = 1; position <= RECORDS; position++) {
    const stored: StoredRecord = {
      position,
      turn: position,
      at: position,
      stream: 'x',
      type: 'message.delivered',
      version: 1,
      body: '{}',
    };
    store.records.push(stored);
  }
  const counts = { projected: 0 };
  const feed = new Feed(
    {
      log: createMemoryTail(store, more.timers === undefined ? queueMicrotask : (task) => task()),
      timers: { now: () => 0, after: () => () => {}, steadyMs: () => 0 },
      project: ({ position }) => {
        counts.projected += 1;
        return position % 3 === 1 ? undefined : makeRecord({ event_id: `${position}` });
      },
      unfit: () => assert.fail('all of them are fit'),
      ...more,
    },
    ring,
  );
  return { feed, counts };
};

/** Reads on behind `cursor`; answers how far. */
const look = (source: FeedSource, cursor: number): number => source.read(cursor, LOOK_RECORDS).upto;

test('readers near each other share one pass, whoever leads', () => {
  const { feed, counts } = makeFeed();
  const sources = [1, 2, 3].map(() => feed.source({ capture: CAPTURE }));
  const cursors = [0, 0, 0];
  for (let round = 0; Math.min(...cursors) < RECORDS; round++) {
    const order = round % 2 === 0 ? [0, 1, 2] : [2, 0, 1];
    for (const at of order) cursors[at] = look(sources[at] as FeedSource, cursors[at] as number);
  }
  assert.equal(counts.projected, RECORDS);
});

test('a text is made once for all who see the same of a record', () => {
  const { feed } = makeFeed();
  const [one, other] = [feed.source({ capture: CAPTURE }), feed.source({ capture: CAPTURE })];
  const third = feed.source({ capture: { meta: ['*'], headers: [] } });
  const [mine] = one.read(0, 1).records;
  const [same] = other.read(0, 1).records;
  const [another] = third.read(0, 1).records;
  assert.ok(mine !== undefined && same !== undefined && another !== undefined);
  assert.equal(mine.record, same.record);
  assert.notEqual(mine.record, another.record);
  assert.equal(feed.wholeOf(mine.record), feed.wholeOf(another.record));
  assert.equal(one.textOf(mine.record), other.textOf(same.record));
});

test('a reader far behind reads for itself, and joins the others when it has caught up', () => {
  const ring = new FeedRing(2_000);
  const { feed, counts } = makeFeed(ring);
  const fast = feed.source({ capture: CAPTURE });
  const slow = feed.source({ capture: CAPTURE });
  look(slow, 0);
  for (let cursor = 10_000; cursor < RECORDS; ) cursor = look(fast, cursor);
  assert.equal(ring.upto, RECORDS);
  const before = counts.projected;
  const begin = ring.after;
  assert.ok(begin > 10_000, 'the stretch is bounded');
  for (let cursor = 1_024; cursor < RECORDS; ) cursor = look(slow, cursor);
  assert.equal(
    counts.projected - before,
    begin - 1_024,
    'no more than what the others left behind',
  );
});

test('a reader that is alone leaves nothing behind', () => {
  const ring = new FeedRing();
  const { feed } = makeFeed(ring);
  const source = feed.source({ capture: CAPTURE });
  let cursor = 0;
  while (cursor < RECORDS) cursor = look(source, cursor);
  assert.equal(ring.after, RECORDS);
});

test('who is put off for mail has nothing, and is called when its time has come', () => {
  const tasks: { atMs: number; task: () => void }[] = [];
  const world = { nowMs: 0, waitMs: 700, lags: [] as number[] };
  const timers = {
    now: () => world.nowMs,
    steadyMs: () => world.nowMs,
    after: (waitMs: number, task: () => void) => {
      tasks.push({ atMs: world.nowMs + waitMs, task });
      return () => {};
    },
  };
  const pace = {
    waitMs: (lagMs: number) => {
      world.lags.push(lagMs);
      return world.waitMs;
    },
  };
  const { feed } = makeFeed(undefined, { timers, pace });
  const source = feed.source({ capture: CAPTURE });
  assert.deepEqual(source.read(0, 10), { records: [], upto: 0 });
  assert.equal(source.read(0, 10, true).upto, 15, 'what somebody waits for is not put off');
  let isCalled = false;
  source.whenMore(15, () => {
    isCalled = true;
  });
  assert.deepEqual(
    tasks.map(({ atMs }) => atMs),
    [700],
  );
  world.nowMs = 700;
  tasks[0]?.task();
  assert.ok(isCalled);
  world.waitMs = 0;
  assert.ok(source.read(15, 10).records.length > 0);
  assert.deepEqual(world.lags, [0, 700]);
});
