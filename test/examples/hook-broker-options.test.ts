/**
 * The options of hooks to brokers: what librdkafka and the reference call them, what is refused and
 * with which words, and that no password is ever among them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillTemplate, parseTemplate } from '../../src/domain/hook-template.ts';
import { OptionError } from '../../src/domain/option-error.ts';
import { parseAmqpHook } from '../../src/domain/options-hook-amqp.ts';
import { parseKafkaHook } from '../../src/domain/options-hook-kafka.ts';

const PASSWORD = 'hunter2-not-to-be-seen';
const KAFKA = { 'bootstrap.servers': 'one.example', topic: 'mail' };
const AMQP = { host: 'rabbit.example', routing_key: 'mail' };
const SASL = {
  ...KAFKA,
  'security.protocol': 'SASL_SSL',
  'sasl.mechanisms': 'scram-sha-512',
  'sasl.username': 'waybill',
  'sasl.password': PASSWORD,
};

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof OptionError, String(error));
    assert.ok(!error.message.includes(PASSWORD), error.message);
    return error.message;
  }
  return assert.fail('it was not refused');
}

const kafkaRefusal = (options: object): string =>
  refusal(() => parseKafkaHook({ ...KAFKA, ...options }, 'hook'));
const amqpRefusal = (options: object): string =>
  refusal(() => parseAmqpHook({ ...AMQP, ...options }, 'hook'));

test('Kafka: names and forms of librdkafka', () => {
  const config = parseKafkaHook(
    {
      ...SASL,
      'bootstrap.servers': 'one.example, two.example:9093,[2001:db8::1]:9094',
      'compression.codec': 'GZIP',
      'message.timeout.ms': '5000',
      acks: '-1',
      'enable.idempotence': 'true',
      'ssl.ca.location': 'ca.pem',
    },
    'hook',
  );
  assert.deepEqual(config.servers, ['one.example:9092', 'two.example:9093', '[2001:db8::1]:9094']);
  assert.equal(config.compression, 'gzip');
  assert.equal(config.sendMsMax, 5_000);
  assert.deepEqual(config.tls, { ca: { path: 'ca.pem' } });
  assert.deepEqual(config.login, {
    mechanism: 'SCRAM-SHA-512',
    username: 'waybill',
    password: { key_data: PASSWORD },
  });
  const plain = parseKafkaHook(KAFKA, 'hook');
  assert.deepEqual([plain.key, plain.compression, plain.bytesMax], ['message_id', 'none', 1e6]);
  assert.deepEqual([plain.tls, plain.login], [undefined, undefined]);
});

test('Kafka: what is refused, and what to do instead', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ 'bootstrap.server': 'x' }, /is not an option here; did you mean 'bootstrap\.servers'\?/],
    [{ 'linger.ms': 5 }, /linger\.ms: is not done by the producer here; use max_batch_latency/],
    [{ retries: 3 }, /use retry_interval/],
    [{ acks: 1 }, /acks: 1 is not to be had: .* all replicas in sync/],
    [{ 'enable.idempotence': false }, /is not to be had/],
    [{ 'compression.type': 'zstd' }, /'zstd' is not one of none, gzip/],
    [{ 'compression.type': 'gzip', 'compression.codec': 'gzip' }, /says the same as/],
    [{ 'bootstrap.servers': 'no port:9' }, /is not a broker; write 'host:9092'/],
    [{ 'bootstrap.servers': [] }, /the list is empty/],
    [{ topic: 'mail events' }, /has characters that no topic may have/],
    [{ topic: 'mail-{{tipe}}' }, /has no 'tipe' for a name; did you mean '\{\{type\}\}'\?/],
    [{ topic: 'mail-{type}' }, /has a brace that is no place; use \{\{type\}\}/],
    [{ key: 'domain' }, /'domain' is not one of message_id/],
    [{ 'message.max.bytes': '1e6' }, /is not a whole number/],
    [{ 'ssl.ca.location': 'ca.pem' }, /there is no TLS; set security\.protocol/],
    [{ 'sasl.username': 'x' }, /nobody logs in; set security\.protocol/],
    [{ 'security.protocol': 'sasl_ssl', 'sasl.username': 'x' }, /sasl\.mechanism: is missing/],
    [{ ...SASL, 'sasl.password': { key_date: PASSWORD } }, /this is not a password/],
    [{ ...SASL, 'ssl.key.pem': 'x' }, /ssl\.certificate\.location: is missing/],
    [{ ...SASL, 'ssl.ca.pem': 'x', 'ssl.ca.location': 'y' }, /ssl\.ca\.location is given too/],
  ];
  for (const [options, expected] of cases) assert.match(kafkaRefusal(options), expected);
});

test('AMQP: a URI, and what is given beside it', () => {
  const uri = `amqps://way%40bill:${PASSWORD}%25@rabbit.example:5679/a%2Fb`;
  const config = parseAmqpHook({ uri, routing_key: 'x', root_ca_cert: 'ca.pem' }, 'hook');
  assert.deepEqual(
    [config.host, config.port, config.username, config.password, config.vhost, config.tls],
    [
      'rabbit.example',
      5_679,
      'way@bill',
      { key_data: `${PASSWORD}%` },
      'a/b',
      { ca: { path: 'ca.pem' } },
    ],
  );
  const other = parseAmqpHook({ uri, routing_key: 'x', port: 1, password: { path: 'p' } }, 'hook');
  assert.deepEqual([other.port, other.password], [1, { path: 'p' }]);
  const plain = parseAmqpHook(AMQP, 'hook');
  assert.deepEqual([plain.port, plain.username, plain.vhost], [5_672, 'guest', '/']);
  assert.equal(parseAmqpHook({ ...AMQP, enable_tls: true }, 'hook').port, 5_671);
  assert.equal(plain.given.mandatory, true);
});

test('AMQP: what is refused, and what to do instead', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ host: undefined }, /host: is missing; give host, or uri/],
    [{ routing_key: undefined }, /routing_key: is missing/],
    [{ routingkey: 'x' }, /did you mean 'routing_key'\?/],
    [{ uri: `amqp://user:${PASSWORD}@host:port/` }, /this is not the URI of a server/],
    [{ uri: `http://user:${PASSWORD}@host/` }, /this is not the URI of a server/],
    [{ uri: `amqp://user:${PASSWORD}%@host/` }, /this is not the URI of a server/],
    [{ host: 'host:5672' }, /is not a host; .*port is an option of its own/],
    [{ confirm_select: false }, /is not to be had: .* confirmed/],
    [{ immediate: true }, /RabbitMQ has no immediate delivery/],
    [{ delivery_mode: 3 }, /is not a whole number from 1 to 2/],
    [{ root_ca_cert: 'ca.pem' }, /there is no TLS; set enable_tls = true/],
    [{ enable_tls: true, client_cert: 'c' }, /client_private_key: is missing/],
    [{ publish_timeout: '1ms' }, /is not within 100ms and 10m/],
    [{ heartbeat: '2h' }, /is longer than an hour/],
    [{ routing_key: 'k'.repeat(256) }, /is longer than 255 octets/],
    [{ exchange: '{{ttype}}' }, /did you mean '\{\{type\}\}'\?/],
  ];
  for (const [options, expected] of cases) assert.match(amqpRefusal(options), expected);
});

test('names are filled from a record, and taken apart once', () => {
  const facts = { type: 'Bounce', tenant: 'shop', domain: 'a.example', nodeid: 'n' };
  const filled = (text: string): string => fillTemplate(parseTemplate(text), facts);
  assert.equal(filled('plain'), 'plain');
  assert.equal(filled('{{type}}'), 'Bounce');
  assert.equal(
    filled('m.{{ type }}.{{tenant}}{{domain}}-{{nodeid}}.x'),
    'm.Bounce.shopa.example-n.x',
  );
});
