/**
 * Law: readers that share one feed each get every record of the log, in order, as if they were
 * alone: whatever their pace, however small the stretch the feed keeps, whatever they capture, over
 * commits, crashes of the engine and restarts of the reading thread.
 * The idea: an engine's world writes the log, readers of a feed look at it between the steps and
 * die now and then; what they saw is held against each record projected by itself.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryTail } from '../../src/events/memory-tail.ts';
import type { CommittedRecord } from '../../src/ports/committed-log.ts';
import { createFacts } from '../../src/projections/acceptances.ts';
import type { FeedCapture, FeedSource } from '../../src/projections/feed.ts';
import { Feed } from '../../src/projections/feed.ts';
import { FeedRing } from '../../src/projections/feed-ring.ts';
import { captureFor } from '../../src/projections/log-record/capture.ts';
import { project } from '../../src/projections/log-record/project.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import type { World } from '../../src/testing/world/world.ts';
import { runPlays } from '../world/law.ts';

/** Small bounds, so that readers leave the stretch and acceptances are forgotten. */
const RING_RECORDS = 8;
const ACCEPTANCES = 6;
const CAPTURES: readonly FeedCapture[] = [
  { meta: ['*'], headers: ['*'] },
  { meta: [], headers: [] },
  { meta: ['received_from'], headers: [] },
  { meta: ['*'], headers: ['*'] },
];

const soon = (task: () => void): void => queueMicrotask(task);

/** A reader's place, which outlives the thread, and what it was given. */
class Reader {
  readonly capture: FeedCapture;
  readonly seen = new Map<number, string>();
  cursor = 0;
  saved = 0;
  source: FeedSource | undefined;

  constructor(capture: FeedCapture) {
    this.capture = capture;
  }

  look(recordsMax: number): void {
    const { source } = this;
    if (source === undefined) return;
    const { records, upto } = source.read(this.cursor, recordsMax);
    assert.ok(records.length <= recordsMax, 'no more than asked for');
    assert.ok(upto >= this.cursor, 'a look never leads back');
    let last = this.cursor;
    for (const { position, record } of records) {
      assert.ok(position > last && position <= upto, 'in order, within the look');
      last = position;
      const text = source.textOf(record);
      assert.equal(text, JSON.stringify(record), 'the text is that of the record');
      assert.equal(this.seen.get(position) ?? text, text, 'what was read once never changes');
      this.seen.set(position, text);
    }
    this.cursor = upto;
  }
}

const makeFeed = (world: World, ringRecords: number, acceptances: number): Feed => {
  const log = createMemoryTail(world.store, soon);
  const facts = createFacts(log, 'a-node', acceptances);
  return new Feed(
    {
      log,
      timers: { now: () => 0, after: () => () => {}, steadyMs: () => 0 },
      project: (record) => project(record, facts),
      unfit: (record, cause) => assert.fail(`${record.type} at ${record.position}: ${cause}`),
    },
    new FeedRing(ringRecords),
  );
};

/** Each record by itself, with nothing forgotten. */
function projectAll(world: World): Map<number, LogRecord> {
  const log = createMemoryTail(world.store, soon);
  const facts = createFacts(log, 'a-node', Number.MAX_SAFE_INTEGER);
  const made = new Map<number, LogRecord>();
  for (let position = 1; position <= log.upto(); position++) {
    const stored = log.find(position) as CommittedRecord;
    const record = project(stored, facts);
    if (record !== undefined) made.set(position, record);
  }
  return made;
}

test('readers share one pass', async () => {
  let readers: Reader[] = [];
  let records = 0;
  await runPlays(
    {
      begin: (world) => {
        readers = CAPTURES.map((capture) => new Reader(capture));
        restart(world);
      },
      each: () => {},
      after: async (world) => {
        for (const reader of readers) {
          const looks = world.chance.between(0, 4);
          for (let look = 0; look < looks; look++) reader.look(world.chance.between(1, 20));
          if (world.chance.hits(0.5)) reader.saved = reader.cursor;
        }
        if (world.chance.hits(0.1)) restart(world);
      },
      end: async (world) => {
        const made = projectAll(world);
        for (const reader of readers) {
          while (reader.cursor < world.store.records.length) reader.look(50);
          const wanted = [...made].map(([position, record]) => {
            const { meta, headers } = reader.capture;
            return [position, JSON.stringify(captureFor(record, meta, headers))];
          });
          const seen = [...reader.seen].sort(([one], [other]) => one - other);
          assert.deepEqual(seen, wanted, 'every record, once by position, as if it were alone');
          records += seen.length;
        }
      },
    },
    { hasFaults: true, hasCrashes: true },
    0.7,
  );
  assert.ok(records > 0, 'there was time for a play');

  /** The thread dies: the feed is another, and readers go on from what they had saved. */
  function restart(world: World): void {
    const feed = makeFeed(world, RING_RECORDS, ACCEPTANCES);
    for (const reader of readers) {
      reader.source = feed.source({ capture: reader.capture });
      reader.cursor = reader.saved;
    }
  }
});
