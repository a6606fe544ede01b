/**
 * Law: an old record, upcast and applied, changes the books as the new one does; and every history
 * of a released version still folds to the books it had. The idea: a definition with three
 * versions, made for this test, is written in each of them; test/histories holds whole logs as they
 * were written.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Books } from '../../src/domain/books.ts';
import { RecordUnreadable, readBody } from '../../src/events/codec.ts';
import { define } from '../../src/events/define.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { canonOf, foldRecords } from '../world/canon.ts';
import { assertLaw } from '../world/law.ts';

interface Paused {
  readonly until: number;
  readonly cause: string;
}
/** Version 1 said seconds, version 2 milliseconds under another name, version 3 adds the cause. */
const paused = define('test.paused')<Paused>({
  version: 3,
  says: 'A queue was paused until a time.',
  shape: { until: 'at', cause: 'text' },
  upcast: {
    1: ({ untilS }: { untilS: number }) => ({ untilMs: untilS * 1_000 }),
    2: ({ untilMs }: { untilMs: number }) => ({ until: untilMs, cause: 'not said' }),
  },
  apply(books, body, applied) {
    const queue = books.findQueue(applied.stream) ?? books.openQueue(applied.stream, applied.at);
    Object.assign(queue, { state: 'resting', until: body.until, cause: body.cause });
  },
});

const recordOf = (version: number, body: object): StoredRecord => ({
  position: 7,
  turn: 3,
  at: 1_000,
  stream: 'a.test',
  type: 'test.paused',
  version,
  body: JSON.stringify(body),
});

const applied = (record: StoredRecord) => {
  const books = new Books();
  paused.apply(books, readBody(paused, record), record);
  return canonOf(books);
};

describe('a definition with a past', () => {
  test('means the same in every version', async () => {
    const property = fc.property(fc.nat(2_000_000_000), (untilS) => {
      const asOfToday = applied(recordOf(3, { until: untilS * 1_000, cause: 'not said' }));
      assert.equal(asOfToday.queues[0]?.until, untilS * 1_000);
      assert.deepEqual(applied(recordOf(1, { untilS })), asOfToday);
      assert.deepEqual(applied(recordOf(2, { untilMs: untilS * 1_000 })), asOfToday);
    });
    await assertLaw(property, 0.1);
  });

  test('a newer record, and one that came out misshapen, are refused', () => {
    assert.throws(() => readBody(paused, recordOf(4, { until: 1, cause: '' })), RecordUnreadable);
    assert.throws(() => readBody(paused, recordOf(1, { untilS: 'soon' })), RecordUnreadable);
    assert.throws(() => readBody(paused, recordOf(3, { until: 1 })), RecordUnreadable);
  });

  test('a version without a way up cannot be defined', () => {
    assert.throws(() =>
      define('test.gap')<object>({ ...paused, version: 3, upcast: { 1: () => ({}) } } as never),
    );
  });
});

const HISTORIES = fileURLToPath(new URL('../histories/', import.meta.url));
const names = readdirSync(HISTORIES).filter((name) => name.endsWith('.jsonl'));

describe('histories', () => {
  test('there are some', () => assert.ok(names.length > 0));
  for (const name of names) {
    test(name, () => {
      const lines = readFileSync(`${HISTORIES}${name}`, 'utf8').trim().split('\n');
      const records = lines.map((line) => JSON.parse(line) as StoredRecord);
      const books = readFileSync(`${HISTORIES}${name.replace('.jsonl', '.books.json')}`, 'utf8');
      const folded = JSON.parse(JSON.stringify(canonOf(foldRecords(records).books))) as unknown;
      assert.deepEqual(folded, JSON.parse(books));
    });
  }
});
