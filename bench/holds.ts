/**
 * How long the main thread is held between two turns of its loop, in CPU time: on a busy machine a
 * gap by the wall clock says more about the neighbours. Linux only (schedstat, which the kernel
 * brings up to date at each tick, so a figure may be one tick, 1 to 4 ms, off). Of each longer gap
 * it is known how much of it was collecting garbage. Knows nothing of what is measured.
 */
import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

/** What was seen of the gaps. */
export interface Holds {
  /** The longest and the 99.9th percentile, ms of CPU. */
  readonly heldMsMax: number;
  readonly heldMsP999: number;
  /** Of the longest: spent collecting garbage, and waited for a processor, ms. */
  readonly heldGcMs: number;
  readonly heldWaitedMs: number;
  /** The longest gap in CPU time less its garbage collection, ms. */
  readonly heldOwnMsMax: number;
  /** The longest single stop for garbage, ms of the wall clock. */
  readonly gcMsMax: number;
  /** Share of the time in which the thread wanted a processor and had none. */
  readonly waitedPercent: number;
}

interface Gap {
  readonly from: number;
  readonly upto: number;
  readonly cpuMs: number;
  readonly waitedMs: number;
}

interface Stop {
  readonly from: number;
  readonly ms: number;
}

/** Span between two looks, ms: no gap is seen as shorter, which CPU time does not mind. */
const LOOK_MS = 1;
const scratch = Buffer.alloc(128);

/** Time on a processor and time waited for one so far, ms, of the thread that began the process. */
function makeReader(): () => readonly [cpuMs: number, waitedMs: number] {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  return () => {
    const length = readSync(file, scratch, 0, scratch.length, 0);
    const [cpu, waited] = scratch.toString('latin1', 0, length).split(' ').map(Number);
    return [(cpu as number) / 1e6, (waited as number) / 1e6];
  };
}

const read = makeReader();

/** Watches the thread from now on; what comes back ends it and tells. */
export function watchHolds(): () => Holds {
  const gaps: Gap[] = [];
  const stops: Stop[] = [];
  const take = (entries: readonly { startTime: number; duration: number }[]): void => {
    for (const { startTime, duration } of entries) {
      stops.push({ from: startTime, ms: duration });
    }
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const startedAt = performance.now();
  const [, waitedBefore] = read();
  let from = startedAt;
  let [cpuBefore, waitedLast] = read();
  const look = (): void => {
    const upto = performance.now();
    const [cpu, waited] = read();
    gaps.push({ from, upto, cpuMs: cpu - cpuBefore, waitedMs: waited - waitedLast });
    from = upto;
    cpuBefore = cpu;
    waitedLast = waited;
  };
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    look();
    take(observer.takeRecords());
    observer.disconnect();
    return summarize(gaps, stops, (100 * (waitedLast - waitedBefore)) / (from - startedAt));
  };
}

function summarize(gaps: Gap[], stops: readonly Stop[], waitedPercent: number): Holds {
  gaps.sort((a, b) => a.cpuMs - b.cpuMs);
  const longest = gaps.at(-1) as Gap;
  const gcMsOf = (gap: Gap): number =>
    stops
      .filter(({ from }) => from >= gap.from && from < gap.upto)
      .reduce((sum, { ms }) => sum + ms, 0);
  const worst = gaps.slice(-64);
  if (process.env['HOLDS_SHOW'] !== undefined) {
    for (const gap of worst.slice(-8)) {
      console.error(
        `  at ${gap.from.toFixed(0)} ms held ${gap.cpuMs.toFixed(1)} ms ` +
          `(gc ${gcMsOf(gap).toFixed(1)}, waited ` +
          `${gap.waitedMs.toFixed(1)}, wall ${(gap.upto - gap.from).toFixed(1)})`,
      );
    }
  }
  return {
    heldMsMax: longest.cpuMs,
    heldMsP999: (gaps[Math.ceil(gaps.length * 0.999) - 1] as Gap).cpuMs,
    heldGcMs: gcMsOf(longest),
    heldWaitedMs: longest.waitedMs,
    heldOwnMsMax: Math.max(...worst.map((gap) => gap.cpuMs - Math.min(gap.cpuMs, gcMsOf(gap)))),
    gcMsMax: Math.max(0, ...stops.map(({ ms }) => ms)),
    waitedPercent,
  };
}
