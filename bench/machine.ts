/**
 * What the bench reads of the machine: CPU and memory of a process and all it started, the time of
 * one small flush, and the facts that tell one history line from another.
 * The one idea: a dead child's CPU is counted by the parent that waited for it, so summing own and
 * reaped time over the living tree counts everything once. Knows Linux's /proc and no mail.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
const FLUSHES = 41;

interface ProcessStat {
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

function readStat(pid: string): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const words = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(words[at]), 0);
    return {
      parent: Number(words[1]),
      cpuSeconds: ticks / TICKS_PER_SECOND,
      rssBytes: Number(words[21]) * PAGE_BYTES,
    };
  } catch {
    // It ended between the listing and the reading.
    return undefined;
  }
}

/** CPU seconds used and memory held by the process `root` and everything below it. */
export function readTree(root: number): { cpuSeconds: number; rssBytes: number } {
  const stats = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  const total = { cpuSeconds: 0, rssBytes: 0 };
  for (const [pid, stat] of stats) {
    if (!isBelow(pid, root, stats)) continue;
    total.cpuSeconds += stat.cpuSeconds;
    total.rssBytes += stat.rssBytes;
  }
  return total;
}

function isBelow(pid: number, root: number, stats: ReadonlyMap<number, ProcessStat>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = stats.get(at)?.parent) {
    if (at === root) return true;
  }
  return false;
}

/** Median of one 4 KB append with its flush, in microseconds: the mood of the disk. */
export function measureFlushUs(folder: string): number {
  const path = join(folder, 'flush-probe');
  const file = openSync(path, 'w');
  const bytes = Buffer.alloc(PAGE_BYTES, 1);
  const spans = Array.from({ length: FLUSHES }, () => {
    const start = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    return (performance.now() - start) * 1000;
  });
  closeSync(file);
  unlinkSync(path);
  return Math.round(medianOf(spans));
}

/** The middle value; NaN of nothing. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which `share` of all lie; NaN of nothing. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Facts of this machine and checkout, without its name. */
export function describeMachine(root: string): { commit: string; cores: number; node: string } {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  const head = git('rev-parse', '--short', 'HEAD') || 'unknown';
  const mark = git('status', '--porcelain') === '' ? '' : '+';
  return { commit: `${head}${mark}`, cores: availableParallelism(), node: process.version };
}
