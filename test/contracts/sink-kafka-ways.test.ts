/**
 * Ways to a Kafka broker and what is written there: TLS, log-in, keys, headers, topics,
 * compression; over a broker of each line.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KafkaBroker, nameOfKafka } from '../../scripts/brokers/kafka.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import type { SinkAnswer } from '../../src/ports/sink.ts';
import { BROKER_TLS, BROKER_USER, CLIENT_TLS, useBroker } from './broker-world.ts';
import { kafkaSink, makeTopic, nameTopic, readTopic } from './kafka-place.ts';
import { idsOf } from './sink-place.ts';
import { recordAt, recordsFrom } from './sink-records.ts';

const SETTLED: SinkAnswer = { kind: 'settled', refused: [] };
const never = new AbortController().signal;
const TRUST = { 'ssl.ca.pem': BROKER_TLS.authority };
const LOGIN = {
  ...TRUST,
  'security.protocol': 'sasl_ssl',
  'sasl.username': BROKER_USER.name,
  'sasl.password': BROKER_USER.password,
};

for (const line of ['3', '4'] as const) {
  const { skip, broker } = useBroker(lackOfKafka(line), () =>
    KafkaBroker.start({ line, tls: BROKER_TLS, user: BROKER_USER }),
  );
  const arrives = async (address: string, more: object): Promise<void> => {
    const topic = await makeTopic(broker());
    const sink = kafkaSink(address, topic, { ...more, 'message.timeout.ms': 10_000 });
    assert.deepEqual(await sink.send(recordsFrom(1, 5), never), SETTLED);
    assert.deepEqual(idsOf(await readTopic(broker(), topic)), idsOf(recordsFrom(1, 5)));
    await sink.close();
  };
  const fails = async (address: string, more: object): Promise<string> => {
    const sink = kafkaSink(address, 'any', more);
    const answer = await sink.send(recordsFrom(1, 1), never);
    await sink.close();
    assert.ok(answer.kind === 'failed', JSON.stringify(answer));
    assert.doesNotMatch(answer.reason, new RegExp(BROKER_USER.password));
    return answer.reason;
  };

  describe(`ways to ${nameOfKafka(line)}`, { skip }, () => {
    const tls = () => `127.0.0.1:${broker().ports.tls}`;
    const sasl = () => `127.0.0.1:${broker().ports.sasl}`;

    test('TLS with a certificate of our own', async () => {
      const shown = {
        'ssl.certificate.pem': CLIENT_TLS.certificate,
        'ssl.key.pem': CLIENT_TLS.key,
      };
      await arrives(tls(), { ...TRUST, ...shown, 'security.protocol': 'ssl' });
    });

    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      test(`a log-in by ${mechanism}, and a refused one, without a password in sight`, async () => {
        await arrives(sasl(), { ...LOGIN, 'sasl.mechanism': mechanism });
        const wrong = { 'sasl.mechanism': mechanism, 'sasl.password': `${BROKER_USER.password}x` };
        const reason = await fails(sasl(), { ...LOGIN, ...wrong });
        assert.match(reason, /^Kafka: SASL .* authentication failed: /);
      });
    }

    test('an authority that we do not trust, and TLS where none is', async () => {
      const untrusted = {
        ...LOGIN,
        'sasl.mechanism': 'PLAIN',
        'ssl.ca.pem': CLIENT_TLS.certificate,
      };
      assert.match(await fails(sasl(), untrusted), /^Kafka: Connection error: .*certificate/);
      const plain = `127.0.0.1:${broker().ports.plain}`;
      assert.match(await fails(plain, { ...TRUST, 'security.protocol': 'ssl' }), /^Kafka: /);
    });

    test('headers, and a key for each way to choose it', async () => {
      const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      const record = recordAt(1, {
        recipient: 'Someone@EXAMPLE.net',
        meta: { traceparent: trace },
      });
      const keys = {
        message_id: record.record.id,
        recipient_domain: 'example.net',
        tenant: 'tenant',
        none: undefined,
      };
      for (const [key, expected] of Object.entries(keys)) {
        const topic = await makeTopic(broker());
        const sink = kafkaSink(broker().address, topic, { key });
        assert.deepEqual(await sink.send([{ ...record, isReplay: true }], never), SETTLED);
        const [held] = await readTopic(broker(), topic);
        assert.equal(held?.key, expected);
        assert.deepEqual(held?.headers, {
          type: 'Delivery',
          event_id: 'event-1',
          schema_version: '1',
          traceparent: trace,
          replay: 'true',
        });
        await sink.close();
      }
    });

    test('records with the same key keep their order on one of several partitions', async () => {
      const topic = await makeTopic(broker(), 3);
      const sink = kafkaSink(broker().address, topic, { key: 'recipient_domain' });
      const batch = Array.from({ length: 90 }, (_, at) =>
        recordAt(at + 1, { recipient: `someone@domain-${at % 9}.example` }),
      );
      for (let at = 0; at < 90; at += 30) {
        assert.deepEqual(await sink.send(batch.slice(at, at + 30), never), SETTLED);
      }
      const held = await readTopic(broker(), topic);
      assert.ok(new Set(held.map(({ partition }) => partition)).size > 1);
      for (let domain = 0; domain < 9; domain += 1) {
        const key = `domain-${domain}.example`;
        const own = held.filter((message) => message.key === key);
        const expected = batch.filter((_, at) => at % 9 === domain);
        assert.deepEqual(idsOf(own), idsOf(expected));
        assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      }
      await sink.close();
    });

    test('topics filled from the record, and a record whose topic can not be', async () => {
      await nameTopic(broker(), `mail-Delivery-tenant-${line}`);
      await nameTopic(broker(), `mail-Bounce-none-${line}`);
      const sink = kafkaSink(broker().address, `mail-{{type}}-{{ tenant }}-${line}`);
      const answer = await sink.send(
        [
          recordAt(1),
          recordAt(2, { queue: 'a b@example.com' }),
          recordAt(3, { type: 'Bounce', queue: 'example.com' }),
        ],
        never,
      );
      assert.ok(answer.kind === 'settled', JSON.stringify(answer));
      const why = `the topic 'mail-Delivery-a b-${line}' has characters that no topic may have`;
      assert.equal(answer.refused.length, 1);
      assert.equal(answer.refused[0]?.index, 1);
      assert.ok(answer.refused[0]?.reason.startsWith(why), answer.refused[0]?.reason);
      const first = await readTopic(broker(), `mail-Delivery-tenant-${line}`);
      const last = await readTopic(broker(), `mail-Bounce-none-${line}`);
      assert.deepEqual([idsOf(first), idsOf(last)], [['event-1'], ['event-3']]);
      await sink.close();
    });

    test('gzip', async () => {
      await arrives(broker().address, { 'compression.type': 'gzip' });
    });
  });
}
