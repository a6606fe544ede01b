/**
 * kafkajs behind three calls: open, produce, close. Idempotent, all replicas in sync.
 * The one idea: the life of a producer ends with anything but success. kafkajs forgets how far its
 * sequence numbers got when one of several partitions fails, and a broker that sees numbers again
 * refuses what has them, or takes it for repeated and drops it; a new producer has new numbers.
 * Deliberately unknown here: records, batches, options as operators write them.
 */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Kafka, KafkaConfig, Message, Partitioners, Producer, SASLOptions } from 'kafkajs';
import type { KafkaHookConfig } from '../../domain/options-hook-kafka.ts';
import { guardFrames } from './frame-check.ts';
import type { ReadSecret } from './secrets.ts';
import { mustRead, readTlsFiles } from './secrets.ts';

/** Messages of one topic, in order. */
export interface TopicMessages {
  readonly topic: string;
  readonly messages: Message[];
}

/** An open producer. */
export interface KafkaLink {
  /** False once it cannot be used again. */
  readonly isUsable: boolean;
  /** One produce call; rejects with what the library threw. */
  produce(topics: readonly TopicMessages[]): Promise<void>;
  /** Ends the producer and its sockets, at once. */
  end(): void;
}

const KEEP_ALIVE_MS = 60_000;
// One seed may be down; a freshly started broker says "loading" for a moment.
const CONNECT_TRIES_MIN = 4;
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 500;

/** What the library gives, loaded when the first hook needs it. */
interface Library {
  readonly Kafka: typeof Kafka;
  readonly Partitioners: typeof Partitioners;
}

class KafkaJsLink implements ClosedKafkaLink {
  readonly #config: KafkaHookConfig;
  readonly #sockets = new Set<Socket>();
  readonly #hosts = new Map<string, string>();
  /** Partitions of each topic as first seen. */
  readonly #partitions = new Map<string, number>();
  readonly #producer: Producer;
  #isEnded = false;
  #isBroken = false;

  constructor(library: Library, config: KafkaHookConfig, readSecret: ReadSecret) {
    this.#config = config;
    const client = new library.Kafka(this.#clientConfig(readSecret));
    this.#producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // The library demands at least one; with the same numbers a broker takes it once.
      retry: { retries: 1, initialRetryTime: FIRST_WAIT_MS },
      createPartitioner: () => this.#partitioner(library.Partitioners.DefaultPartitioner()),
    });
  }

  get isUsable(): boolean {
    return !this.#isBroken && !this.#isEnded;
  }

  async open(): Promise<void> {
    await this.#producer.connect();
  }

  async produce(topics: readonly TopicMessages[]): Promise<void> {
    try {
      await this.#producer.sendBatch({
        acks: -1,
        timeout: this.#config.requestMsMax,
        compression: this.#config.compression === 'gzip' ? 1 : 0,
        topicMessages: [...topics],
      });
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // What waits for an answer must hear that none comes, or disconnect waits with it.
    for (const socket of this.#sockets) socket.destroy(new Error('the link was given up'));
    this.#producer.disconnect().catch(() => {});
  }

  #clientConfig(readSecret: ReadSecret): KafkaConfig {
    const { servers, clientId, requestMsMax, connectMsMax, tls, login } = this.#config;
    return {
      clientId,
      brokers: servers.map((server, at) => this.#seed(server, at)),
      connectionTimeout: connectMsMax,
      authenticationTimeout: connectMsMax,
      requestTimeout: requestMsMax,
      retry: {
        retries: Math.max(CONNECT_TRIES_MIN, servers.length),
        initialRetryTime: FIRST_WAIT_MS,
        maxRetryTime: LAST_WAIT_MS,
      },
      // What went wrong comes as an error as well, and is told once, by the hook.
      logCreator: () => () => {},
      socketFactory: ({ host, port, ssl, onConnect }) => {
        const place = { host: this.#hosts.get(host) ?? host, port };
        return this.#adopt(() => dial(place, ssl, onConnect));
      },
      ...(tls !== undefined && { ssl: readTlsFiles(tls, readSecret) }),
      ...(login !== undefined && {
        sasl: {
          mechanism: login.mechanism.toLowerCase(),
          username: login.username,
          password: mustRead(login.password, readSecret, 'sasl.password'),
        } as SASLOptions,
      }),
    };
  }

  /** The library cuts `host:port` at the first colon: an IPv6 address goes by another name. */
  #seed(server: string, at: number): string {
    const match = /^\[(.+)\]:(\d+)$/.exec(server);
    if (match === null) return server;
    const alias = `seed-${at}.invalid`;
    this.#hosts.set(alias, match[1] ?? '');
    return `${alias}:${match[2]}`;
  }

  #adopt(open: () => Socket): Socket {
    if (this.#isEnded) throw new Error('the link was given up');
    const socket = open();
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#isBroken = true;
    });
    return socket;
  }

  /**
   * By the key, as all clients of Kafka do it, or by the event id where there is no key: the same
   * record always goes the same way while the topic has as many partitions.
   */
  #partitioner(byKey: ReturnType<typeof Partitioners.DefaultPartitioner>): typeof byKey {
    return (args) => {
      const { topic, partitionMetadata, message } = args;
      const known = this.#partitions.get(topic);
      if (known === undefined) this.#partitions.set(topic, partitionMetadata.length);
      else if (known !== partitionMetadata.length) {
        throw new Error(`topic '${topic}' has more partitions than before`);
      }
      if (message.key !== null && message.key !== undefined) return byKey(args);
      const key = String(message.headers?.['event_id']);
      return byKey({ topic, partitionMetadata, message: { ...message, key } });
    };
  }
}

function dial(
  { host, port }: { readonly host: string; readonly port: number },
  ssl: object | undefined,
  onConnect: () => void,
): Socket {
  const socket =
    ssl === undefined || ssl === null
      ? connect({ host, port }, onConnect)
      : connectTls(
          { host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl },
          onConnect,
        );
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  guardFrames(socket);
  return socket;
}

/** A producer yet to be opened, so that it can be ended while it is. */
export interface ClosedKafkaLink extends KafkaLink {
  open(): Promise<void>;
}

/** How a producer is made, once the library is loaded. */
export type MakeKafkaLink = (config: KafkaHookConfig, readSecret: ReadSecret) => ClosedKafkaLink;

/** Loads the library, which only those need who have such a hook. */
export async function loadKafka(): Promise<MakeKafkaLink> {
  const { default: library } = await import('kafkajs');
  return (config, readSecret) => new KafkaJsLink(library, config, readSecret);
}
