/**
 * The worked consumer of Kafka behind the real sink and a real broker: records are kept once,
 * however often they come, what is no record stops nothing, and one that was stopped goes on.
 * Deliberately unknown here: the shipper; batches are sent again by hand.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startConsumer } from '../../examples/kafka-consumer/consumer.ts';
import { openJournal } from '../../examples/webhook-consumer/journal.ts';
import { KafkaBroker } from '../../scripts/brokers/kafka.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import { useBroker } from '../contracts/broker-world.ts';
import { clientOf, kafkaSink, makeTopic } from '../contracts/kafka-place.ts';
import { recordsFrom } from '../contracts/sink-records.ts';
import { until } from '../faults/scratch.ts';

const WAIT_MS_MAX = 60_000;
const never = new AbortController().signal;
const { skip, broker } = useBroker(lackOfKafka('4'), () => KafkaBroker.start({ line: '4' }));

const keptIn = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { readonly event_id: string }).event_id);

const idsOf = (from: number, count: number): string[] =>
  recordsFrom(from, count).map(({ eventId }) => eventId);

describe('the worked consumer of Kafka', { skip }, () => {
  test('keeps each record once, over a stop, repetitions and what is no record', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-consumer-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'records.jsonl');
    const topic = await makeTopic(broker());
    const sink = kafkaSink(broker().address, topic);
    const strange: string[] = [];
    const start = () =>
      startConsumer({
        kafka: clientOf(broker()),
        topic,
        groupId: 'worked',
        journal: openJournal(path),
        strange: (where) => strange.push(where),
      });
    const ship = async (from: number, count: number): Promise<void> => {
      const answer = await sink.send(recordsFrom(from, count), never);
      assert.deepEqual(answer, { kind: 'settled', refused: [] });
    };
    const untilKept = async (count: number): Promise<void> => {
      await until(() => keptIn(path).length >= count, WAIT_MS_MAX);
      assert.deepEqual(keptIn(path), idsOf(1, count));
    };

    const first = await start();
    await ship(1, 50);
    await ship(1, 50);
    await untilKept(50);
    await first.disconnect();

    const producer = clientOf(broker()).producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'no record' }, { value: null }] });
    await producer.disconnect();
    await ship(41, 20);
    // One whose offsets were lost reads everything again, and still keeps nothing twice.
    const admin = clientOf(broker()).admin();
    await admin.connect();
    await admin.resetOffsets({ groupId: 'worked', topic, earliest: true });
    await admin.disconnect();
    const second = await start();
    await untilKept(60);
    assert.deepEqual(strange, [`${topic} 0 100`, `${topic} 0 101`]);
    await second.disconnect();
    await sink.close();
  });
});
