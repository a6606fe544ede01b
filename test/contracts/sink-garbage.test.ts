/**
 * Brokers that talk nonsense: bytes of real answers changed at random on their way. A sink may fail
 * as often as it likes, but it answers in time, throws nothing past its caller, and works again as
 * soon as the line is clean. An exception in a library's event handler would end this process.
 * Seeded: FAULT_SEED; FAULT_CASES=all runs many more.
 */
import assert from 'node:assert/strict';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { KafkaBroker } from '../../scripts/brokers/kafka.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import { findRabbit } from '../../scripts/brokers/programs.ts';
import { RabbitBroker } from '../../scripts/brokers/rabbit.ts';
import type { Sink } from '../../src/ports/sink.ts';
import type { Dice } from '../faults/scratch.ts';
import { isFullRun, makeDice, seedOfRun } from '../faults/scratch.ts';
import { amqpSink, makeQueue } from './amqp-place.ts';
import { useBroker } from './broker-world.ts';
import { kafkaSink, makeTopic } from './kafka-place.ts';
import { within } from './sink-place.ts';
import { recordsFrom } from './sink-records.ts';

const BOUND_MS = 400;
const ROUNDS = isFullRun() ? 400 : 40;
const never = new AbortController().signal;

/** What becomes of bytes on their way. */
type Soil = (bytes: Buffer) => Buffer;

/** A line that changes what the broker says, as long as it is dirty. */
class DirtyLine {
  isDirty = true;
  port = 0;
  readonly #soil: Soil;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#take(client));
  readonly #target: number;

  constructor(target: number, soil: Soil) {
    this.#target = target;
    this.#soil = soil;
  }

  async open(port: number): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(client: Socket): void {
    const broker = connect(this.#target, '127.0.0.1');
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => broker.write(bytes));
    broker.on('data', (bytes: Buffer) => client.write(this.isDirty ? this.#soil(bytes) : bytes));
  }
}

/** Now and then some bytes are others, some are missing, or some come twice. */
function soilBy(dice: Dice): Soil {
  return (bytes) => {
    if (dice.below(3) > 0) return bytes;
    const at = dice.below(bytes.length);
    const length = 1 + dice.below(8);
    const noise = Buffer.from(Array.from({ length }, () => dice.below(256)));
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    return dice.oneOf([
      Buffer.concat([head, noise, tail.subarray(length)]),
      Buffer.concat([head, noise, tail]),
      Buffer.concat([head, tail.subarray(length)]),
      Buffer.concat([bytes, bytes]),
      noise,
    ]);
  };
}

async function survivesDirt(line: DirtyLine, sink: Sink, seed: number): Promise<void> {
  try {
    let failures = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const answered = sink.send(recordsFrom(round * 3 + 1, 3), never);
      const answer = await within(BOUND_MS + 2_000, `seed ${seed}: an answer`, answered);
      if (answer.kind === 'failed') failures += 1;
      if (round % 5 === 4) await sink.close();
    }
    assert.ok(failures > 0, `seed ${seed}: nothing went wrong, so nothing was tried`);
    line.isDirty = false;
    // What was soiled on an open link may still be there.
    await sink.close();
    assert.deepEqual(await sink.send(recordsFrom(1, 3), never), { kind: 'settled', refused: [] });
  } finally {
    await sink.close();
    line.close();
  }
}

const lack = lackOfKafka('4');
const kafka = useBroker(lack, () => KafkaBroker.start({ line: '4' }));
describe('nonsense from Kafka', { skip: kafka.skip }, () => {
  test('fails, and goes on once the line is clean', async () => {
    const seed = seedOfRun();
    const { behind, front } = kafka.broker().ports;
    const topic = await makeTopic(kafka.broker());
    const line = await new DirtyLine(behind, soilBy(makeDice(seed))).open(front);
    const bounds = { 'message.timeout.ms': BOUND_MS, 'request.timeout.ms': BOUND_MS };
    await survivesDirt(line, kafkaSink(`127.0.0.1:${front}`, topic, bounds), seed);
  });
});

const found = findRabbit();
const rabbit = useBroker('lack' in found ? found.lack : undefined, () => RabbitBroker.start());
describe('nonsense from RabbitMQ', { skip: rabbit.skip }, () => {
  test('fails, and goes on once the line is clean', async () => {
    const seed = seedOfRun();
    const queue = await makeQueue(rabbit.broker());
    const line = await new DirtyLine(rabbit.broker().ports.plain, soilBy(makeDice(seed))).open(0);
    const bounds = { publish_timeout: `${BOUND_MS}ms`, connect_timeout: `${BOUND_MS}ms` };
    await survivesDirt(line, amqpSink(line.port, queue, bounds), seed);
  });

  test('a frame too many at the end of the handshake fails like any other', async () => {
    const queue = await makeQueue(rabbit.broker());
    // connection.open-ok: class 10, method 41 (AMQP 0-9-1 section 1.4.2.8).
    const openOk = Buffer.from([0, 10, 0, 41]);
    const double: Soil = (bytes) =>
      bytes.includes(openOk) ? Buffer.concat([bytes, bytes]) : bytes;
    const line = await new DirtyLine(rabbit.broker().ports.plain, double).open(0);
    const sink = amqpSink(line.port, queue, { publish_timeout: `${BOUND_MS}ms` });
    const answer = await within(BOUND_MS + 2_000, 'an answer', sink.send(recordsFrom(1, 3), never));
    assert.equal(answer.kind, 'failed');
    line.isDirty = false;
    assert.deepEqual(await sink.send(recordsFrom(1, 3), never), { kind: 'settled', refused: [] });
    await sink.close();
    line.close();
  });
});
