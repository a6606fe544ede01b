/**
 * The program of a process that keeps the index of journeys and dies at it: a few records at a
 * time, written down after each. A thread of its own kills it so many µs after a step has begun,
 * wherever the other one is then. Deliberately unknown here: what is left.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { openLogTail } from '../../src/events/log-tail.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import { JOURNEY_FOLDER } from '../../src/forensics/reading.ts';

const RECORDS = 3;
const KILLER = `
const { workerData: { step, delayUs } } = require('node:worker_threads');
require('node:worker_threads').parentPort.postMessage('ready');
Atomics.wait(step, 0, 0);
for (const end = performance.now() + delayUs / 1000; performance.now() < end; );
process.kill(process.pid, 'SIGKILL');
`;

const [dir = '', steps = '', delayUs = ''] = process.argv.slice(2);
const step = new Int32Array(new SharedArrayBuffer(4));
const killer = new Worker(KILLER, { eval: true, workerData: { step, delayUs: Number(delayUs) } });
await new Promise((resolve) => killer.once('message', resolve));
const log = openLogTail({ dir });
const index = new JourneyIndex(log, openRunFolder(join(dir, JOURNEY_FOLDER)));
writeSync(1, `from ${index.remaining()}\n`);
let left = Number(steps);
do {
  if (left === 0) {
    Atomics.store(step, 0, 1);
    Atomics.notify(step, 0);
  }
  left -= 1;
  index.keep();
  index.prune(true);
} while (index.step(RECORDS));
index.keep();
writeSync(1, 'whole\n');
process.exit(0);
