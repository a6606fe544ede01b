/**
 * The lanes of AMQP and Kafka for bench/sinks.ts: a broker of their own on this machine, as the
 * tests start it, with one durable queue or one topic of three partitions.
 * Deliberately unknown here: what is measured.
 */
import { KafkaBroker } from '../scripts/brokers/kafka.ts';
import type { KafkaLine } from '../scripts/brokers/kafka-jars.ts';
import { RabbitBroker } from '../scripts/brokers/rabbit.ts';
import { amqpSink, makeQueue } from '../test/contracts/amqp-place.ts';
import { kafkaSink, makeTopic } from '../test/contracts/kafka-place.ts';
import type { SinkLane } from './sinks.ts';

const PARTITIONS = 3;
const BOUND_MS = 60_000;

async function openKafka(line: KafkaLine, compression: string): Promise<SinkLane> {
  const broker = await KafkaBroker.start({ line });
  const more = { 'message.timeout.ms': BOUND_MS, 'compression.type': compression };
  const sink = kafkaSink(broker.address, await makeTopic(broker, PARTITIONS), more);
  return { sink, close: () => closeBoth(sink, broker) };
}

async function openRabbit(): Promise<SinkLane> {
  const broker = await RabbitBroker.start();
  const more = { publish_timeout: `${BOUND_MS}ms` };
  const sink = amqpSink(broker.ports.plain, await makeQueue(broker), more);
  return { sink, close: () => closeBoth(sink, broker) };
}

async function closeBoth(
  sink: SinkLane['sink'],
  broker: { dispose(): Promise<void> },
): Promise<void> {
  await sink.close();
  await broker.dispose();
}

/** The lanes by their names. */
export const BROKER_LANES: Readonly<Record<string, () => Promise<SinkLane>>> = {
  'kafka-3': () => openKafka('3', 'none'),
  'kafka-4': () => openKafka('4', 'none'),
  'kafka-4-gzip': () => openKafka('4', 'gzip'),
  amqp: openRabbit,
};
