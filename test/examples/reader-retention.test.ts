/**
 * What retention gives up of the log for a reader that lags: by the age of its next record, by the
 * size of the log behind it; nothing for who is up to date. Over real segments of a stopped log.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEEDS_ALL } from '../../src/domain/reader-floors.ts';
import { createMark } from '../../src/events/log-mark.ts';
import type { LogTail } from '../../src/events/log-tail.ts';
import { openLogTail } from '../../src/events/log-tail.ts';
import { retentionFloor } from '../../src/manager/projection-retention.ts';
import { Projections } from '../../src/manager/projections.ts';
import { Feed } from '../../src/projections/feed.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore, sampleTurns } from '../contracts/log-store-place.ts';

const BEGAN = 1_700_000_000_000;
const STEP_MS = 60_000;
const TURNS = 400;

/** A log over several segments, one turn of one record a minute. */
const withLog = (body: (tail: LogTail, feed: Feed) => void) =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 40_000 });
    for (let turn = 0; turn < TURNS; turn++) {
      const [drafts = []] = sampleTurns(1, 400);
      opened.append([drafts.slice(0, 1)], BEGAN + turn * STEP_MS);
    }
    opened.store.close();
    const tail = openLogTail({ dir });
    const timers = { now: () => 0, after: () => () => {}, steadyMs: () => 0 };
    const feed = new Feed({ log: tail, timers, project: () => undefined, unfit: () => {} });
    body(tail, feed);
    tail.close();
  });

const NOW = BEGAN + TURNS * STEP_MS;

test('age: what is older falls off, to the record', () =>
  withLog((tail, feed) => {
    const floor = (position: number, minutes: number): number =>
      retentionFloor({ maxAgeMs: minutes * STEP_MS }, position, NOW, { tail, feed });
    // Record N was written N - 1 minutes after the beginning.
    assert.equal(floor(0, 100), TURNS - 100 + 1);
    assert.equal(floor(0, TURNS), 0, 'all of it is young enough');
    assert.equal(floor(TURNS - 50, 100), 0, 'the next record is young enough');
    assert.equal(floor(TURNS, 1), 0, 'a reader that is up to date loses nothing');
  }));

test('size: about so much of the log is kept, across segments', () =>
  withLog((tail, feed) => {
    const whole = tail.firstWithin(Number.MAX_SAFE_INTEGER);
    assert.equal(whole, 1);
    let before = TURNS + 1;
    for (const octets of [10_000, 50_000, 100_000, 150_000]) {
      const first = tail.firstWithin(octets);
      assert.ok(first > 1 && first < before, `${first} for ${octets} octets`);
      before = first;
    }
    const floor = (position: number): number =>
      retentionFloor({ maxBytes: 50_000 }, position, NOW, { tail, feed });
    assert.equal(floor(0), tail.firstWithin(50_000));
    assert.equal(floor(TURNS), 0);
  }));

test('the last position before an instant is found, whatever the instant', () =>
  withLog((_tail, feed) => {
    assert.equal(feed.lastBefore(BEGAN), 0);
    assert.equal(feed.lastBefore(BEGAN + 1), 1);
    assert.equal(feed.lastBefore(BEGAN + 17 * STEP_MS), 17);
    assert.equal(feed.lastBefore(BEGAN + 17 * STEP_MS + 1), 18);
    assert.equal(feed.lastBefore(NOW), TURNS);
  }));

test('nothing of the log goes while a reader may be missing that has not spoken yet', () =>
  withDir(async (dir) => {
    openStore(dir).store.close();
    const load = new SharedArrayBuffer(4);
    const start = { dir, mark: createMark(), load, node: '00000001', version: 1, now: 0 };
    const projections = new Projections(start, { log: () => {}, faulted: () => {} });
    assert.deepEqual(projections.needs(), NEEDS_ALL, 'the policy is still being loaded');
    await assert.rejects(projections.use(1, 0));
    assert.deepEqual(projections.needs(), NEEDS_ALL, 'it could not be');
    await projections.stop();
  }));
