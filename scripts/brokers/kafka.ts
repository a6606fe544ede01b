/**
 * A real Kafka broker of one's own: a single KRaft node on free ports of loopback, in a folder that
 * is thrown away; it can be stopped, killed, hung and started again with what it kept.
 * The one idea: it listens in four ways at once (plain, plain under a port that somebody else
 * stands in front of, TLS with client certificates, TLS with SASL), so one broker serves all tests.
 * Deliberately unknown here: topics, records, who talks to it.
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../test/faults/free-port.ts';
import type { KafkaLine } from './kafka-jars.ts';
import { fetchKafka, KAFKA_RELEASES, lackOfKafka } from './kafka-jars.ts';
import { listens, ProcessGroup } from './process.ts';

const START_MS_MAX = 120_000;
const JAVA_OPTIONS = [
  '-Xms128m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/** What the broker shows and demands on its TLS ports: PEM texts. */
export interface KafkaTls {
  readonly certificate: string;
  readonly key: string;
  /** Who signs clients. */
  readonly authority: string;
}

/** Who may log in on the SASL port, by PLAIN and by SCRAM. */
export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

/** How a broker is run. */
export interface KafkaWish {
  readonly line: KafkaLine;
  readonly tls?: KafkaTls;
  readonly user?: KafkaUser;
  /** More of its settings: `message.max.bytes`. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

interface Ports {
  readonly plain: number;
  /** Where the listener that is advertised elsewhere really is, and where it is said to be. */
  readonly behind: number;
  readonly front: number;
  readonly tls: number;
  readonly sasl: number;
  readonly control: number;
}

/** One Kafka broker. */
export class KafkaBroker {
  readonly ports: Ports;
  readonly line: KafkaLine;
  readonly #dir: string;
  readonly #jars: string;
  #processes: ProcessGroup | undefined;

  private constructor(wish: KafkaWish, ports: Ports) {
    this.ports = ports;
    this.line = wish.line;
    this.#jars = fetchKafka(wish.line);
    this.#dir = mkdtempSync(join(tmpdir(), `waybill-kafka-${wish.line}-`));
    writeFileSync(this.#configFile, configText(wish, ports, this.#dir));
    this.#format(wish.user);
  }

  /** Starts one; rejects with its last words when it is not ready in time. */
  static async start(wish: KafkaWish): Promise<KafkaBroker> {
    const lack = lackOfKafka(wish.line);
    if (lack !== undefined) throw new Error(lack);
    const broker = new KafkaBroker(wish, await choosePorts());
    await broker.start();
    return broker;
  }

  /** Its address without TLS. */
  get address(): string {
    return `127.0.0.1:${this.ports.plain}`;
  }

  /** Starts it again, with what it kept. */
  async start(): Promise<void> {
    const args = [...JAVA_OPTIONS, '-cp', `${this.#jars}/*`, 'kafka.Kafka', this.#configFile];
    const logFile = join(this.#dir, 'broker.log');
    this.#processes = new ProcessGroup({ program: 'java', args, logFile });
    const isReady = () => listens(this.ports.plain);
    await this.#processes.waitFor(isReady, START_MS_MAX, `Kafka ${this.line}`);
  }

  /** Asks it to end, as an operator does. */
  async stop(): Promise<void> {
    await this.#processes?.stop();
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#processes?.kill();
  }

  /** Holds it as a hung machine would: connections stand, nothing is answered. */
  hang(): void {
    this.#processes?.signal('SIGSTOP');
  }

  /** Lets it go on. */
  goOn(): void {
    this.#processes?.signal('SIGCONT');
  }

  /** Ends it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  get #configFile(): string {
    return join(this.#dir, 'server.properties');
  }

  /** A KRaft node begins with a formatted folder; SCRAM users are put into it at that moment. */
  #format(user: KafkaUser | undefined): void {
    const id = randomBytes(16).toString('base64url');
    const tool = ['-cp', `${this.#jars}/*`, 'kafka.tools.StorageTool', 'format'];
    const where = ['-t', id, '-c', this.#configFile];
    const users =
      user === undefined
        ? []
        : ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => {
            const entry = `${mechanism}=[name=${user.name},password=${user.password}]`;
            return ['--add-scram', entry];
          });
    const all = [...JAVA_OPTIONS, ...tool, ...where, ...users];
    const { status, stderr } = spawnSync('java', all, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`Kafka ${this.line} cannot be formatted: ${stderr}`);
  }
}

/** What Kafka of each line is called in the name of a test. */
export const nameOfKafka = (line: KafkaLine): string => `Kafka ${KAFKA_RELEASES[line].version}`;

async function choosePorts(): Promise<Ports> {
  const found = new Set<number>();
  while (found.size < 6) found.add(await findFreePort());
  const [plain = 0, behind = 0, front = 0, tls = 0, sasl = 0, control = 0] = found;
  return { plain, behind, front, tls, sasl, control };
}

function configText({ tls, user, settings }: KafkaWish, ports: Ports, dir: string): string {
  const isSecured = tls !== undefined;
  const mechanisms = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512';
  const listeners = [
    `PLAIN://127.0.0.1:${ports.plain}`,
    `BEHIND://127.0.0.1:${ports.behind}`,
    ...(isSecured ? [`TLS://127.0.0.1:${ports.tls}`, `SASL://127.0.0.1:${ports.sasl}`] : []),
  ];
  const advertised = listeners.map((listener) =>
    listener.startsWith('BEHIND') ? `BEHIND://127.0.0.1:${ports.front}` : listener,
  );
  const protocols = 'CONTROL:PLAINTEXT,PLAIN:PLAINTEXT,BEHIND:PLAINTEXT,TLS:SSL,SASL:SASL_SSL';
  const lines: Readonly<Record<string, string | number>> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.control}`,
    listeners: [...listeners, `CONTROL://127.0.0.1:${ports.control}`].join(','),
    'advertised.listeners': advertised.join(','),
    'controller.listener.names': 'CONTROL',
    'inter.broker.listener.name': 'PLAIN',
    'listener.security.protocol.map': protocols,
    'log.dirs': makeFolder(dir, 'data'),
    'num.partitions': 3,
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': 'false',
    ...(isSecured && tlsSettings(tls, dir)),
    ...(isSecured &&
      user !== undefined && {
        'sasl.enabled.mechanisms': mechanisms,
        'listener.name.sasl.plain.sasl.jaas.config': jaas('plain.PlainLoginModule', user),
        'listener.name.sasl.scram-sha-256.sasl.jaas.config': jaas('scram.ScramLoginModule'),
        'listener.name.sasl.scram-sha-512.sasl.jaas.config': jaas('scram.ScramLoginModule'),
      }),
    ...settings,
  };
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function tlsSettings({ certificate, key, authority }: KafkaTls, dir: string) {
  const keys = join(dir, 'keys.pem');
  const authorities = join(dir, 'authorities.pem');
  // Of keys Kafka reads this one form only (RFC 5958).
  const form = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(keys, `${form}${certificate}`);
  writeFileSync(authorities, authority);
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keys,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authorities,
    'listener.name.tls.ssl.client.auth': 'required',
  };
}

function jaas(module: string, user?: KafkaUser): string {
  const who = user === undefined ? '' : ` user_${user.name}="${user.password}"`;
  return `org.apache.kafka.common.security.${module} required${who};`;
}

function makeFolder(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  return path;
}
