/**
 * Runs the consumer: KAFKA_BROKERS (commas between two), KAFKA_TOPIC, KAFKA_GROUP, KAFKA_JOURNAL.
 * Deliberately unknown here: everything but the environment.
 */
import kafkajs from 'kafkajs';
import { openJournal } from '../webhook-consumer/journal.ts';
import { startConsumer } from './consumer.ts';

const brokers = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');
const topic = process.env['KAFKA_TOPIC'] ?? 'mail-events';
const groupId = process.env['KAFKA_GROUP'] ?? 'mail-events-to-file';
const path = process.env['KAFKA_JOURNAL'] ?? 'records.jsonl';

const journal = openJournal(path);
const consumer = await startConsumer({
  kafka: new kafkajs.Kafka({ clientId: groupId, brokers }),
  topic,
  groupId,
  journal,
  strange: (where) => console.error(`no record: ${where}`),
});
console.log(`taking records of ${topic} into ${path}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void consumer.disconnect().finally(() => journal.close());
  });
}
