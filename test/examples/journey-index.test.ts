/**
 * The index of journeys by itself: what is looked up, what its files survive, and what a reply says
 * of the id under which the other side queued a message. Deliberately unknown here: steps, waits.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemoryStore } from '../../src/events/memory-log.ts';
import { createMemoryTail } from '../../src/events/memory-tail.ts';
import type { IndexedLog } from '../../src/forensics/journey/journey-index.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { keyedHash } from '../../src/forensics/journey/keyed-hash.ts';
import { KEY } from '../../src/forensics/journey/keys.ts';
import { tokensOf } from '../../src/forensics/journey/reply-tokens.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';

const REPLIES: readonly (readonly [string, string])[] = [
  ['Ok: queued as 4TfX2z3qYzz1pQ', '4TfX2z3qYzz1pQ'],
  ['2.0.0 Ok: queued as ABC', 'ABC'],
  ['OK id=1rXyZ2-00000000abc-1QwE', '1rXyZ2-00000000abc-1QwE'],
  ['2.0.0 3A1B2C4D5E Message accepted for delivery', '3A1B2C4D5E'],
  ['ok 1700000000 qp 4711', '4711'],
  ['Ok 0100018c0ffee-dead-beef-000000', '0100018c0ffee-dead-beef-000000'],
  [
    '2.6.0 <n1@sender.example> [InternalId=12345678, Hostname=X1.prod] 8651 bytes Queued mail',
    '12345678',
  ],
  ['2.6.0 <n1@sender.example> [InternalId=12345678, Hostname=X1.prod]', 'n1@sender.example'],
  ['2.0.0 OK  1700000000 a1b2c3d4-20020a170902.123 - gsmtp', 'a1b2c3d4-20020a170902.123'],
];

test('the id in a reply is found however servers write it', () => {
  for (const [reply, id] of REPLIES) {
    assert.ok(tokensOf(reply).includes(id), `${reply}: ${tokensOf(reply).join(' ')}`);
  }
  assert.deepEqual(tokensOf('2.0.0 Ok'), []);
  assert.ok(tokensOf('a1b2c3 '.repeat(5_000)).length <= 8);
  const many = Array.from({ length: 500 }, (_, at) => `id${at}x99`).join(' ');
  assert.ok(tokensOf(many).length <= 8);
});

test('hashes differ by key, kind and text, and spread', () => {
  const one = keyedHash([1, 2], KEY.recipient, 'a@b.example');
  assert.notEqual(one, keyedHash([1, 3], KEY.recipient, 'a@b.example'));
  assert.notEqual(one, keyedHash([1, 2], KEY.tenant, 'a@b.example'));
  assert.notEqual(one, keyedHash([1, 2], KEY.recipient, 'a@b.examplf'));
  assert.notEqual(keyedHash([1, 2], 1, 'a'), keyedHash([1, 2], 1, 'a\0'));
  const seen = new Set<number>();
  for (let at = 0; at < 50_000; at += 1) seen.add(keyedHash([7, 9], KEY.recipient, `u${at}@x`));
  // Of so many in 2^32 about 0.3 pairs meet by chance.
  assert.ok(seen.size > 49_990, `${seen.size} of 50000`);
});

const NAMES = 40;

/** A log of queue events in segments of a thousand. */
function makeLog(count: number, node = 'one'): IndexedLog & { dropBefore(position: number): void } {
  const store = createMemoryStore();
  for (let position = 1; position <= count; position += 1) {
    const stream = `${node}${position % NAMES}.example`;
    const at = 1_000 * position;
    const event = { type: 'queue.woke', version: 1, body: '{}' };
    store.records.push({ position, turn: position, at, stream, ...event });
  }
  const tail = createMemoryTail(store, queueMicrotask);
  return Object.assign(tail, {
    spanOf: (position: number) => {
      const first = Math.floor((position - 1) / 1_000) * 1_000 + 1;
      return { first, bound: first + 999 };
    },
  });
}

const follow = (log: IndexedLog, folder: string): JourneyIndex => {
  const index = new JourneyIndex(log, openRunFolder(folder));
  while (index.step(300));
  index.keep();
  return index;
};

const wanted = (count: number, name: number): number[] =>
  Array.from({ length: count }, (_, at) => count - at).filter((one) => one % NAMES === name);

const inFolder = (task: (folder: string) => void): void => {
  const path = mkdtempSync(join(tmpdir(), 'waybill-index-'));
  try {
    task(join(path, 'journey'));
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
};

const runsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith('.run'));

test('a log that goes on is gone on with, and files that came of it are used', () => {
  inFolder((folder) => {
    follow(makeLog(2_500), folder);
    assert.equal(runsIn(folder).length, 3);
    const again = new JourneyIndex(makeLog(2_500), openRunFolder(folder));
    assert.equal(again.remaining(), 0);
    const longer = new JourneyIndex(makeLog(2_700), openRunFolder(folder));
    assert.equal(longer.remaining(), 200);
    while (longer.step(50));
    longer.keep();
    assert.equal(runsIn(folder).length, 3, 'the shorter file of a stretch goes');
    assert.deepEqual([...longer.find(KEY.stream, 'one7.example')], wanted(2_700, 7));
    const range = { from: 1_000, upto: 1_100 };
    const within = wanted(2_700, 7).filter((one) => one >= 1_000 && one <= 1_100);
    assert.deepEqual([...longer.find(KEY.stream, 'one7.example', range)], within);
    const span = { from: 2_200_000, upto: 2_210_000 };
    const timed = [...longer.find(KEY.stream, 'one7.example', { span })];
    assert.ok(timed.includes(2_207), 'what lies in the time is found');
    assert.ok(!timed.includes(7), 'blocks that end before it are passed over');
  });
});

test('positions are counted without being read, but for those at the edges of a time', () => {
  inFolder((folder) => {
    // Of one name in every 40, and of one that fills pages of its own.
    const store = createMemoryStore();
    for (let position = 1; position <= 9_000; position += 1) {
      const stream = position % 40 === 7 ? 'rare' : 'large';
      const at = 1_000 * position;
      const event = { type: 'queue.woke', version: 1, body: '{}' };
      store.records.push({ position, turn: position, at, stream, ...event });
    }
    const log = Object.assign(createMemoryTail(store, queueMicrotask), {
      spanOf: (position: number) =>
        position <= 4_096 ? { first: 1, bound: 4_096 } : { first: 4_097, bound: 9_000 },
    });
    for (const index of [follow(log, folder), new JourneyIndex(log, openRunFolder(folder))]) {
      for (const stream of ['large', 'rare', 'none']) {
        const all = [...index.find(KEY.stream, stream)];
        assert.deepEqual(index.count(KEY.stream, stream), { count: all.length, doubtful: [] });
        const heard: number[] = [];
        const hear = (position: number): boolean => heard.push(position) === 4_900;
        index.follow(KEY.stream, [{ text: stream, from: 4_000, hear }]);
        const onward = all.toReversed().filter((one) => one >= 4_000);
        assert.deepEqual(heard, onward.slice(0, 4_900), 'from a position on, until it is enough');
        const upto = 6_000;
        const within = all.filter((one) => one <= upto).length;
        assert.equal(index.count(KEY.stream, stream, { upto }).count, within);
        const span = { from: 3_000_500, upto: 7_000_500 };
        const { count, doubtful } = index.count(KEY.stream, stream, { span });
        const isIn = (one: number) => one * 1_000 >= span.from && one * 1_000 <= span.upto;
        assert.equal(count + doubtful.filter(isIn).length, all.filter(isIn).length);
        assert.ok(doubtful.length <= 2_048, `${doubtful.length} in doubt`);
        assert.ok(stream !== 'large' || count > 1_900, `${count} without doubt`);
      }
    }
  });
});

test('files that were harmed, are foreign, or went away under it are made again', () => {
  inFolder((folder) => {
    const log = makeLog(2_500);
    const index = follow(log, folder);
    const all = wanted(2_500, 7);
    // One octet of a page of each file, while the index has their heads in memory.
    for (const name of runsIn(folder)) {
      const bytes = readFileSync(join(folder, name));
      bytes[bytes.length - 2_000] = (bytes[bytes.length - 2_000] as number) ^ 1;
      writeFileSync(join(folder, name), bytes);
    }
    assert.deepEqual([...index.find(KEY.stream, 'one7.example')], all);
    assert.deepEqual([...follow(log, folder).find(KEY.stream, 'one7.example')], all);
    rmSync(folder, { recursive: true });
    assert.deepEqual([...index.find(KEY.stream, 'one7.example')], all);
    assert.ok(runsIn(folder).length > 0, 'it is kept again');
    assert.deepEqual([...follow(log, folder).find(KEY.stream, 'one7.example')], all);
    // Another log in the same place: its records prove that the files are not about it.
    const other = makeLog(2_500, 'two');
    assert.equal(new JourneyIndex(other, openRunFolder(folder)).remaining(), 2_500);
    assert.deepEqual([...follow(other, folder).find(KEY.stream, 'two7.example')], all);
  });
});

test('what the log lets go of goes from the index', () => {
  inFolder((folder) => {
    const log = makeLog(2_500);
    const index = follow(log, folder);
    log.dropBefore(1_001);
    index.prune();
    const left = wanted(2_500, 7).filter((position) => position > 1_000);
    assert.deepEqual([...index.find(KEY.stream, 'one7.example')], left);
    assert.equal(new JourneyIndex(log, openRunFolder(folder)).remaining(), 0);
  });
});
