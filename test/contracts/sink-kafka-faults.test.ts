/**
 * Kafka's own faults, at the sink and with real brokers of both lines: a broker that goes away or
 * is killed while a batch is on its way, topics that are missing, records that only the broker
 * finds too large.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaBroker, nameOfKafka } from '../../scripts/brokers/kafka.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../src/ports/sink.ts';
import { useBroker } from './broker-world.ts';
import { kafkaSink, makeTopic, nameTopic, readTopic } from './kafka-place.ts';
import { idsOf } from './sink-place.ts';
import { noise, recordAt, recordsFrom } from './sink-records.ts';

const BROKER_BYTES_MAX = 100_000;
const SETTLED: SinkAnswer = { kind: 'settled', refused: [] };
const never = new AbortController().signal;

const send = (sink: Sink, batch: readonly OutgoingRecord[]) => sink.send(batch, never);

/** Sends until it is settled, as the shipper does; answers how often it failed, and why last. */
async function sendUntilSettled(sink: Sink, batch: readonly OutgoingRecord[]) {
  let failures = 0;
  let reason = '';
  for (;;) {
    const answer = await send(sink, batch);
    if (answer.kind === 'settled') return { failures, reason, refused: answer.refused };
    failures += 1;
    reason = answer.reason;
    assert.ok(failures < 200, `it goes on failing: ${reason}`);
    await sleep(100);
  }
}

for (const line of ['3', '4'] as const) {
  const settings = { 'message.max.bytes': BROKER_BYTES_MAX };
  const { skip, broker } = useBroker(lackOfKafka(line), () =>
    KafkaBroker.start({ line, settings }),
  );
  const sinkTo = (topic: string, more: object = {}) => kafkaSink(broker().address, topic, more);

  describe(`faults with ${nameOfKafka(line)}`, { skip }, () => {
    test('a broker that is stopped and started again gets the batch then', async () => {
      const topic = await makeTopic(broker());
      const sink = sinkTo(topic);
      assert.deepEqual(await send(sink, recordsFrom(1, 10)), SETTLED);
      await broker().stop();
      const answer = await send(sink, recordsFrom(11, 10));
      assert.equal(answer.kind, 'failed');
      await broker().start();
      await sendUntilSettled(sink, recordsFrom(11, 10));
      const held = idsOf(await readTopic(broker(), topic));
      assert.deepEqual([...new Set(held)], idsOf(recordsFrom(1, 20)));
      await sink.close();
    });

    test('a broker killed while batches are on their way loses none of them', async () => {
      const topic = await makeTopic(broker());
      const sink = sinkTo(topic);
      const batches = Array.from({ length: 40 }, (_, at) => recordsFrom(at * 200 + 1, 200));
      let failures = 0;
      for (const [at, batch] of batches.entries()) {
        const kill = at === 15 ? sleep(2).then(() => broker().kill()) : undefined;
        if (kill !== undefined) {
          // Asked at once, so that the batch meets the broker's end wherever it is by then.
          const answer = await send(sink, batch);
          await kill;
          await broker().start();
          if (answer.kind === 'settled') continue;
          failures += 1;
        }
        failures += (await sendUntilSettled(sink, batch)).failures;
      }
      const held = idsOf(await readTopic(broker(), topic));
      const expected = batches.flatMap(idsOf);
      assert.deepEqual([...new Set(held)], expected);
      // Each failed attempt may have left its batch there, and nothing else is there twice.
      assert.ok(held.length - expected.length <= failures * 200, `${failures} failures`);
      await sink.close();
    });

    test('a broker that hangs is given up in time', async () => {
      const topic = await makeTopic(broker());
      const sink = sinkTo(topic, { 'message.timeout.ms': 700 });
      assert.deepEqual(await send(sink, recordsFrom(1, 1)), SETTLED);
      broker().hang();
      const began = performance.now();
      const answer = await send(sink, recordsFrom(2, 1));
      broker().goOn();
      assert.deepEqual(answer, { kind: 'failed', reason: 'Kafka: no answer within 700 ms' });
      assert.ok(performance.now() - began < 20_000);
      await sendUntilSettled(sink, recordsFrom(2, 1));
      await sink.close();
    });

    test('a missing topic is a failure that names it, and heals once it is made', async () => {
      const topic = `later-${line}`;
      const sink = sinkTo(topic);
      const answer = await send(sink, recordsFrom(1, 2));
      assert.ok(answer.kind === 'failed');
      assert.match(answer.reason, new RegExp(`^Kafka: there is no topic '${topic}': make it`));
      await nameTopic(broker(), topic);
      await sendUntilSettled(sink, recordsFrom(1, 2));
      assert.deepEqual(idsOf(await readTopic(broker(), topic)), ['event-1', 'event-2']);
      await sink.close();
    });

    test('what the broker finds too large is refused alone, the others are sent', async () => {
      const topic = await makeTopic(broker());
      const sink = sinkTo(topic);
      const large = recordAt(7, { sender: noise('large', 2 * BROKER_BYTES_MAX) });
      const batch = [...recordsFrom(1, 6), large, ...recordsFrom(8, 6)];
      const answer = await send(sink, batch);
      assert.ok(answer.kind === 'settled', JSON.stringify(answer));
      assert.deepEqual(
        answer.refused.map(({ index }) => index),
        [6],
      );
      assert.match(answer.refused[0]?.reason ?? '', /larger than the max message size/);
      const held = idsOf(await readTopic(broker(), topic));
      assert.deepEqual(held, idsOf(batch.filter((record) => record !== large)));
      await sink.close();
    });

    test('many small records that are too large together all arrive', async () => {
      const topic = await makeTopic(broker());
      const sink = sinkTo(topic);
      const batch = recordsFrom(1, 500);
      assert.deepEqual(await send(sink, batch), SETTLED);
      assert.deepEqual(idsOf(await readTopic(broker(), topic)), idsOf(batch));
      await sink.close();
    });

    test('several partitions of which one refuses: nothing is taken for repeated', async () => {
      const topic = await makeTopic(broker(), 3);
      const sink = sinkTo(topic);
      const large = recordAt(500, { sender: noise('large', 2 * BROKER_BYTES_MAX) });
      // The other partitions took their part before the large one was met: what follows must not
      // be dropped by the broker as a repetition of what it has.
      const first = [...recordsFrom(1, 30), large];
      assert.equal((await send(sink, first)).kind, 'settled');
      assert.deepEqual(await send(sink, recordsFrom(31, 60)), SETTLED);
      const held = new Set(idsOf(await readTopic(broker(), topic)));
      const missing = idsOf(recordsFrom(1, 90)).filter((id) => !held.has(id));
      assert.deepEqual(missing, []);
      await sink.close();
    });
  });
}
