/**
 * The question: how long does `waybill simulate` take for a day of 100,000 messages over 50 domains
 * and 20 sources, and how much memory? The engine is the one of production, everything else is in
 * memory; receivers behave well. Turns are counted by the engine, those without records, too. A
 * loop of arithmetic before and after tells how fast the machine is just now.
 */
import { parseArgs } from 'node:util';
import type { TestPolicy } from '../src/testing/load-policy.ts';
import { describeMachine } from './machine.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    hours: { type: 'string', default: '24' },
    domains: { type: 'string', default: '50' },
    sources: { type: 'string', default: '20' },
    /** The program as it is shipped: sources run through a loader that makes them slower. */
    from: { type: 'string', default: '../dist' },
  },
});
const MESSAGES = Number(values.messages);
const HOURS = Number(values.hours);
const LOOPS = 200_000_000;

const load = async (path: string) => {
  const suffix = values.from.endsWith('dist') ? '.js' : '.ts';
  return (await import(`${values.from}/${path}${suffix}`)) as Record<string, unknown>;
};
const { definePolicy } = await load('policy/define');
const { asTestPolicy } = await load('testing/load-policy');
const { simulateDay, surveyTraffic } = await load('testing/testing');
type Call<T> = (...args: unknown[]) => T;

/** Millions of additions a second that one core does now. */
function measurePace(): number {
  const began = process.cpuUsage();
  let sum = 0;
  for (let at = 0; at < LOOPS; at += 1) sum = (sum + at) | 0;
  const { user, system } = process.cpuUsage(began);
  return sum === 1 ? 0 : Math.round(LOOPS / (user + system));
}

const entries = Array.from({ length: Number(values.sources) }, (_, index) => ({
  name: `ip-${index + 1}`,
  weight: 1,
}));
const policy = (asTestPolicy as Call<TestPolicy>)(
  (definePolicy as Call<unknown>)({
    init: (setup: { smtpListener(options: object): void }) =>
      setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1'] }),
    get_queue_config: () => ({ egress_pool: 'main', retry_interval: '10m', max_age: '1 day' }),
    get_egress_pool: (name: string) => (name === 'main' ? { entries } : undefined),
    get_egress_source: (name: string) => ({ source_address: `192.0.2.${name.slice(3)}` }),
    get_egress_path_config: () => ({ connection_limit: 8 }),
  }),
);
const names = Array.from({ length: Number(values.domains) }, (_, index) => `d${index}.example`);
const domains = Object.fromEntries(names.map((name, index) => [name, index + 1]));
const line = JSON.stringify({ flow: 'f', for: `${HOURS}h`, messages: MESSAGES, domains });
const open = async function* (): AsyncGenerator<string, void> {
  yield await Promise.resolve(line);
};

const paces = [measurePace()];
const survey = await (surveyTraffic as Call<Promise<unknown>>)('flow', open);
let rssMb = 0;
const onProgress = async (): Promise<void> => {
  rssMb = await Promise.resolve(Math.max(rssMb, process.memoryUsage().rss / 1e6));
};
const beganMs = performance.now();
const beganCpu = process.cpuUsage();
const order = { policy, survey, open, seed: 1, forMs: HOURS * 3_600_000, onProgress };
const report = await (simulateDay as Call<Promise<Report>>)(order);
const seconds = (performance.now() - beganMs) / 1000;
const { user, system } = process.cpuUsage(beganCpu);
paces.push(measurePace());

interface Report {
  readonly total: {
    readonly received: number;
    readonly delivered: number;
    readonly queued: number;
  };
  readonly turns: number;
  readonly commits: number;
  readonly records: number;
  readonly steps: number;
}

const cpuSeconds = (user + system) / 1e6;
const round = (value: number): number => Number(value.toPrecision(4));
const { total, turns, commits, records, steps } = report;
const figures = {
  messages: MESSAGES,
  hours: HOURS,
  domains: names.length,
  sources: entries.length,
  delivered: total.delivered,
  queued: total.queued,
  seconds: round(seconds),
  cpuSeconds: round(cpuSeconds),
  cpuUsPerMessage: round((cpuSeconds * 1e6) / MESSAGES),
  turns,
  commits,
  turnsPerCpuSecond: round(turns / cpuSeconds),
  records,
  steps,
  rssMb: round(rssMb),
  millionAdditionsPerCpuSecond: paces,
};
const root = new URL('..', import.meta.url).pathname;
const { loadavg } = await import('node:os');
const [loadNow = 0] = loadavg();
const at = new Date().toISOString();
const machine = { at, ...describeMachine(root), load: round(loadNow) };
process.stdout.write(`${JSON.stringify({ ...machine, simulate: figures })}\n`);
