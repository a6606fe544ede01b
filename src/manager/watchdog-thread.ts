/**
 * The thread of the watchdog: every quarter of a second it writes one line to the manager, naming
 * the handler that is running and for how long, as far as two looks can tell. When the manager is
 * gone the write fails, and the whole process ends at once: the log is made for that. Knows no
 * policy.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { HANDLER_NAMES, SLOT_CALL, SLOT_HANDLER } from './watchdog.ts';

const LOOK_MS = 250;

const { slots, reportFd } = workerData as {
  readonly slots: Int32Array;
  readonly reportFd: number;
};
let lastCall = 0;
let sinceAt = 0;

function look(): void {
  const number = Atomics.load(slots, SLOT_HANDLER);
  const call = Atomics.load(slots, SLOT_CALL);
  const now = performance.now();
  if (number === 0 || call !== lastCall) sinceAt = now;
  lastCall = call;
  const handler = HANDLER_NAMES[number - 1] ?? '';
  const sinceMs = number === 0 ? 0 : Math.round(now - sinceAt);
  tell(`${JSON.stringify({ handler, sinceMs })}\n`);
}

function tell(line: string): void {
  try {
    writeSync(reportFd, line);
  } catch (error) {
    // A full pipe means a manager that is busy; any other failure, that there is none.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
    process.kill(process.pid, 'SIGKILL');
  }
}

setInterval(look, LOOK_MS);
