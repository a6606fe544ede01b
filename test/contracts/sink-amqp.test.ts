/**
 * The contract of sinks over a real RabbitMQ.
 * Deliberately unknown here: faults of the server (sink-amqp-faults), and options.
 */
import { describe } from 'node:test';
import { findRabbit } from '../../scripts/brokers/programs.ts';
import { RabbitBroker } from '../../scripts/brokers/rabbit.ts';
import { openAmqpPlace } from './amqp-place.ts';
import { useBroker } from './broker-world.ts';
import { sinkContract } from './sink.ts';

const found = findRabbit();
const lack = 'lack' in found ? found.lack : undefined;
const { skip, broker } = useBroker(lack, () => RabbitBroker.start());

describe('RabbitMQ', { skip }, () => {
  sinkContract('RabbitMQ', () => openAmqpPlace(broker()));
});
