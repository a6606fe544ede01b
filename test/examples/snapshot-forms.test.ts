/**
 * Pictures of the books as earlier versions wrote them: form 1 is brought up, a form of a newer
 * version is left to the fold. The idea: the records a picture stands for may have been let go, so
 * an old picture must stay readable. Deliberately unknown here: where pictures are kept.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Books } from '../../src/domain/books.ts';
import { decodeBooks, encodeBooks, SNAPSHOT_FORM } from '../../src/domain/snapshot.ts';
import { canonOf } from '../world/canon.ts';

function sampleBooks(): Books {
  const books = new Books();
  Object.assign(books.openQueue('a.test', 7), { answer: 'k1', pool: 'k2', site: 'mx' });
  Object.assign(books.engine, { node: '0000abcd', policy: 'h', policyVersion: 3, epoch: 9 });
  return books;
}

/** The same picture with another head. */
function rewrite(packed: Uint8Array, change: (head: Record<string, unknown>) => void): Uint8Array {
  const length = new DataView(packed.buffer).getUint32(0, true);
  const text = new TextDecoder().decode(packed.subarray(8, 8 + length));
  const head = JSON.parse(text) as Record<string, unknown>;
  change(head);
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  const out = new Uint8Array(Math.ceil((8 + bytes.length) / 8) * 8);
  new DataView(out.buffer).setUint32(0, bytes.length, true);
  out.set(bytes, 8);
  return out;
}

test('what is written now reads back as it was', () => {
  const books = sampleBooks();
  const read = decodeBooks(encodeBooks(books));
  assert.deepEqual(read && canonOf(read), canonOf(books));
});

test('form 1 knew neither pools of queues nor versions and epochs', () => {
  const old = rewrite(encodeBooks(sampleBooks()), (head) => {
    head['form'] = 1;
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

test('a newer form is not read', () => {
  const newer = rewrite(encodeBooks(sampleBooks()), (head) => {
    head['form'] = SNAPSHOT_FORM + 1;
  });
  assert.equal(decodeBooks(newer), undefined);
});
