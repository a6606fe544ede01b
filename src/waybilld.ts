#!/usr/bin/env node
/**
 * The daemon's program: arguments in, exit code out. Everything else is `manager/daemon.ts`;
 * whatever goes wrong ends in one clear last line and an exit code of sysexits(3), never in a stack
 * trace alone.
 */
import { runDaemon } from './manager/daemon.ts';

runDaemon(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    console.error(`waybilld: internal error: ${String(error)}`);
    process.exit(70);
  },
);
