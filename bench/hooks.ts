/**
 * The question: what does mail pay for being told about? The relay of W1 without a hook, with three
 * (HTTP in batches, AMQP, Kafka, each shipping two records a message to real receivers), and with
 * one whose receiver never answers; runs take turns, medians count.
 * The one idea: the receivers share the machine with the relay, so the price is the whole price.
 * How far the hooks were behind when the load ended, and how long they took to catch up, is told.
 */
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaBroker } from '../scripts/brokers/kafka.ts';
import { RabbitBroker } from '../scripts/brokers/rabbit.ts';
import { findFreePort } from '../test/faults/free-port.ts';
import { describeMachine, measureFlushUs, medianOf } from './machine.ts';
import type { RunResult, Workload } from './relay-load.ts';
import { runLoad, Sink } from './relay-load.ts';
import { pause, startPeer } from './relay-peers.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '3' },
    cases: { type: 'string', default: 'none,three,hanging' },
    'no-history': { type: 'boolean', default: false },
  },
});
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKLOAD: Workload = {
  name: 'W1',
  messages: Number(values.messages),
  bytes: 10_240,
  sessions: 50,
  isReused: true,
};
const CATCH_UP_MS_MAX = 120_000;
/** Of queue and topic. */
const NAME = 'bench';

/** What the daemon says of a hook, by the names of its HTTP interface. */
interface HookRow {
  readonly name: string;
  readonly lag_records: number;
  readonly shipped: number;
  readonly dead_lettered: number;
}

interface CaseResult extends RunResult {
  /** Records of the log that the hooks had not seen when the last message was out. */
  readonly lagRecords: number;
  readonly catchUpSeconds: number;
  readonly shipped: readonly number[];
}

/** A receiver of web hooks: one that takes everything, or one that never answers. */
function startReceiver(answers: boolean): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    if (answers) request.on('end', () => response.writeHead(200).end());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`;

/** Records are taken and, beyond some, thrown away: nobody reads them. */
async function declareQueue(address: string): Promise<void> {
  const connection = await connect(`amqp://guest:guest@${address}`);
  const channel = await connection.createChannel();
  const options = { durable: true, arguments: { 'x-max-length': 1_000 } };
  await channel.assertQueue(NAME, options);
  await connection.close();
}

async function createTopic(address: string): Promise<void> {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: NAME }] });
  await admin.disconnect();
}

/** Everything hooks may send to. */
class Receivers {
  readonly web: Server;
  readonly silent: Server;
  readonly rabbit: RabbitBroker;
  readonly kafka: KafkaBroker;

  private constructor(web: Server, silent: Server, rabbit: RabbitBroker, kafka: KafkaBroker) {
    this.web = web;
    this.silent = silent;
    this.rabbit = rabbit;
    this.kafka = kafka;
  }

  static async start(): Promise<Receivers> {
    const rabbit = await RabbitBroker.start();
    const kafka = await KafkaBroker.start({ line: '4' });
    await declareQueue(rabbit.address);
    await createTopic(kafka.address);
    return new Receivers(await startReceiver(true), await startReceiver(false), rabbit, kafka);
  }

  /** Lines for the init of a policy. */
  setupFor(name: string): string {
    const types = `types: ['Reception', 'Delivery'], batch_size: 100, max_batch_latency: '1s'`;
    const web = (url: string) => `setup.logHook({ name: 'web', url: '${url}', ${types} });`;
    if (name === 'hanging') return web(urlOf(this.silent));
    if (name === 'none') return '';
    return [
      web(urlOf(this.web)),
      `setup.logHook({ name: 'rabbit', amqp: ${JSON.stringify(this.#amqp)}, ${types} });`,
      `setup.logHook({ name: 'kafka', kafka: ${JSON.stringify(this.#kafka)}, ${types} });`,
    ].join('\n    ');
  }

  get #amqp(): object {
    return { host: '127.0.0.1', port: this.rabbit.ports.plain, routing_key: NAME };
  }

  get #kafka(): object {
    return { 'bootstrap.servers': this.kafka.address, topic: NAME };
  }

  async stop(): Promise<void> {
    for (const server of [this.web, this.silent]) {
      server.closeAllConnections();
      server.close();
    }
    await this.rabbit.dispose();
    await this.kafka.dispose();
  }
}

async function readHooks(httpPort: number): Promise<readonly HookRow[]> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/admin/hooks/v1`);
  return (await response.json()) as readonly HookRow[];
}

/** Waits until every hook is at the end of the log. */
async function catchUp(httpPort: number): Promise<Omit<CaseResult, keyof RunResult>> {
  const began = performance.now();
  const behind = Math.max(...(await readHooks(httpPort)).map(({ lag_records }) => lag_records));
  let hooks: readonly HookRow[] = [];
  while (performance.now() - began < CATCH_UP_MS_MAX) {
    hooks = await readHooks(httpPort);
    if (hooks.every(({ lag_records }) => lag_records === 0)) break;
    await pause(50);
  }
  const dead = hooks.find(({ dead_lettered }) => dead_lettered > 0);
  if (dead !== undefined) throw new Error(`${dead.name} was refused ${dead.dead_lettered} records`);
  return {
    lagRecords: behind,
    catchUpSeconds: (performance.now() - began) / 1_000,
    shipped: hooks.map(({ shipped }) => shipped),
  };
}

async function runCase(name: string, receivers: Receivers): Promise<CaseResult> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  chmodSync(folder, 0o755);
  const sink = await Sink.start(folder);
  const httpPort = await findFreePort();
  const http = `setup.httpListener({ listen: '127.0.0.1:${httpPort}' });`;
  const setup = `${http}\n    ${receivers.setupFor(name)}`;
  try {
    const peer = await startPeer('waybill', join(folder, 'waybill'), sink.port, setup);
    try {
      const result = await runLoad(peer, sink, WORKLOAD);
      if (name !== 'three') return { ...result, lagRecords: 0, catchUpSeconds: 0, shipped: [] };
      return { ...result, ...(await catchUp(httpPort)) };
    } finally {
      await peer.stop();
    }
  } finally {
    sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function describe(name: string, results: readonly CaseResult[], base: number) {
  const middle = (pick: (result: CaseResult) => number): number =>
    Number(medianOf(results.map(pick)).toPrecision(4));
  const perSecond = middle((result) => result.perSecond);
  return {
    hooks: name,
    perSecond,
    ofNone: Number((perSecond / base).toFixed(3)),
    cpuUsPerMessage: middle(({ cpuUsPerMessage }) => cpuUsPerMessage),
    acceptP99Ms: middle(({ acceptP99Ms }) => acceptP99Ms),
    rssMb: middle(({ rssMb }) => rssMb),
    lagRecords: middle(({ lagRecords }) => lagRecords),
    catchUpSeconds: middle(({ catchUpSeconds }) => catchUpSeconds),
    shipped: results.at(-1)?.shipped ?? [],
    incomplete: results.filter(({ isComplete }) => !isComplete).length,
  };
}

const results = new Map<string, CaseResult[]>();
const receivers = await Receivers.start();
try {
  for (let run = 0; run < Number(values.runs); run += 1) {
    for (const name of values.cases.split(',')) {
      const result = await runCase(name, receivers);
      results.set(name, [...(results.get(name) ?? []), result]);
      process.stdout.write(`run ${run + 1}: ${name} ${Math.round(result.perSecond)} messages/s\n`);
    }
  }
} finally {
  await receivers.stop();
}
const base = medianOf((results.get('none') ?? []).map(({ perSecond }) => perSecond));
const rows = [...results].map(([name, runs]) => describe(name, runs, base));
console.table(rows);
if (!values['no-history']) {
  const flushUs = Math.round(measureFlushUs(tmpdir()));
  const entry = { at: new Date().toISOString(), ...describeMachine(ROOT), flushUs, hooks: rows };
  appendFileSync(join(ROOT, 'bench/history.jsonl'), `${JSON.stringify(entry)}\n`);
}
