/**
 * The options of a log hook that writes to Kafka, under the names that librdkafka gives them, since
 * policies of the reference have them. The idea: only what has a meaning here is taken; what
 * batches, queues or retries there is done by the hook here, and its refusal says by which option.
 * Deliberately unknown here: sockets, records, which client is used.
 */
import { templateKind } from './hook-template.ts';
import { OptionError } from './option-error.ts';
import { oneOf, text } from './option-kinds.ts';
import type { KeySource } from './option-places.ts';
import { keySource } from './option-places.ts';
import { schemaOf } from './option-schema.ts';
import { secret } from './option-secret.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { isTable, option, optional, readOptions, required } from './options.ts';
import { always, anyCase, count, servers, topicProblem } from './options-hook-kafka-kinds.ts';

const ALL = always(['all', '-1', -1], 'a record counts as sent when all replicas in sync have it');
const IDEMPOTENT = always([true, 'true'], 'the producer is always idempotent');
const waitMs = count(100, 600_000);
const PEM = 'PEM text or {path}';

/** A PEM text, or the file that has it. */
const pem: Kind<KeySource> = { ...secret, name: PEM };

/** The table behind parseKafkaHook. */
export const KAFKA_HOOK_OPTIONS = {
  'bootstrap.servers': required(servers, "brokers to begin with: 'host:9092,other:9092'"),
  topic: required(
    templateKind(topicProblem),
    'topic; {{type}}, {{tenant}}, {{domain}}, {{nodeid}}',
  ),
  key: option(
    oneOf('message_id', 'recipient_domain', 'tenant', 'none'),
    'message_id',
    'what keeps records together and in order on one partition',
  ),
  'client.id': option(text, 'waybill', 'name shown to the brokers'),
  'compression.type': option(anyCase('none', 'gzip'), 'none', 'how batches are compressed'),
  'message.max.bytes': option(
    count(1_000, 1_000_000_000),
    1_000_000,
    "most bytes of a produce call, and of a record; not above the broker's own limit",
  ),
  'message.timeout.ms': option(waitMs, 60_000, 'for a batch in all, connecting included'),
  'request.timeout.ms': option(waitMs, 30_000, 'for one answer of a broker'),
  'socket.connection.setup.timeout.ms': option(waitMs, 10_000, 'for one connection'),
  'security.protocol': option(
    anyCase('plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'),
    'plaintext',
    'TLS, and whether to log in',
  ),
  'sasl.mechanism': optional(
    anyCase('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'),
    'how to log in; needs sasl.username and sasl.password',
  ),
  'sasl.username': optional(text, 'who logs in'),
  'sasl.password': optional(secret, 'its password'),
  'ssl.ca.location': optional(keySource, 'certificates of authorities; else those of the system'),
  'ssl.ca.pem': optional(pem, 'the same, as text'),
  'ssl.certificate.location': optional(keySource, 'certificate that is shown to brokers'),
  'ssl.certificate.pem': optional(pem, 'the same, as text'),
  'ssl.key.location': optional(keySource, 'its key'),
  'ssl.key.pem': optional(pem, 'the same, as text'),
  'ssl.key.password': optional(secret, 'password of the key'),
  acks: optional(ALL, 'all, always'),
  'enable.idempotence': optional(IDEMPOTENT, 'true, always'),
} satisfies OptionTable;

type Given = Parsed<typeof KAFKA_HOOK_OPTIONS>;

/** A hook's way to Kafka. */
export interface KafkaHookConfig {
  readonly servers: readonly string[];
  readonly topic: Given['topic'];
  readonly key: Given['key'];
  readonly clientId: string;
  readonly compression: Given['compression.type'];
  /** Most bytes of one produce call. */
  readonly bytesMax: number;
  readonly sendMsMax: number;
  readonly requestMsMax: number;
  readonly connectMsMax: number;
  /** Absent: no TLS. */
  readonly tls?: KafkaTls;
  /** Absent: nobody logs in. */
  readonly login?: KafkaLogin;
}

/** What TLS needs; without `ca` the authorities of the system are trusted. */
export interface KafkaTls {
  readonly ca?: KeySource;
  readonly certificate?: KeySource;
  readonly key?: KeySource;
  readonly keyPassword?: KeySource;
}

/** Who logs in. */
export interface KafkaLogin {
  readonly mechanism: NonNullable<Given['sasl.mechanism']>;
  readonly username: string;
  readonly password: KeySource;
}

/** Other names that librdkafka takes for the same. */
const SAME: Readonly<Record<string, string>> = {
  'metadata.broker.list': 'bootstrap.servers',
  'compression.codec': 'compression.type',
  'delivery.timeout.ms': 'message.timeout.ms',
  'sasl.mechanisms': 'sasl.mechanism',
  'request.required.acks': 'acks',
};

/** What the hook itself does, and by which option. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'linger.ms': 'max_batch_latency',
  'queue.buffering.max.ms': 'max_batch_latency',
  'batch.num.messages': 'batch_size',
  'batch.size': 'batch_size',
  'queue.buffering.max.messages': 'max_ready',
  'queue.buffering.max.kbytes': 'max_ready',
  retries: 'retry_interval',
  'message.send.max.retries': 'retry_interval',
  'retry.backoff.ms': 'retry_interval',
};

/** Reads a hook's way to Kafka; `where` names it in a refusal. */
export function parseKafkaHook(raw: unknown, where: string): KafkaHookConfig {
  const given = readOptions(KAFKA_HOOK_OPTIONS, isTable(raw) ? renamed(raw, where) : raw, where);
  const protocol = given['security.protocol'];
  const tls = readTls(given, where, protocol.endsWith('ssl'));
  const login = readLogin(given, where, protocol.startsWith('sasl'));
  return Object.freeze({
    servers: given['bootstrap.servers'],
    topic: given.topic,
    key: given.key,
    clientId: given['client.id'],
    compression: given['compression.type'],
    bytesMax: given['message.max.bytes'],
    sendMsMax: given['message.timeout.ms'],
    requestMsMax: given['request.timeout.ms'],
    connectMsMax: given['socket.connection.setup.timeout.ms'],
    ...(tls !== undefined && { tls }),
    ...(login !== undefined && { login }),
  });
}

/** The same, as a kind of value. */
export const kafkaHook: Kind<KafkaHookConfig> = {
  name: 'table of Kafka options',
  schema: schemaOf(KAFKA_HOOK_OPTIONS),
  read: (value) => parseKafkaHook(value, ''),
};

function renamed(raw: Readonly<Record<string, unknown>>, where: string) {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    const here = Object.hasOwn(ELSEWHERE, key) ? ELSEWHERE[key] : undefined;
    if (here !== undefined) {
      throw new OptionError(where, key, 'is not done by the producer here', `use ${here}`);
    }
    const name = Object.hasOwn(SAME, key) ? (SAME[key] ?? key) : key;
    if (Object.hasOwn(result, name)) {
      throw new OptionError(where, key, `says the same as ${name}`, 'give one of them');
    }
    result[name] = value;
  }
  return result;
}

function readTls(given: Given, where: string, isWanted: boolean): KafkaTls | undefined {
  const stray = Object.keys(given).find((key) => key.startsWith('ssl.'));
  if (!isWanted) {
    if (stray === undefined) return undefined;
    const fix = "set security.protocol = 'ssl' or 'sasl_ssl'";
    throw new OptionError(where, stray, 'is given, but there is no TLS', fix);
  }
  const ca = oneForm(given, where, 'ssl.ca');
  const certificate = oneForm(given, where, 'ssl.certificate');
  const key = oneForm(given, where, 'ssl.key');
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? 'ssl.key.location' : 'ssl.certificate.location';
    throw new OptionError(where, missing, 'is missing', 'give both, or neither');
  }
  const keyPassword = given['ssl.key.password'];
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
    ...(keyPassword !== undefined && { keyPassword }),
  };
}

function oneForm(
  given: Given,
  where: string,
  name: 'ssl.ca' | 'ssl.certificate' | 'ssl.key',
): KeySource | undefined {
  const location = given[`${name}.location`];
  const written = given[`${name}.pem`];
  if (location !== undefined && written !== undefined) {
    throw new OptionError(where, `${name}.pem`, `${name}.location is given too`, 'remove one');
  }
  return location ?? written;
}

function readLogin(given: Given, where: string, isWanted: boolean): KafkaLogin | undefined {
  const keys = ['sasl.mechanism', 'sasl.username', 'sasl.password'] as const;
  if (!isWanted) {
    const stray = keys.find((key) => given[key] !== undefined);
    if (stray === undefined) return undefined;
    const fix = "set security.protocol = 'sasl_ssl' or 'sasl_plaintext'";
    throw new OptionError(where, stray, 'is given, but nobody logs in', fix);
  }
  const [mechanism, username, password] = [given[keys[0]], given[keys[1]], given[keys[2]]];
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password };
  }
  const missing = keys.find((key) => given[key] === undefined) ?? keys[0];
  const fix = 'give sasl.mechanism, sasl.username and sasl.password';
  throw new OptionError(where, missing, 'is missing, but security.protocol logs in', fix);
}
