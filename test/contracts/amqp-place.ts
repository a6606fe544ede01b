/**
 * An AMQP sink with a real RabbitMQ behind a line that can be out of order, as the contract wants
 * it: each test has a queue of its own; what is in it is looked at and left there.
 * Deliberately unknown here: what is expected of the sink.
 */
import type { Channel, GetMessage } from 'amqplib';
import { connect } from 'amqplib';
import type { RabbitBroker } from '../../scripts/brokers/rabbit.ts';
import { parseAmqpHook } from '../../src/domain/options-hook-amqp.ts';
import type { Sink } from '../../src/ports/sink.ts';
import { createAmqpSink } from '../../src/projections/sinks/amqp.ts';
import { realWorld } from './broker-world.ts';
import { openLine } from './sink-line.ts';
import type { HeldRecord, SinkPlace } from './sink-place.ts';

const BOUND_MS = 2_000;

/** A message as a queue holds it. */
export interface QueueMessage extends HeldRecord {
  readonly properties: GetMessage['properties'];
  readonly routingKey: string;
}

let queuesMade = 0;

/** Does something on a channel of the test's own. */
export async function onChannel<T>(
  { address }: { readonly address: string },
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const connection = await connect(`amqp://guest:guest@${address}`);
  try {
    const channel = await connection.createChannel();
    return await work(channel);
  } finally {
    await connection.close();
  }
}

/** A durable queue that nobody used before. */
export async function makeQueue(broker: RabbitBroker): Promise<string> {
  queuesMade += 1;
  const queue = `queue-${queuesMade}`;
  await onChannel(broker, (channel) => channel.assertQueue(queue));
  return queue;
}

/** All that a queue holds, in order; it goes back there. */
export function readQueue(broker: RabbitBroker, queue: string): Promise<QueueMessage[]> {
  return onChannel(broker, async (channel) => {
    const found: QueueMessage[] = [];
    for (;;) {
      const message = await channel.get(queue);
      // What is not acknowledged goes back to its place when the connection closes.
      if (message === false) return found;
      found.push(heldOf(message));
    }
  });
}

function heldOf({ properties, content, fields }: GetMessage): QueueMessage {
  return {
    properties,
    routingKey: fields.routingKey,
    eventId: String(properties.messageId),
    text: content.toString(),
    isReplay: properties.headers?.['replay'] === 'true',
  };
}

/** A sink to a port of this machine, with the options of a test. */
export function amqpSink(port: number, queue: string, more: object = {}): Sink {
  const options = {
    host: '127.0.0.1',
    port,
    routing_key: queue,
    publish_timeout: `${BOUND_MS}ms`,
    ...more,
  };
  return createAmqpSink(parseAmqpHook(options, 'the test'), realWorld);
}

/** A place of the contract: what is for other domains than one comes to a queue, as bound. */
export async function openAmqpPlace(broker: RabbitBroker): Promise<SinkPlace> {
  const queue = await makeQueue(broker);
  const line = await openLine({ target: () => broker.ports.plain });
  await onChannel(broker, async (channel) => {
    await channel.assertExchange(queue, 'headers');
    const types = ['Delivery', 'Rejection'];
    for (const type of types) await channel.bindQueue(queue, queue, '', { type });
  });
  return {
    open: () => amqpSink(line.port, '{{type}}', { exchange: queue }),
    line,
    held: () => readQueue(broker, queue),
    refusal: {
      spoil: (outgoing) => ({ ...outgoing, record: { ...outgoing.record, type: 'Feedback' } }),
      takes: 'each',
    },
    boundMs: BOUND_MS,
    dispose: () => line.dispose(),
  };
}
