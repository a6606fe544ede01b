/**
 * `npm run bench`: relays mail through Waybill and, in the same run, through a private Postfix, and
 * prints a table of medians; every call adds a line to history.jsonl.
 * The one idea: disks and neighbours change from hour to hour, so a figure only counts beside the
 * rival's figure from the same minutes; runs of the peers therefore take turns.
 * Deliberately unknown here: how a run is measured.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, measureFlushUs, medianOf } from './machine.ts';
import type { RunResult, Workload } from './relay-load.ts';
import { runLoad, Sink } from './relay-load.ts';
import type { PeerName } from './relay-peers.ts';
import { startPeer, whyNot } from './relay-peers.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HISTORY = join(ROOT, 'bench/history.jsonl');
const LONG_MESSAGES = 40_000;

const WORKLOADS: readonly Workload[] = [
  { name: 'W1', messages: 10_000, bytes: 10_240, sessions: 50, isReused: true },
  { name: 'W2', messages: 2_000, bytes: 102_400, sessions: 50, isReused: true },
  { name: 'W3', messages: 10_000, bytes: 10_240, sessions: 50, isReused: false },
];

const HELP = `npm run bench -- [options]
  --workloads W1,W2,W3   which to run; W1: 10 KB kept connections, W2: 100 KB, W3: reconnecting
  --runs 3               runs of each peer, taking turns; medians are printed
  --messages N           instead of each workload's own number
  --long                 the steady run: ${LONG_MESSAGES} messages a run
  --peers waybill,postfix
  --folder DIR           where spools lie; the disk under it is what is measured
  --no-history           do not add a line to bench/history.jsonl
`;

interface Options {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
  readonly runs: number;
  readonly folder: string;
  readonly isRecorded: boolean;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      workloads: { type: 'string', default: 'W1,W2,W3' },
      peers: { type: 'string', default: 'waybill,postfix' },
      runs: { type: 'string', default: '3' },
      messages: { type: 'string' },
      long: { type: 'boolean', default: false },
      folder: { type: 'string', default: tmpdir() },
      'no-history': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const wanted = values.workloads.split(',');
  const messages = values.long ? LONG_MESSAGES : Number(values.messages ?? 0);
  return {
    workloads: WORKLOADS.filter(({ name }) => wanted.includes(name)).map((workload) =>
      messages === 0 ? workload : { ...workload, messages },
    ),
    peers: values.peers
      .split(',')
      .filter((name) => name === 'waybill' || name === 'postfix')
      .filter(isPossible),
    runs: Number(values.runs),
    folder: values.folder,
    isRecorded: !values['no-history'],
  };
}

function isPossible(name: PeerName): boolean {
  const reason = whyNot(name);
  if (reason !== undefined) process.stdout.write(`without ${name}: ${reason}\n`);
  return reason === undefined;
}

/** One run from nothing: sink, relay, load. */
async function runOnce(name: PeerName, workload: Workload, parent: string): Promise<RunResult> {
  const folder = mkdtempSync(join(parent, 'waybill-bench-'));
  // Postfix and smtp-sink work as users of their own.
  chmodSync(folder, 0o755);
  const sink = await Sink.start(folder);
  try {
    const peer = await startPeer(name, join(folder, name), sink.port);
    try {
      return await runLoad(peer, sink, workload);
    } finally {
      await peer.stop();
    }
  } finally {
    sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly workload: string;
  readonly peer: PeerName;
  readonly messages: number;
  readonly runs: number;
  readonly perSecond: number;
  readonly perSecondMin: number;
  readonly perSecondMax: number;
  readonly ratio: number | undefined;
  readonly acceptedPerSecond: number;
  readonly cpuUsPerMessage: number;
  readonly acceptP50Ms: number;
  readonly acceptP99Ms: number;
  readonly rssMb: number;
  readonly incomplete: number;
}

function makeRow(
  workload: Workload,
  peer: PeerName,
  results: readonly RunResult[],
  rival: readonly RunResult[],
): Row {
  const middle = (pick: (result: RunResult) => number): number =>
    Number(medianOf(results.map(pick)).toPrecision(4));
  const rates = results.map(({ perSecond }) => perSecond);
  const beside = medianOf(rival.map(({ perSecond }) => perSecond));
  return {
    workload: workload.name,
    peer,
    messages: workload.messages,
    runs: results.length,
    perSecond: middle(({ perSecond }) => perSecond),
    perSecondMin: Number(Math.min(...rates).toPrecision(4)),
    perSecondMax: Number(Math.max(...rates).toPrecision(4)),
    ratio: Number.isNaN(beside) ? undefined : Number((medianOf(rates) / beside).toFixed(2)),
    acceptedPerSecond: middle(({ acceptedPerSecond }) => acceptedPerSecond),
    cpuUsPerMessage: middle(({ cpuUsPerMessage }) => cpuUsPerMessage),
    acceptP50Ms: middle(({ acceptP50Ms }) => acceptP50Ms),
    acceptP99Ms: middle(({ acceptP99Ms }) => acceptP99Ms),
    rssMb: middle(({ rssMb }) => rssMb),
    incomplete: results.filter(({ isComplete }) => !isComplete).length,
  };
}

const whole = (value: number): string => String(Math.round(value));

function printTable(rows: readonly Row[]): void {
  const lines = rows.map((row) => [
    row.workload,
    row.peer,
    `${row.messages} x ${row.runs}`,
    `${whole(row.perSecond)} (${whole(row.perSecondMin)}-${whole(row.perSecondMax)})`,
    row.ratio === undefined ? '-' : row.ratio.toFixed(2),
    whole(row.acceptedPerSecond),
    whole(row.cpuUsPerMessage),
    `${row.acceptP50Ms.toFixed(1)} / ${row.acceptP99Ms.toFixed(1)}`,
    whole(row.rssMb),
    row.incomplete === 0 ? '' : `${row.incomplete} incomplete`,
  ]);
  const head = [
    '',
    'relay',
    'messages',
    'msg/s',
    'ratio',
    'in/s',
    'CPU µs',
    'p50/p99 ms',
    'RSS MB',
    '',
  ];
  const widths = head.map((_, at) =>
    Math.max(...[head, ...lines].map((line) => line[at]?.length ?? 0)),
  );
  for (const line of [head, ...lines]) {
    const cells = line.map((cell, at) => cell.padEnd(widths[at] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

async function main(options: Options): Promise<number> {
  if (spawnSync('sh', ['-c', 'command -v smtp-source smtp-sink']).status !== 0) {
    process.stderr.write('bench: smtp-source and smtp-sink (of the postfix package) are needed\n');
    return 1;
  }
  const results = new Map<string, RunResult[]>();
  const flushUs = measureFlushUs(options.folder);
  for (let run = 0; run < options.runs; run += 1) {
    for (const workload of options.workloads) {
      for (const peer of options.peers) {
        const result = await runOnce(peer, workload, options.folder);
        const key = `${workload.name} ${peer}`;
        results.set(key, [...(results.get(key) ?? []), result]);
        const rate = Math.round(result.perSecond);
        const end = result.isComplete ? '' : ' (incomplete)';
        process.stdout.write(`run ${run + 1}: ${key} ${rate} messages/s${end}\n`);
      }
    }
  }
  const rows = options.workloads.flatMap((workload) =>
    options.peers.map((peer) =>
      makeRow(
        workload,
        peer,
        results.get(`${workload.name} ${peer}`) ?? [],
        peer === 'postfix' ? [] : (results.get(`${workload.name} postfix`) ?? []),
      ),
    ),
  );
  process.stdout.write(`\nmedians of ${options.runs}; one 4 KB flush takes ${flushUs} µs here\n`);
  printTable(rows);
  const line = { at: new Date().toISOString(), ...describeMachine(ROOT), flushUs, rows };
  if (options.isRecorded) appendFileSync(HISTORY, `${JSON.stringify(line)}\n`);
  return rows.some(({ incomplete }) => incomplete > 0) ? 1 : 0;
}

const options = readOptions();
if (options === undefined) process.stdout.write(HELP);
else process.exitCode = await main(options);
