/**
 * The parts that sinks to brokers are made of: cutting and halving batches, bounded waiting, frames
 * that are checked before a library reads them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartAnswer } from '../../src/projections/sinks/batch-parts.ts';
import { cutBySize, sendParts } from '../../src/projections/sinks/batch-parts.ts';
import { within } from '../../src/projections/sinks/bounded.ts';
import { FRAME_BYTES_MAX, FrameCheck } from '../../src/projections/sinks/frame-check.ts';
import { realWorld } from '../contracts/broker-world.ts';

const itemsOf = (...sizes: number[]) => sizes.map((bytes, index) => ({ index, bytes }));
const SETTLED: PartAnswer = { kind: 'settled', refused: [] };

test('parts hold what fits, in order; what is too large alone is alone', () => {
  const parts = cutBySize(itemsOf(4, 4, 4, 20, 1, 9, 1), 10);
  const indexes = parts.map((part) => part.map(({ index }) => index));
  assert.deepEqual(indexes, [[0, 1], [2], [3], [4, 5], [6]]);
  assert.deepEqual(cutBySize([], 10), []);
});

test('halves in order until the records are found that are too large', async () => {
  const sent: number[] = [];
  const answer = await sendParts([itemsOf(1, 1, 99, 1, 1, 1, 99, 1)], async (part) => {
    if (part.some(({ bytes }) => bytes > 10)) return { kind: 'too large', reason: 'so large' };
    sent.push(...part.map(({ index }) => index));
    return SETTLED;
  });
  assert.deepEqual(sent, [0, 1, 3, 4, 5, 7]);
  const refused = [2, 6].map((index) => ({ index, reason: 'so large' }));
  assert.deepEqual(answer, { kind: 'settled', refused });
});

test('the first part that fails is the answer, and nothing goes after it', async () => {
  const sent: number[] = [];
  const answer = await sendParts([itemsOf(1), itemsOf(1, 1), itemsOf(1)], async (part) => {
    sent.push(part.length);
    return part.length === 2 ? { kind: 'failed', reason: 'away' } : SETTLED;
  });
  assert.deepEqual([sent, answer], [[1, 2], { kind: 'failed', reason: 'away' }]);
});

test('waiting ends with the promise, the time or the stop, whichever is first', async () => {
  const { timers } = realWorld;
  const { signal } = new AbortController();
  const never = new Promise<number>(() => {});
  const bound = { timers, signal, waitMsMax: 20, tooLate: 'too late' };
  assert.equal(await within(bound, Promise.resolve(7)), 7);
  await assert.rejects(within(bound, Promise.reject(new Error('own'))), /own/);
  await assert.rejects(within(bound, never), /^GivenUp: too late$/);
  const stopped = { ...bound, waitMsMax: 60_000, signal: AbortSignal.timeout(10) };
  await assert.rejects(within(stopped, never), /sending was stopped/);
  await assert.rejects(within({ ...bound, signal: AbortSignal.abort() }, never), /stopped/);
});

test('frames are followed however they are split, and impossible ones are met', () => {
  const frame = (length: number): Buffer => {
    const bytes = Buffer.alloc(4 + length);
    bytes.writeUInt32BE(length);
    return bytes;
  };
  const stream = Buffer.concat([frame(4), frame(300), frame(9)]);
  for (const step of [1, 2, 3, 5, 7, 64, 1_000]) {
    const check = new FrameCheck();
    for (let at = 0; at < stream.length; at += step) check.take(stream.subarray(at, at + step));
    const head = Buffer.alloc(4);
    for (const length of [0, 3, FRAME_BYTES_MAX + 1, 0xffffffff]) {
      head.writeUInt32BE(length);
      assert.throws(() => new FrameCheck().take(head), /this is not Kafka/);
    }
    // The last frame ended where it should: the next head is read as one.
    head.writeUInt32BE(2);
    assert.throws(() => check.take(head), /an answer of 2 bytes is announced/);
  }
});
