/**
 * The contract of sinks over real Kafka brokers, one of each line.
 * Deliberately unknown here: faults of brokers (sink-kafka-faults), and options.
 */
import { describe } from 'node:test';
import { KafkaBroker, nameOfKafka } from '../../scripts/brokers/kafka.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import { useBroker } from './broker-world.ts';
import { openKafkaPlace } from './kafka-place.ts';
import { sinkContract } from './sink.ts';

for (const line of ['3', '4'] as const) {
  const { skip, broker } = useBroker(lackOfKafka(line), () => KafkaBroker.start({ line }));
  describe(nameOfKafka(line), { skip }, () => {
    sinkContract(nameOfKafka(line), () => openKafkaPlace(broker()));
  });
}
