/**
 * The contract of sinks over a sink that a policy brings along: the smallest there can be, spoken
 * through `sendBatch`, and with it what such code may get wrong.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomSink } from '../../src/domain/hook-sinks.ts';
import { reject } from '../../src/policy/define.ts';
import type { OutgoingRecord } from '../../src/ports/sink.ts';
import { createCustomSink } from '../../src/projections/sinks/custom.ts';
import { sinkContract } from './sink.ts';
import { recordAt, recordsFrom } from './sink-records.ts';
import { openSamplePlace, SampleSink } from './sink-sample.ts';
import { timersAt } from './sink-timers.ts';

const BOUND_MS = 2_000;
const timers = timersAt();
const signal = new AbortController().signal;

/** What a policy would write: a class of its own around a connection. */
const speaking = (port: number): CustomSink => {
  const inner = new SampleSink(port, BOUND_MS);
  return {
    async sendBatch(messages) {
      if (messages.some(({ text }) => text.includes('refused.example'))) reject(550, 'not wanted');
      const batch = messages.map(
        ({ event_id: eventId, record, text, is_replay: isReplay }, at): OutgoingRecord => ({
          eventId,
          record,
          text,
          isReplay,
          position: at,
        }),
      );
      const answer = await inner.send(batch, signal);
      if (answer.kind === 'failed') throw new Error(answer.reason);
      return 'taken';
    },
    close: () => inner.close(),
  };
};

sinkContract('a sink of the policy', async () => {
  const place = await openSamplePlace();
  const { refusal } = place;
  assert.ok(refusal);
  const parts = { name: 'own', isBatched: true, timers, sendMsMax: BOUND_MS };
  return {
    ...place,
    open: () => createCustomSink(() => speaking(place.line.port), parts),
    refusal: { ...refusal, takes: 'whole' },
    boundMs: BOUND_MS,
  };
});

const over = (sink: CustomSink | (() => CustomSink), isBatched = false) =>
  createCustomSink(sink, { name: 'own', isBatched, timers, sendMsMax: 100 });

test('a sink of the policy: one record goes through send, several through sendBatch', async () => {
  const heard: string[] = [];
  const sink: CustomSink = {
    send: ({ event_id }) => void heard.push(`send ${event_id}`),
    sendBatch: (all) => void heard.push(`batch ${all.map(({ event_id }) => event_id).join()}`),
  };
  await over(sink).send([recordAt(1)], signal);
  await over(sink, true).send([recordAt(2)], signal);
  await over({ sendBatch: (all) => sink.sendBatch?.(all) }).send(recordsFrom(3, 1), signal);
  assert.deepEqual(heard, ['send event-1', 'batch event-2', 'batch event-3']);
  const none = await over({ send: () => 'x' }, true).send([recordAt(1)], signal);
  assert.deepEqual(none, { kind: 'failed', reason: 'the sink has no sendBatch' });
});

test('a sink of the policy: the record that others see too is not its own to change', async () => {
  const shared = recordAt(1);
  const meddling = over({ send: ({ record }) => Object.assign(record.meta, { mine: true }) });
  const answer = await meddling.send([shared], signal);
  assert.equal(answer.kind, 'failed');
  assert.ok(!('mine' in shared.record.meta));
});

test('a sink of the policy: what it throws or answers decides about a batch', async () => {
  const answerTo = (send: () => unknown) => over({ send }).send([recordAt(1)], signal);
  assert.deepEqual(await answerTo(() => undefined), { kind: 'settled', refused: [] });
  assert.deepEqual(await answerTo(async () => 'id 7'), { kind: 'settled', refused: [] });
  assert.deepEqual(await answerTo(() => reject(450, 'busy\nnow')), {
    kind: 'failed',
    reason: '450 busy now',
  });
  const wrapped = () => {
    try {
      reject(554, 'never');
    } catch (cause) {
      throw new Error('it broke', { cause });
    }
  };
  assert.deepEqual(await answerTo(wrapped), {
    kind: 'settled',
    refused: [{ index: 0, reason: '554 never' }],
  });
  assert.deepEqual(await answerTo(() => Promise.reject(new Error('no link'))), {
    kind: 'failed',
    reason: 'no link',
  });
  assert.deepEqual(await answerTo(() => ({ status: 500 })), {
    kind: 'failed',
    reason: 'the sink answered neither nothing nor a text (object)',
  });
  assert.deepEqual(await answerTo(() => reject(200, 'what')), {
    kind: 'failed',
    reason: 'reject: 200 is not a code from 400 to 599',
  });
  assert.deepEqual(await answerTo(() => new Promise(() => {})), {
    kind: 'failed',
    reason: 'the sink gave no answer within 100 ms',
  });
});

test('a sink of the policy: it is made anew after a failure, not after a refusal', async () => {
  let made = 0;
  let closed = 0;
  let fails: () => unknown = () => 'well';
  const sink = over(() => {
    made += 1;
    return {
      send: () => fails(),
      close: () => {
        closed += 1;
      },
    };
  });
  await sink.send([recordAt(1)], signal);
  fails = () => reject(450, 'later');
  await sink.send([recordAt(2)], signal);
  assert.deepEqual([made, closed], [1, 0]);
  fails = () => reject(421, 'closing');
  await sink.send([recordAt(3)], signal);
  fails = () => 'well';
  await sink.send([recordAt(3)], signal);
  assert.deepEqual([made, closed], [2, 1]);
  await sink.close();
  await sink.close();
  assert.deepEqual([made, closed], [2, 2]);
});

test('a sink of the policy: one that cannot be made or closed holds nobody up', async () => {
  const broken = over(() => {
    throw new Error('no such library');
  });
  assert.deepEqual(await broken.send([recordAt(1)], signal), {
    kind: 'failed',
    reason: 'no such library',
  });
  const nothing = over((() => undefined) as unknown as () => CustomSink);
  const answer = await nothing.send([recordAt(1)], signal);
  assert.deepEqual(answer, { kind: 'failed', reason: 'the policy made no sink' });
  const stuck = over({ send: () => 'x', close: () => new Promise(() => {}) });
  await stuck.send([recordAt(1)], signal);
  await stuck.close();
});
