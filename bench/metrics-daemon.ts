/**
 * The daemon of bench/metrics.ts: books of very many queues, one waiting message in each, with the
 * real engine, log, bodies, SMTP and HTTP listeners around them. Told `begin` and `end` it watches
 * its main thread and memory in between; told `weigh`, it says what lives. Knows no load.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startHttpListener } from '../src/api/http.ts';
import { createMetrics } from '../src/api/metrics.ts';
import { Books } from '../src/domain/books.ts';
import { formatMessageId } from '../src/domain/message-id.ts';
import { parsePoolConfig, UNSPECIFIED } from '../src/domain/options-egress.ts';
import { parseHttpListenerConfig } from '../src/domain/options-http.ts';
import { parseListenerConfig } from '../src/domain/options-listener.ts';
import { parseQueueConfig } from '../src/domain/options-queue.ts';
import { createQuotas } from '../src/domain/quotas.ts';
import type { Engine } from '../src/engine.ts';
import { createEngine } from '../src/engine.ts';
import type { Event } from '../src/events/catalogue.ts';
import { fold } from '../src/events/codec.ts';
import { openSqliteLog } from '../src/events/sqlite-log.ts';
import { startSmtpListener } from '../src/intake/smtp.ts';
import { WorkerMeters } from '../src/manager/worker-meters.ts';
import { answerKey, answerText } from '../src/policy/answer-text.ts';
import { createPolicyAsker } from '../src/policy/ask.ts';
import { definePolicy } from '../src/policy/define.ts';
import { openBodies } from '../src/ports/node/bodies.ts';
import { createClock } from '../src/ports/node/clock.ts';
import { createPolicyFetch } from '../src/ports/node/mta-sts-fetch.ts';
import { createNetwork } from '../src/ports/node/network.ts';
import { watchProcess } from '../src/ports/node/process-figures.ts';
import { createNodeRandom } from '../src/ports/node/random.ts';
import { createResolver } from '../src/ports/node/resolver.ts';
import { httpParts } from '../test/examples/http-parts.ts';
import type { Holds } from './holds.ts';
import { watchHolds } from './holds.ts';

/** Where the daemon listens, and what it weighs at rest. */
export interface DaemonPlaces {
  readonly smtp: number;
  readonly http: number;
  readonly rssMb: number;
}

/** What was seen between `begin` and `end`. */
export interface DaemonFigures extends Holds {
  readonly blockMsMax: number;
  readonly blockMsP99: number;
  /** The longest time in which a scrape kept the thread, ms. */
  readonly sliceMsMax: number;
  /** Peak of the resident set, MiB: what lives and what was not yet collected. */
  readonly rssMb: number;
  readonly cpuPercent: number;
}

const NODE = 'b0a7b0a7';
const HOUR_MS = 3_600_000;
const [QUEUES, SINK_PORT, PICTURE_MS] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
];
const QUEUE = { protocol: { smtp: { mx_list: [`127.0.0.1:${SINK_PORT}`] } } };

function makeBooks(at: number): Books {
  const books = new Books();
  const apply = (event: Event): void =>
    fold(books, event, { stream: event.stream, position: 0, at });
  const remember = (text: string): string => {
    const key = answerKey(text);
    apply({ type: 'policy.answered', stream: 'policy', body: { key, answer: text } });
    return key;
  };
  const answer = remember(answerText(parseQueueConfig(QUEUE, 'bench')));
  const entries = [{ name: UNSPECIFIED, weight: 1 }];
  const pool = remember(answerText(parsePoolConfig({ name: UNSPECIFIED, entries }, 'bench')));
  const mail = { from: 'a@sender.example', peer: '127.0.0.1', helo: 'bench', service: 'esmtp' };
  for (let number = 0; number < QUEUES; number += 1) {
    const queue = `campaign-${number % 50}:tenant-${number % 1000}@domain-${number}.example`;
    apply({ type: 'queue.opened', stream: queue, body: { answer, pool } });
    const due = at + HOUR_MS + number;
    const body = { queue, to: ['r@x.example'], body: [0, 0, 1, 0] as const, ...mail, due };
    apply({ type: 'message.accepted', stream: formatMessageId(at, NODE, number), body });
  }
  return books;
}

async function startEngine(dir: string) {
  let engine: Engine | undefined;
  const listener = {
    durable: (turn: number, ms: number) => engine?.durable(turn, ms),
    failed: (fault: { cause: string }) => {
      throw new Error(fault.cause);
    },
    room: () => {},
  };
  const { log } = await openSqliteLog({ dir, listener });
  const bodies = await openBodies({ dir: join(dir, 'bodies'), listener });
  const clock = createClock();
  const resolver = createResolver({ clock });
  const policy = definePolicy({
    get_queue_config: () => QUEUE,
    get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
  });
  engine = createEngine({
    ports: {
      ...{ clock, resolver, log, bodies, random: createNodeRandom() },
      network: createNetwork({
        findAddresses: (host, answered) => resolver.findAddresses(host, 'Ipv4AndIpv6', answered),
      }),
      policyFetch: createPolicyFetch({ resolver }),
      quotas: createQuotas({ now: () => clock.now() }),
    },
    asker: createPolicyAsker(policy, ({ sentence }) => console.error(sentence)),
    books: makeBooks(clock.now()),
    last: { turn: 0, position: 0 },
    beginning: {
      ...{ version: 'bench', node: NODE, seed: 1, damage: [], foundlings: [] },
      policy: { hash: 'bench', file: 'bench' },
    },
    ehloName: 'bench.example',
    log: (level, text) => {
      if (level !== 'info') console.error(text);
    },
    // Its books are not those of its log: pictures of them are taken only to see what that costs.
    limits: { snapshotRecordsMax: 1e12, snapshotMsMax: PICTURE_MS },
    fatal: (fault) => {
      throw new Error(fault.cause);
    },
  });
  const running = engine;
  await new Promise<void>((resolve) => running.start(resolve));
  return { engine: running, bodies, clock };
}

/** What is left of making the books must not be collected while something is measured. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** The clock of the scrapes, which sees how long one of them keeps the thread. */
class SliceClock {
  sliceMsMax = 0;
  #startedAt: number | undefined;

  steadyMs(): number {
    const now = performance.now();
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      setImmediate(() => {
        this.#startedAt = undefined;
      });
    }
    this.sliceMsMax = Math.max(this.sliceMsMax, now - this.#startedAt);
    return now;
  }

  soon(run: () => void): void {
    setImmediate(run);
  }
}

/** What lives, in V8's heap and outside of it, MiB. */
function weighSelf(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

function watchSelf(slices: SliceClock): () => DaemonFigures {
  collectGarbage();
  slices.sliceMsMax = 0;
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  let rssMax = process.memoryUsage.rss();
  const look = setInterval(() => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
  }, 20);
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const endHolds = watchHolds();
  return () => {
    clearInterval(look);
    loop.disable();
    const { user, system } = process.cpuUsage(before);
    const tookMs = performance.now() - startedAt;
    return {
      ...endHolds(),
      blockMsMax: loop.max / 1e6 - 1,
      blockMsP99: loop.percentile(99) / 1e6 - 1,
      sliceMsMax: slices.sliceMsMax,
      rssMb: rssMax / 2 ** 20,
      cpuPercent: (user + system) / 10 / tookMs,
    };
  };
}

const dir = mkdtempSync(join(tmpdir(), 'waybill-metrics-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
const { engine, bodies, clock } = await startEngine(dir);
const meters = new WorkerMeters();
const { figures } = engine;
const watch = watchProcess([dir]);
Object.assign(meters, { figures, delays: figures.delays, process: watch.read });
meters.tls = () => figures.tls();
const slices = new SliceClock();
const smtp = await startSmtpListener(
  parseListenerConfig({ listen: '127.0.0.1:0', relay_hosts: ['127.0.0.1'] }, 'bench'),
  engine,
  bodies,
  clock,
  () => {},
);
meters.listeners = [smtp];
const http = await startHttpListener(
  parseHttpListenerConfig({ listen: '127.0.0.1:0' }, 'bench'),
  httpParts({
    metrics: createMetrics(meters, () => engine.sources.meters(), { clock: slices }),
    sources: engine.sources,
  }),
);
collectGarbage();
let end: (() => DaemonFigures) | undefined;
process.on('message', (word) => {
  if (word === 'weigh') return void process.send?.(weighSelf());
  if (word === 'begin') end = watchSelf(slices);
  process.send?.(word === 'begin' ? 'begun' : end?.());
});
const rssMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
process.send?.({ smtp: smtp.port, http: http.port, rssMb } satisfies DaemonPlaces);
