/**
 * A consumer of Waybill's records in Kafka: keeps each record once, and says how far it is only when
 * the records are on disk.
 * The one idea: Kafka's offset and the file are two memories that a crash can set apart, so the
 * offset only decides where to read on, and the event id decides whether a record is new.
 * Deliberately unknown here: what is done with the records afterwards.
 */
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Journal, WaybillRecord } from '../webhook-consumer/journal.ts';

/** What a consumer needs. */
export interface ConsumerOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Consumers with the same name share the partitions of the topic. */
  readonly groupId: string;
  /** Keeps records once, by `event_id`; a table with a unique key on it does the same. */
  readonly journal: Journal;
  /** Told what is no record, with its place; it is passed over. */
  readonly strange: (where: string) => void;
}

/** Starts to consume; the caller disconnects it. */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { kafka, topic, groupId } = options;
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    // The offset moves when the batch is kept, not when it was fetched.
    eachBatchAutoResolve: true,
    eachBatch: (payload) => keepBatch(options, payload),
  });
  return consumer;
}

async function keepBatch(
  { journal, strange }: ConsumerOptions,
  { batch, heartbeat }: EachBatchPayload,
): Promise<void> {
  const records: WaybillRecord[] = [];
  for (const { offset, value } of batch.messages) {
    const record = readRecord(value);
    if (record === undefined) strange(`${batch.topic} ${batch.partition} ${offset}`);
    else records.push(record);
  }
  // Throws where the disk does not take it; then the offset stays, and the batch comes again.
  journal.keep(records);
  await heartbeat();
}

function readRecord(value: Buffer | null): WaybillRecord | undefined {
  try {
    const record = JSON.parse(String(value)) as Partial<WaybillRecord> | null;
    return typeof record?.event_id === 'string' ? (record as WaybillRecord) : undefined;
  } catch {
    return undefined;
  }
}
