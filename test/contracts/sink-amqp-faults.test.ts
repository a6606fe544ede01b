/**
 * AMQP's own faults, at the sink and with a real RabbitMQ: a server that goes away or is killed
 * while a batch is on its way, memory alarms, what cannot be routed, exchanges that are missing,
 * log-ins that are refused.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRabbit } from '../../scripts/brokers/programs.ts';
import { RabbitBroker } from '../../scripts/brokers/rabbit.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../src/ports/sink.ts';
import { amqpSink, makeQueue, onChannel, readQueue } from './amqp-place.ts';
import { BROKER_TLS, BROKER_USER, CLIENT_TLS, useBroker } from './broker-world.ts';
import { idsOf } from './sink-place.ts';
import { noise, recordAt, recordsFrom } from './sink-records.ts';

const MESSAGE_BYTES_MAX = 100_000;
const SETTLED: SinkAnswer = { kind: 'settled', refused: [] };
const never = new AbortController().signal;
const found = findRabbit();
const lack = 'lack' in found ? found.lack : undefined;
const { skip, broker } = useBroker(lack, () =>
  RabbitBroker.start({ tls: BROKER_TLS, settings: [`max_message_size = ${MESSAGE_BYTES_MAX}`] }),
);

const sinkTo = (queue: string, more: object = {}): Sink =>
  amqpSink(broker().ports.plain, queue, more);
const send = (sink: Sink, batch: readonly OutgoingRecord[]) => sink.send(batch, never);

/** Sends until it is settled, as the shipper does; answers how often it failed. */
async function sendUntilSettled(sink: Sink, batch: readonly OutgoingRecord[]): Promise<number> {
  for (let failures = 0; failures < 100; failures += 1) {
    const answer = await send(sink, batch);
    if (answer.kind === 'settled') return failures;
    await sleep(100);
  }
  throw new Error('it goes on failing');
}

async function failsWith(sink: Sink, batch = recordsFrom(1, 3)): Promise<string> {
  const answer = await send(sink, batch);
  await sink.close();
  assert.ok(answer.kind === 'failed', JSON.stringify(answer));
  return answer.reason;
}

describe('faults with RabbitMQ', { skip }, () => {
  test('a server that is stopped and started again gets the batch then', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue);
    assert.deepEqual(await send(sink, recordsFrom(1, 10)), SETTLED);
    await broker().stop();
    assert.equal((await send(sink, recordsFrom(11, 10))).kind, 'failed');
    await broker().start();
    await sendUntilSettled(sink, recordsFrom(11, 10));
    const held = idsOf(await readQueue(broker(), queue));
    assert.deepEqual([...new Set(held)], idsOf(recordsFrom(1, 20)));
    await sink.close();
  });

  test('a server killed while batches are on their way loses none of them', async () => {
    const queue = await makeQueue(broker());
    // That there is such a queue is on disk only when RabbitMQ's own log next comes there.
    assert.equal(await broker().evaluate('mnesia:sync_log().'), 'ok');
    const sink = sinkTo(queue);
    const batches = Array.from({ length: 30 }, (_, at) => recordsFrom(at * 200 + 1, 200));
    let failures = 0;
    for (const [at, batch] of batches.entries()) {
      if (at === 10) {
        const kill = sleep(2).then(() => broker().kill());
        const answer = await send(sink, batch);
        await kill;
        await broker().start();
        if (answer.kind === 'settled') continue;
        failures += 1;
      }
      failures += await sendUntilSettled(sink, batch);
    }
    const held = idsOf(await readQueue(broker(), queue));
    const expected = batches.flatMap(idsOf);
    assert.deepEqual([...new Set(held)], expected);
    // Each failed attempt may have left its batch there, and nothing else is there twice.
    assert.ok(held.length - expected.length <= failures * 200, `${failures} failures`);
    await sink.close();
  });

  test('a memory alarm: failed in time, then confirmed without a repetition', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue, { publish_timeout: '1s' });
    assert.deepEqual(await send(sink, recordsFrom(1, 5)), SETTLED);
    await broker().control('set_vm_memory_high_watermark', '0');
    try {
      for (let at = 0; at < 3; at += 1) {
        const began = performance.now();
        const answer = await send(sink, recordsFrom(6, 5));
        assert.deepEqual(answer, { kind: 'failed', reason: 'RabbitMQ: blocked: low on memory' });
        assert.ok(performance.now() - began < 20_000);
      }
    } finally {
      await broker().control('set_vm_memory_high_watermark', '0.4');
    }
    await sendUntilSettled(sink, recordsFrom(6, 5));
    assert.deepEqual(await send(sink, recordsFrom(11, 5)), SETTLED);
    assert.deepEqual(idsOf(await readQueue(broker(), queue)), idsOf(recordsFrom(1, 15)));
    await sink.close();
  });

  test('a memory alarm that ends while a send waits', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue, { publish_timeout: '20s' });
    await broker().control('set_vm_memory_high_watermark', '0');
    const answered = send(sink, recordsFrom(1, 5));
    await sleep(500);
    await broker().control('set_vm_memory_high_watermark', '0.4');
    assert.deepEqual(await answered, SETTLED);
    assert.deepEqual(idsOf(await readQueue(broker(), queue)), idsOf(recordsFrom(1, 5)));
    await sink.close();
  });

  test('a memory alarm is no reason to wait at a stop', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue, { publish_timeout: '20s' });
    await broker().control('set_vm_memory_high_watermark', '0');
    try {
      const stop = new AbortController();
      const answered = sink.send(recordsFrom(1, 5), stop.signal);
      await sleep(500);
      const began = performance.now();
      stop.abort();
      assert.equal((await answered).kind, 'failed');
      await sink.close();
      assert.ok(performance.now() - began < 15_000);
    } finally {
      await broker().control('set_vm_memory_high_watermark', '0.4');
    }
  });

  test('what no queue gets comes back and is refused, the others arrive', async () => {
    const exchange = await makeQueue(broker());
    await onChannel(broker(), async (channel) => {
      await channel.assertExchange(exchange, 'topic');
      await channel.bindQueue(exchange, exchange, 'mail.delivery.#');
    });
    const sink = sinkTo('mail.{{tenant}}.{{ domain }}', { exchange });
    const queues = ['delivery@a.example', 'other@a.example', 'delivery@b.example'];
    const batch = queues.map((queue, at) => recordAt(at + 1, { queue, recipient: `x@${queue}` }));
    const answer = await send(sink, batch);
    const place = `exchange '${exchange}', routing key 'mail.other.a.example'`;
    const reason = `returned: 312 NO_ROUTE (${place})`;
    assert.deepEqual(answer, { kind: 'settled', refused: [{ index: 1, reason }] });
    const held = await readQueue(broker(), exchange);
    assert.deepEqual(idsOf(held), ['event-1', 'event-3']);
    assert.equal(held[1]?.routingKey, 'mail.delivery.b.example');
    await sink.close();
  });

  test('without mandatory it is dropped, as the operator asked', async () => {
    const sink = sinkTo('no-such-queue', { mandatory: false });
    assert.deepEqual(await send(sink, recordsFrom(1, 2)), SETTLED);
    await sink.close();
  });

  test('a routing key that is too long is refused before it is sent', async () => {
    const sink = sinkTo('{{domain}}');
    const recipient = `x@${'long.'.repeat(60)}example`;
    const answer = await send(sink, [recordAt(1, { recipient })]);
    assert.ok(answer.kind === 'settled');
    assert.match(
      answer.refused[0]?.reason ?? '',
      /^the routing key 'long.* longer than 255 octets$/,
    );
    await sink.close();
  });

  test('a missing exchange is a failure that names it, and heals once it is made', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue, { exchange: `${queue}-x` });
    const answer = await send(sink, recordsFrom(1, 3));
    assert.ok(answer.kind === 'failed');
    assert.match(answer.reason, new RegExp(`^RabbitMQ: .*404 .*no exchange '${queue}-x'`));
    await onChannel(broker(), async (channel) => {
      await channel.assertExchange(`${queue}-x`, 'fanout');
      await channel.bindQueue(queue, `${queue}-x`, '');
    });
    assert.deepEqual(await send(sink, recordsFrom(1, 3)), SETTLED);
    assert.deepEqual(idsOf(await readQueue(broker(), queue)), idsOf(recordsFrom(1, 3)));
    await sink.close();
  });

  test('what the server finds too large is refused alone, the others arrive', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue);
    const large = recordAt(4, { sender: noise('large', 2 * MESSAGE_BYTES_MAX) });
    const batch = [...recordsFrom(1, 3), large, ...recordsFrom(5, 3)];
    const answer = await send(sink, batch);
    assert.ok(answer.kind === 'settled', JSON.stringify(answer));
    assert.deepEqual(
      answer.refused.map(({ index }) => index),
      [3],
    );
    const held = new Set(idsOf(await readQueue(broker(), queue)));
    assert.deepEqual([...held], idsOf(batch.filter((record) => record !== large)));
    await sink.close();
  });

  test('a queue that is full nacks, and the batch fails', async () => {
    const queue = 'full';
    const wish = { maxLength: 2, overflow: 'reject-publish' };
    await onChannel(broker(), (channel) => channel.assertQueue(queue, wish));
    assert.match(await failsWith(sinkTo(queue), recordsFrom(1, 5)), /^RabbitMQ: .*\(nack\)$/);
  });

  test('refused log-ins and hosts, without a password in sight', async () => {
    const { name, password } = BROKER_USER;
    const wrong = await failsWith(sinkTo('any', { username: name, password }));
    assert.match(wrong, /^RabbitMQ: .*ACCESS_REFUSED/);
    const nowhere = await failsWith(sinkTo('any', { vhost: 'nowhere' }));
    assert.match(nowhere, /^RabbitMQ: .*nowhere/);
    const uri = `amqp://${name}:${password}@127.0.0.1:1/v`;
    const away = await failsWith(sinkTo('any', { uri, host: undefined, port: undefined }));
    assert.match(away, /^RabbitMQ: .*ECONNREFUSED/);
    for (const reason of [wrong, nowhere, away]) assert.doesNotMatch(reason, new RegExp(password));
  });

  test('TLS with a certificate of our own, and without one', async () => {
    const queue = await makeQueue(broker());
    const secured = (more: object): Sink =>
      amqpSink(broker().ports.tls, queue, {
        enable_tls: true,
        root_ca_cert: { key_data: BROKER_TLS.authority },
        ...more,
      });
    const sink = secured({
      client_cert: { key_data: CLIENT_TLS.certificate },
      client_private_key: { key_data: CLIENT_TLS.key },
    });
    assert.deepEqual(await send(sink, recordsFrom(1, 5)), SETTLED);
    assert.deepEqual(idsOf(await readQueue(broker(), queue)), idsOf(recordsFrom(1, 5)));
    await sink.close();
    assert.match(await failsWith(secured({})), /^RabbitMQ: /);
    const stranger = { root_ca_cert: { key_data: CLIENT_TLS.certificate } };
    assert.match(await failsWith(secured(stranger)), /^RabbitMQ: .*certificate/);
  });

  test('properties and headers', async () => {
    const queue = await makeQueue(broker());
    const sink = sinkTo(queue, { headers: { site: 'here' }, priority: 3, message_type: 'mail' });
    const meta = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    const record = { ...recordAt(1, { meta }), isReplay: true };
    assert.deepEqual(await send(sink, [record]), SETTLED);
    const [held] = await readQueue(broker(), queue);
    const { properties } = held ?? assert.fail('nothing there');
    assert.deepEqual(properties.headers, {
      site: 'here',
      type: 'Delivery',
      event_id: 'event-1',
      schema_version: '1',
      traceparent: meta.traceparent,
      replay: 'true',
    });
    const { messageId, deliveryMode, contentType, type, appId, priority, timestamp } = properties;
    assert.deepEqual(
      { messageId, deliveryMode, contentType, type, appId, priority, timestamp },
      {
        messageId: 'event-1',
        deliveryMode: 2,
        contentType: 'application/json',
        type: 'mail',
        appId: 'waybill',
        priority: 3,
        timestamp: Math.floor(record.record.timestamp),
      },
    );
    await sink.close();
  });
});
