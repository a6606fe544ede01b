/**
 * Watches over the process in which a statement runs, from which SQLite may not come back: ends it
 * when it holds more memory than it may, so that nothing else on the machine is killed for it, and
 * when nobody waits for its answer any more. Knows no statement.
 */
import process from 'node:process';
import { workerData } from 'node:worker_threads';

/** Between two looks, ms. */
const LOOK_MS = 100;

const { memoryMax, parent } = workerData as { memoryMax: number; parent: number };
const nobodyWakes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

for (;;) {
  Atomics.wait(nobodyWakes, 0, 0, LOOK_MS);
  if (process.memoryUsage.rss() > memoryMax || process.ppid !== parent) {
    process.kill(process.pid, 'SIGKILL');
  }
}
