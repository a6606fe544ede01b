/**
 * The question: what does `waybill top`, refreshed every second, cost a daemon with a million
 * queues, and what does it cost itself? The daemon of bench/metrics.ts in a process of its own, the
 * real command on a full screen in tmux, processor time of both from /proc, so that a busy machine
 * does not count; refreshes are counted on the screen. One line in history.jsonl.
 * The daemon's list of queues by age is played; how seldom it is asked bounds what it costs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandLine } from '../test/examples/cli-run.ts';
import { Terminal } from '../test/examples/tmux.ts';
import { describeMachine, readTree } from './machine.ts';
import type { DaemonPlaces } from './metrics-daemon.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '1000000' },
    /** Seconds of a phase. */
    phase: { type: 'string', default: '60' },
    'no-history': { type: 'boolean', default: false },
  },
});
const PHASE_MS = Number(values.phase) * 1_000;
/** The daemon is at rest below this share of a core; it is waited for no longer than this. */
const QUIET_SHARE = 0.05;
const SETTLE_MS_MAX = 120_000;
/** Looks at the screen's clock in a second. */
const LOOKS_PER_S = 4;

interface Phase {
  readonly shown: string;
  /** Processor time, percent of one core. */
  readonly daemonPercent: number;
  readonly topPercent: number;
  readonly refreshesPerSecond: number;
}

const CLOCK = /\d\d:\d\d:\d\dZ/;

async function watchPhase(shown: string, daemon: number, terminal?: Terminal): Promise<Phase> {
  const top = terminal?.foreground();
  const startedAt = performance.now();
  const before = [readTree(daemon).cpuSeconds, top === undefined ? 0 : readTree(top).cpuSeconds];
  const clocks = new Set<string>();
  while (performance.now() - startedAt < PHASE_MS) {
    const clock = CLOCK.exec(terminal?.screen() ?? '')?.[0];
    if (clock !== undefined) clocks.add(clock);
    await wait(1_000 / LOOKS_PER_S);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const percent = (pid: number | undefined, from = 0): number =>
    pid === undefined
      ? 0
      : Number(((100 * (readTree(pid).cpuSeconds - from)) / seconds).toPrecision(3));
  return {
    shown,
    daemonPercent: percent(daemon, before[0]),
    topPercent: percent(top, before[1]),
    refreshesPerSecond: Number((clocks.size / seconds).toPrecision(3)),
  };
}

/** What is left of a start (garbage of a million queues) is not what looking costs. */
async function settle(pid: number): Promise<void> {
  const endsAt = performance.now() + SETTLE_MS_MAX;
  let before = readTree(pid).cpuSeconds;
  while (performance.now() < endsAt) {
    await wait(5_000);
    const now = readTree(pid).cpuSeconds;
    if (now - before < 5 * QUIET_SHARE) return;
    before = now;
  }
}

const program = fileURLToPath(new URL('./metrics-daemon.ts', import.meta.url));
const child = spawn(process.execPath, ['--import', 'tsx', program, values.queues, '9'], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
const [places] = (await once(child, 'message')) as [DaemonPlaces];
const daemon = child.pid as number;
console.log(`${values.queues} queues, RSS ${places.rssMb} MB`);
const terminal = new Terminal(160, 50);
const phases: Phase[] = [];
try {
  await settle(daemon);
  phases.push(await watchPhase('nothing', daemon));
  terminal.line(commandLine('top', '--endpoint', `http://127.0.0.1:${places.http}`));
  for (const tab of ['Overview', 'Providers', 'Queues']) {
    if (tab !== 'Overview') terminal.keys('Tab');
    await terminal.until(/^waybill top/);
    // Every list is asked for once at once: that is not what a second costs.
    await wait(5_000);
    phases.push(await watchPhase(tab, daemon, terminal));
    console.log(JSON.stringify(phases.at(-1)));
  }
} finally {
  terminal.close();
  child.kill();
}
console.table(phases);
if (!values['no-history']) {
  const entry = { at: new Date().toISOString(), ...describeMachine(ROOT), load: loadavg()[0] };
  const line = JSON.stringify({ ...entry, queues: Number(values.queues), top: phases });
  appendFileSync(`${ROOT}bench/history.jsonl`, `${line}\n`);
}
