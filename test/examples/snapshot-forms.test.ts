/**
 * Pictures of the books as earlier versions wrote them: form 1 is brought up, a form of a newer
 * version is left to the fold. The idea: the records a picture stands for may have been let go, so
 * an old picture must stay readable. Deliberately unknown here: where pictures are kept.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Books } from '../../src/domain/books.ts';
import { decodeBooks, encodeBooks } from '../../src/domain/snapshot.ts';
import { SNAPSHOT_FORM } from '../../src/domain/snapshot-form.ts';
import { canonOf } from '../world/canon.ts';

const ROW = {
  ...{ acceptedAt: 1, dueAt: 2, position: 3, bodySegment: 4, bodyOffset: 5, bodyBytes: 6 },
  ...{ bodySum: 7, recipients: 1, flags: 0 },
};

function addRow(books: Books, number: number): void {
  const queue = books.findQueue('a.test') ?? books.openQueue('a.test', 7);
  books.link(books.rows.add({ ...ROW, number, queue: queue.slot }), queue);
}

/** The numbers of a queue's rows, along their chain and back. */
function chainOf(books: Books | undefined): number[][] {
  const { rows } = books ?? new Books();
  const queue = books?.findQueue('a.test');
  const walk = (from: number, links: Int32Array): number[] =>
    from < 0 ? [] : [rows.columns.number[from] ?? 0, ...walk(links[from] ?? -1, links)];
  return [walk(queue?.head ?? -1, rows.next), walk(queue?.tail ?? -1, rows.prev)];
}

type Head = Record<string, unknown>;

function sampleBooks(): Books {
  const books = new Books();
  Object.assign(books.openQueue('a.test', 7), { answer: 'k1', pool: 'k2', site: 'mx' });
  for (const number of [11, 12, 13]) addRow(books, number);
  books.drop(books.rows.find(12), 9);
  addRow(books, 14);
  Object.assign(books.engine, { node: '0000abcd', policy: 'h', policyVersion: 3, epoch: 9 });
  return books;
}

const RULE = {
  ready: '',
  until: 99,
  cause: 'r',
  isQuiet: true,
  counts: new Map([['a.test', 2]]),
} as const;

const ALIGN = 8;
const FIELDS = 10;

/** A picture with the head of an old form, and without what that did not know. */
function rewrite(books: Books, form: number, change: (head: Head) => void = () => {}): Uint8Array {
  const packed = encodeBooks(books);
  const length = new DataView(packed.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(packed.subarray(8, 8 + length))) as Head;
  head['form'] = form;
  const texts = head['texts'] as string[];
  const names = head['queues'] as string[];
  const fieldsAt = Math.ceil((8 + length) / ALIGN) * ALIGN;
  const fields = new Float64Array(packed.buffer, fieldsAt, names.length * FIELDS);
  if (form < 3) {
    head['queues'] = names.map((name, index) => {
      const [state = 0, cause = 0, answer = 0, site = 0, pool = 0, until, emptySince] =
        fields.subarray(index * FIELDS);
      const given = [texts[cause], texts[answer], texts[site], emptySince, texts[pool]];
      return [name, texts[state], until, ...given];
    });
  }
  change(head);
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  const columns = packed.subarray(fieldsAt + (form < 3 ? fields.byteLength : 0));
  const start = Math.ceil((8 + bytes.length) / ALIGN) * ALIGN;
  const chains = form < 3 ? 2 * Math.ceil((4 * books.rows.count) / ALIGN) * ALIGN : 0;
  const out = new Uint8Array(start + columns.length - chains);
  new DataView(out.buffer).setUint32(0, bytes.length, true);
  out.set(bytes, 8);
  out.set(columns.subarray(0, columns.length - chains), start);
  return out;
}

test('what is written now reads back as it was', () => {
  const books = sampleBooks();
  books.reserveRate('a 1/s', 20, 1);
  books.reserveRate('b 1/s', 30, 1);
  const read = decodeBooks(encodeBooks(books));
  assert.deepEqual(read && canonOf(read), canonOf(books));
  assert.deepEqual([...(read?.rates ?? [])], [...books.rates], 'in their order, too');
});

test('form 3 knew no rates', () => {
  const books = sampleBooks();
  books.reserveRate('a 1/s', 20, 1);
  const read = decodeBooks(rewrite(books, 3, (head) => delete head['rates']));
  assert.deepEqual(read && canonOf(read), canonOf(sampleBooks()));
});

test('of the rates on record those that lie in the past are forgotten', () => {
  const books = new Books();
  books.reserveRate('long', 1_000_000, 0);
  for (let at = 0; at < 5_000; at += 1) books.reserveRate(`k${at} 1/s`, at + 100, at);
  assert.ok(books.rates.size < 500, `${books.rates.size} are kept`);
  assert.equal(books.rates.get('long'), 1_000_000);
});

test('form 1 knew neither pools of queues nor versions and epochs', () => {
  const old = rewrite(sampleBooks(), 1, (head) => {
    head['queues'] = (head['queues'] as unknown[][]).map((queue) => queue.slice(0, 7));
    const { node, number, starts, isRunning, policy } = head['engine'] as Record<string, unknown>;
    head['engine'] = { node, number, starts, isRunning, policy };
  });
  const read = decodeBooks(old);
  const { policyVersion, epoch, policy, policyFile } = read?.engine ?? {};
  assert.deepEqual(
    { policyVersion, epoch, policy, policyFile },
    {
      policyVersion: 0,
      epoch: 0,
      policy: 'h',
      policyFile: '',
    },
  );
  const queue = read?.findQueue('a.test');
  assert.deepEqual([queue?.answer, queue?.pool, queue?.site], ['k1', '', 'mx']);
});

test('the rows of a queue keep their order, also where slots were used again', () => {
  const along = [11, 13, 14];
  assert.deepEqual(chainOf(sampleBooks()), [along, along.toReversed()]);
  assert.deepEqual(chainOf(decodeBooks(encodeBooks(sampleBooks()))), [along, along.toReversed()]);
});

test('a picture that lies askew in memory is read all the same', () => {
  const packed = encodeBooks(sampleBooks());
  const askew = new Uint8Array(packed.length + 3).subarray(3);
  askew.set(packed);
  const read = decodeBooks(askew);
  assert.deepEqual(read && canonOf(read), canonOf(sampleBooks()));
});

test('form 2 knew no chains: rows follow each other as they lie', () => {
  const read = decodeBooks(rewrite(sampleBooks(), 2));
  assert.deepEqual(read && canonOf(read), canonOf(sampleBooks()));
  assert.deepEqual(
    chainOf(read).map((chain) => chain.toSorted()),
    [
      [11, 13, 14],
      [11, 13, 14],
    ],
  );
});

test('form 3 knew no orders of operators', () => {
  const books = sampleBooks();
  const plain = canonOf(sampleBooks());
  books.rules.add({ ...RULE, id: 'one', kind: 'purge', criteria: { domain: 'a.test' } });
  books.rules.add({ ...RULE, id: 'two', kind: 'readySuspension', criteria: {}, ready: 'q' });
  books.rules.suspended.set('a.test', 'three');
  const order = { id: 'four', criteria: {}, cause: '', data: {}, isFlush: true, isQuiet: false };
  books.rules.rebinds.set('four', { ...order, move: { tenant: null }, upto: 9 });
  const read = decodeBooks(encodeBooks(books));
  assert.deepEqual(read && canonOf(read), canonOf(books));
  const old = rewrite(books, 3, (head) => {
    delete head['orders'];
  });
  const before = decodeBooks(old);
  assert.deepEqual(before && canonOf(before), plain);
});

test('a newer form is not read', () => {
  const newer = rewrite(sampleBooks(), SNAPSHOT_FORM + 1);
  assert.equal(decodeBooks(newer), undefined);
});
