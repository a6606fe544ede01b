/**
 * A Kafka sink with a real broker behind a line that can be out of order, as the contract wants it:
 * each test has a topic of its own, with one partition, so that order can be seen.
 * Deliberately unknown here: what is expected of the sink.
 */
import type { Admin } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { KafkaBroker } from '../../scripts/brokers/kafka.ts';
import { parseKafkaHook } from '../../src/domain/options-hook-kafka.ts';
import type { Sink } from '../../src/ports/sink.ts';
import { createKafkaSink } from '../../src/projections/sinks/kafka.ts';
import { realWorld } from './broker-world.ts';
import { openLine } from './sink-line.ts';
import type { HeldRecord, SinkPlace } from './sink-place.ts';

const { Kafka, logLevel } = kafkajs;
const BOUND_MS = 2_000;
// A broker first works off what the trouble let through, and a slow machine takes its time.
const SENDS_UNTIL_WELL = 5;
const RECORD_BYTES_MAX = 900_000;

/** A message as a topic holds it. */
export interface TopicMessage extends HeldRecord {
  readonly partition: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

let topicsMade = 0;

/** A client for a test's own looking. */
export const clientOf = ({ address }: { readonly address: string }) =>
  new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, clientId: 'test' });

async function asAdmin<T>(broker: KafkaBroker, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = clientOf(broker).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A topic that nobody used before. */
export async function makeTopic(broker: KafkaBroker, partitions = 1): Promise<string> {
  topicsMade += 1;
  const topic = `topic-${topicsMade}`;
  await nameTopic(broker, topic, partitions);
  return topic;
}

/** A topic of this name. */
export async function nameTopic(broker: KafkaBroker, topic: string, partitions = 1) {
  await asAdmin(broker, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true }),
  );
}

/** All that a topic holds, partition by partition, in order. */
export async function readTopic(broker: KafkaBroker, topic: string): Promise<TopicMessage[]> {
  const ends = await asAdmin(broker, (admin) => admin.fetchTopicOffsets(topic));
  let left = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  if (left === 0) return [];
  const consumer = clientOf(broker).consumer({ groupId: `reader-${topic}-${Math.random()}` });
  const found: TopicMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition, message }: Seen) => {
        found.push(heldOf(partition, message));
        left -= 1;
        if (left === 0) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return found.sort((one, other) => one.partition - other.partition);
}

type Seen = Parameters<kafkajs.EachMessageHandler>[0];

function heldOf(partition: number, { key, value, headers = {} }: Seen['message']): TopicMessage {
  const texts = Object.fromEntries(
    Object.entries(headers).map(([name, header]) => [name, String(header)]),
  );
  return {
    partition,
    key: key?.toString(),
    headers: texts,
    eventId: texts['event_id'] ?? '',
    text: String(value),
    isReplay: texts['replay'] === 'true',
  };
}

/** A sink to an address, with the options of a test. */
export function kafkaSink(address: string, topic: string, more: object = {}): Sink {
  const options = { 'bootstrap.servers': address, topic, 'message.timeout.ms': BOUND_MS, ...more };
  return createKafkaSink(parseKafkaHook(options, 'the test'), realWorld);
}

/** A place of the contract. */
export async function openKafkaPlace(broker: KafkaBroker): Promise<SinkPlace> {
  const topic = await makeTopic(broker);
  const { front, behind } = broker.ports;
  const line = await openLine({ port: front, target: () => behind });
  return {
    open: () => kafkaSink(`127.0.0.1:${front}`, topic, { 'message.max.bytes': RECORD_BYTES_MAX }),
    line,
    held: () => readTopic(broker, topic),
    refusal: {
      spoil: (record) => ({ ...record, text: `"${'x'.repeat(RECORD_BYTES_MAX)}"` }),
      takes: 'each',
    },
    boundMs: BOUND_MS,
    sendsUntilWell: SENDS_UNTIL_WELL,
    largeChars: RECORD_BYTES_MAX - 10_000,
    dispose: () => line.dispose(),
  };
}
