/**
 * The process and its machine in numbers, for metrics: memory now, and processor, event loop and
 * disks over the last few seconds. A look every five seconds, so that whoever asks waits for
 * nothing and several askers see the same. Knows no mail.
 */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** Between two looks, ms. */
const LOOK_MS = 5_000;
const LOOP_RESOLUTION_MS = 10;
const QUANTILES = [0.5, 0.99, 1] as const;

/** Free space of a file system. */
export interface DiskFigures {
  /** The folder that was asked for. */
  readonly name: string;
  readonly freeBytes: number;
  readonly freePercent: number;
  readonly freeInodes: number;
  readonly freeInodesPercent: number;
}

/** The process and its machine. */
export interface ProcessFigures {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
  readonly externalBytes: number;
  readonly cores: number;
  /** Of one core; of all threads together, so it may be above 100. */
  readonly cpuPercent: number;
  /** Of all cores. */
  readonly systemCpuPercent: number;
  /** How late the event loop was, in the last whole span. */
  readonly loopDelays: readonly { readonly quantile: number; readonly seconds: number }[];
  readonly disks: readonly DiskFigures[];
}

/** Looks at the process until it is told to stop. */
export interface ProcessWatch {
  read(): ProcessFigures;
  stop(): void;
}

/** Begins to look, also at the file systems of `folders`. */
export function watchProcess(folders: readonly string[]): ProcessWatch {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const span = { cpuPercent: 0, systemCpuPercent: 0 };
  let loopDelays: ProcessFigures['loopDelays'] = [];
  let disks: readonly DiskFigures[] = [];
  let before = { own: process.cpuUsage(), at: performance.now(), system: readSystem() };
  const look = (): void => {
    const now = { own: process.cpuUsage(), at: performance.now(), system: readSystem() };
    const ownUs = now.own.user + now.own.system - before.own.user - before.own.system;
    span.cpuPercent = percent(ownUs / 1000, now.at - before.at);
    const all = now.system.all - before.system.all;
    span.systemCpuPercent = percent(all - (now.system.idle - before.system.idle), all);
    before = now;
    loopDelays = QUANTILES.map((quantile) => ({
      quantile,
      seconds: lateness(quantile === 1 ? loop.max : loop.percentile(quantile * 100)),
    }));
    loop.reset();
    void readDisks(folders).then((found) => {
      disks = found;
    });
  };
  void readDisks(folders).then((found) => {
    disks = found;
  });
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    read: () => ({ ...readMemory(), cores: availableParallelism(), ...span, loopDelays, disks }),
    stop: () => {
      clearInterval(timer);
      loop.disable();
    },
  };
}

/** Node counts the whole span between two looks, ns; what is over the usual one is lateness, s. */
const lateness = (spanNs: number): number =>
  Math.max(0, (spanNs || 0) / 1e6 - LOOP_RESOLUTION_MS) / 1000;

const percent = (part: number, whole: number): number => (whole <= 0 ? 0 : (100 * part) / whole);

function readMemory() {
  const { heap_size_limit, used_heap_size, external_memory } = getHeapStatistics();
  return {
    rssBytes: process.memoryUsage.rss(),
    heapUsedBytes: used_heap_size,
    heapLimitBytes: heap_size_limit,
    externalBytes: external_memory,
  };
}

function readSystem(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, all };
}

/** A file system that cannot be asked is left out. */
async function readDisks(folders: readonly string[]): Promise<DiskFigures[]> {
  const found = await Promise.all(
    folders.map(async (name) => {
      const stats = await statfs(name).catch(() => undefined);
      return stats === undefined ? [] : [toFigures(name, stats)];
    }),
  );
  return found.flat();
}

function toFigures(name: string, { bavail, blocks, bsize, ffree, files }: StatsFs): DiskFigures {
  return {
    name,
    freeBytes: bavail * bsize,
    freePercent: percent(bavail, blocks),
    freeInodes: ffree,
    freeInodesPercent: percent(ffree, files),
  };
}
