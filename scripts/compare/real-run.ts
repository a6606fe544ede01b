/**
 * A real run to be compared: waybilld as an operator runs it, four receivers of `waybill sink` with
 * different habits, and load from `waybill traffic`; what is left of it is a log and a policy.
 * Deliberately unknown here: models and simulation.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningSink, SinkOptions } from '../../src/cli/sink-server.ts';
import { startSink } from '../../src/cli/sink-server.ts';
import { startTraffic } from '../../src/cli/traffic-run.ts';
import { LogPast } from '../../src/events/log-past.ts';
import type { FitEvent } from '../../src/testing/fit/attempts.ts';
import { Daemon } from '../../test/faults/daemon.ts';
import { until } from '../../test/faults/scratch.ts';

/** A receiver at an address of its own on the loopback, and its share of the mail. */
interface Receiver extends SinkOptions {
  readonly domain: string;
  readonly host: string;
  readonly weight: number;
}

const RECEIVERS: readonly Receiver[] = [
  { domain: 'takes.test', host: '127.0.0.2', weight: 3, delayMs: 120 },
  { domain: 'chooses.test', host: '127.0.0.3', weight: 3, delayMs: 120, refuse: 0.2 },
  { domain: 'refuses.test', host: '127.0.0.4', weight: 1, refuse: 1 },
  { domain: 'delays.test', host: '127.0.0.5', weight: 3, delayMs: 120, defer: 0.2 },
];

/** Connections to each, so few that the receivers set the pace. */
const CONNECTIONS = 1;
const SETTLE_MS_MAX = 120_000;

/** What is left of the run. */
export interface RealRun {
  readonly policy: string;
  readonly data: string;
  readonly events: readonly FitEvent[];
}

/** Sends `messages` and waits until each has its end; everything is in `folder`. */
export async function runReally(folder: string, messages: number, seed: number): Promise<RealRun> {
  const sinks: RunningSink[] = [];
  const policy = join(folder, 'policy.ts');
  const data = join(folder, 'data');
  let daemon: Daemon | undefined;
  try {
    for (const { domain: _, weight: __, host, ...habits } of RECEIVERS) {
      sinks.push(await startSink({ ...habits, seed, listen: { host, port: 0 } }));
    }
    writeFileSync(policy, policyOf(sinks));
    daemon = new Daemon(policy, data);
    const port = await daemon.demandPort();
    const traffic = startTraffic({
      ...{ to: { host: '127.0.0.1', port }, messages, seed, concurrency: 10 },
      domains: RECEIVERS.map(({ domain, weight }) => ({ value: domain, weight })),
    });
    await traffic.ended;
    const isOver = await until(() => countLiving(data) === 0, SETTLE_MS_MAX);
    if (!isOver) throw new Error(`${countLiving(data)} messages have no end\n${daemon.tail}`);
    await daemon.stop();
    return { policy, data, events: readEvents(data) };
  } finally {
    await daemon?.kill();
    await Promise.all(sinks.map((sink) => sink.stop()));
  }
}

function policyOf(sinks: readonly RunningSink[]): string {
  const places = RECEIVERS.map(({ domain, host }, index) => [
    domain,
    `${host}:${sinks[index]?.port}`,
  ]);
  return `import { definePolicy } from 'waybill/policy';

const places = ${JSON.stringify(Object.fromEntries(places))};

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0', relay_hosts: ['127.0.0.1'] });
  },
  get_queue_config: (domain) => ({
    protocol: { smtp: { mx_list: [places[domain] ?? '127.0.0.1:9'] } },
    retry_interval: '1s',
    max_retry_interval: '1s',
  }),
  get_egress_path_config: () => ({
    prohibited_hosts: [],
    enable_tls: 'Disabled',
    connection_limit: ${CONNECTIONS},
  }),
});
`;
}

const ENDINGS = ['message.delivered', 'message.bounced', 'message.expired'];

function countLiving(data: string): number {
  const log = new LogPast(data);
  let living = 0;
  for (const { type } of log.records(
    { types: ['message.accepted', ...ENDINGS] },
    log.first,
    log.last,
  )) {
    living += type === 'message.accepted' ? 1 : -1;
  }
  return living;
}

function readEvents(data: string): FitEvent[] {
  const log = new LogPast(data);
  return [...log.walk(log.first, log.last)].flat().map(({ at, type, stream, body }) => ({
    ...{ at, type, stream },
    body: JSON.parse(body) as Record<string, unknown>,
  }));
}
