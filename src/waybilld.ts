#!/usr/bin/env node
/**
 * The daemon's program: arguments in, exit code out. Everything else is `manager/daemon.ts`;
 * whatever goes wrong ends in one clear last line and an exit code of sysexits(3), never in a stack
 * trace alone. A worker is forked before anything else is read: it reads its own program meanwhile.
 */
import { forkWorker } from './manager/spare-worker.ts';

const argv = process.argv.slice(2);
const hasNoWorker = ['--single-process', '--validate', '--help', '--version'];
const isAlone = argv.some((argument) => hasNoWorker.includes(argument));
const spare = isAlone ? undefined : forkWorker();

try {
  const { runDaemon } = await import('./manager/daemon.ts');
  process.exit(await runDaemon(argv, spare));
} catch (error) {
  console.error(error);
  console.error(`waybilld: internal error: ${String(error)}`);
  process.exit(70);
}
