/**
 * What every log must do for its readers, whatever it is made of: one suite over memory and SQLite.
 * The one idea: a test knows a writer, a reader, and a way to let the oldest part go.
 * Deliberately unknown here: files, threads, damage.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommittedLog, CommittedRecord } from '../../src/ports/committed-log.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { draft } from './log-contract.ts';

/** A log that is being written and read. */
export interface ReadPlace {
  readonly tail: CommittedLog;
  /** Appends turns and waits until they are durable. */
  append(turns: readonly (readonly RecordDraft[])[]): Promise<StoredRecord[]>;
  dispose(): Promise<void>;
}

type MakePlace = () => Promise<ReadPlace>;

const withPlace = async (make: MakePlace, body: (place: ReadPlace) => Promise<void>) => {
  const place = await make();
  try {
    await body(place);
  } finally {
    await place.dispose();
  }
};

/** Everything behind `after`, in looks of at most `recordsMax`. */
export const readAll = (tail: CommittedLog, recordsMax: number, after = 0): CommittedRecord[] => {
  const all: CommittedRecord[] = [];
  for (let cursor = after; cursor < tail.upto(); ) {
    const { records, upto } = tail.read(cursor, recordsMax);
    assert.ok(records.length <= recordsMax, 'no more than asked for');
    assert.ok(upto > cursor, 'a look leads on');
    assert.ok(records.every(({ position }) => position > cursor && position <= upto));
    all.push(...records);
    cursor = upto;
  }
  return all;
};

/** Records without the proof of their past. */
export const unsealed = (records: readonly CommittedRecord[]): StoredRecord[] =>
  records.map(({ chain: _chain, ...record }) => record);

const numbered = (count: number): RecordDraft[][] =>
  Array.from({ length: count }, (_, index) => [draft(`{"n":${index}}`), draft('{}', 'queue:b')]);

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

const readingTests = (name: string, make: MakePlace): void => {
  test(`${name}: an empty log has nothing behind the beginning`, () =>
    withPlace(make, async ({ tail }) => {
      assert.equal(tail.upto(), 0);
      assert.deepEqual(tail.read(0, 10), { records: [], upto: 0 });
      assert.equal(tail.find(1), undefined);
    }));

  test(`${name}: a record is found by its position; what is not there is undefined`, () =>
    withPlace(make, async ({ tail, append }) => {
      const stored = await append(numbered(3));
      const found = tail.find(4);
      assert.ok(found !== undefined);
      assert.deepEqual(unsealed([found]), [stored[3]]);
      assert.match(found.chain, /^[0-9a-f]{32}$/);
      assert.equal(tail.find(7), undefined);
      assert.equal(tail.first(), 1);
    }));

  test(`${name}: a look behind the end finds nothing and goes nowhere`, () =>
    withPlace(make, async ({ tail, append }) => {
      await append(numbered(2));
      assert.deepEqual(tail.read(4, 10), { records: [], upto: 4 });
      assert.deepEqual(tail.read(9, 10), { records: [], upto: 9 });
    }));
};

const waitingTests = (name: string, make: MakePlace): void => {
  test(`${name}: who waits for more is told once, later, and not after cancelling`, () =>
    withPlace(make, async ({ tail, append }) => {
      const told: string[] = [];
      tail.whenMore(0, () => told.push('first'));
      tail.whenMore(2, () => told.push('beyond'));
      const cancel = tail.whenMore(0, () => told.push('cancelled'));
      cancel();
      await settle();
      assert.deepEqual(told, []);
      await append(numbered(1));
      await settle();
      assert.deepEqual(told, ['first']);
      await append(numbered(1));
      await settle();
      assert.deepEqual(told, ['first', 'beyond']);
    }));

  test(`${name}: where there is more already it is told soon, not at once`, () =>
    withPlace(make, async ({ tail, append }) => {
      await append(numbered(2));
      let told = 0;
      tail.whenMore(1, () => {
        told += 1;
      });
      assert.equal(told, 0);
      await settle();
      assert.equal(told, 1);
      await append(numbered(1));
      await settle();
      assert.equal(told, 1);
    }));

  test(`${name}: a reader that waits after each look misses nothing`, () =>
    withPlace(make, async ({ tail, append }) => {
      const seen: CommittedRecord[] = [];
      let cursor = 0;
      const look = (): void => {
        const { records, upto } = tail.read(cursor, 3);
        seen.push(...records);
        cursor = upto;
        tail.whenMore(cursor, look);
      };
      tail.whenMore(cursor, look);
      const written: StoredRecord[] = [];
      for (let count = 0; count < 20; count++) written.push(...(await append(numbered(1))));
      for (let count = 0; count < 40 && cursor < tail.upto(); count++) await settle();
      assert.deepEqual(unsealed(seen), written);
    }));
};

const propertyTests = (name: string, make: MakePlace, numRuns: number): void => {
  const drafts = fc.array(
    fc.record({
      stream: fc.string({ maxLength: 12, unit: 'grapheme' }),
      type: fc.constantFrom('message.accepted', 'queue.rested'),
      version: fc.integer({ min: 1, max: 9 }),
      body: fc.json(),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const runs = fc.array(fc.array(drafts, { maxLength: 5 }), { minLength: 1, maxLength: 3 });
  test(`${name}: any history is read as it was written, in looks of any size`, () =>
    fc.assert(
      fc.asyncProperty(runs, fc.integer({ min: 1, max: 20 }), (history, recordsMax) =>
        withPlace(make, async ({ tail, append }) => {
          const written: StoredRecord[] = [];
          for (const run of history) written.push(...(await append(run)));
          const read = readAll(tail, recordsMax);
          assert.deepEqual(unsealed(read), written);
          assert.equal(tail.upto(), written.length);
          assert.equal(new Set(read.map(({ chain }) => chain)).size, written.length);
        }),
      ),
      { numRuns },
    ));
};

/** The whole contract; `numRuns` is how many histories are tried. */
export const committedLogContract = (name: string, make: MakePlace, numRuns: number): void => {
  readingTests(name, make);
  waitingTests(name, make);
  propertyTests(name, make, numRuns);
};
