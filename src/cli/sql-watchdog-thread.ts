/**
 * Watches over a statement that SQLite does not come back from: nothing can interrupt it on its own
 * thread, so this one says so in a sentence and ends the process. Statements that read records end
 * by themselves long before. Knows no statement.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { workerData } from 'node:worker_threads';

const { memory, timeoutMs } = workerData as { memory: SharedArrayBuffer; timeoutMs: number };
const cells = new Int32Array(memory);
const STDERR = 2;

for (;;) {
  // Odd while a statement is under way; each begins and ends with a step.
  const step = Atomics.load(cells, 0);
  const outcome = Atomics.wait(cells, 0, step, step % 2 === 1 ? timeoutMs : undefined);
  if (outcome === 'timed-out') {
    writeSync(STDERR, 'waybill: the statement took too long and could not be interrupted.\n');
    process.kill(process.pid, 'SIGKILL');
  }
}
