/**
 * The life of the daemon: lock, policy, log, bodies, recovery, engine, listeners; then signals and
 * the way out. The order is the promise: nothing is opened to the network before the books are
 * whole, and nothing is released before the log is closed. Decides nothing about mail.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Engine } from '../engine.ts';
import { lockDataDir } from '../events/data-lock.ts';
import type { SmtpListener } from '../intake/smtp.ts';
import { startSmtpListener } from '../intake/smtp.ts';
import type { DaemonArguments } from './arguments.ts';
import { HELP, readArguments, readVersion } from './arguments.ts';
import type { Exit } from './exit.ts';
import { EXIT_IO, EXIT_USAGE, exitFor } from './exit.ts';
import type { LoadedWorld } from './load.ts';
import { loadWorld } from './load.ts';
import { openEngine } from './open.ts';

/** Time given to connections and sessions at a stop, ms; the sum of a receiver's usual patience. */
const STOP_GRACE_MS = 30_000;

/** Runs until told to stop; answers the exit code. */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  let args: DaemonArguments;
  try {
    args = readArguments(argv);
  } catch (error) {
    console.error(`waybilld: ${(error as Error).message}; see waybilld --help`);
    return EXIT_USAGE;
  }
  if (args.help || args.version) {
    console.log(args.help ? HELP : readVersion());
    return 0;
  }
  try {
    const exit = await run(args);
    if (exit.code !== 0) console.error(`waybilld: ${exit.sentence}`);
    return exit.code;
  } catch (error) {
    const exit = exitFor(error);
    if (exit.code === 70) console.error(error);
    console.error(`waybilld: ${exit.sentence}`);
    return exit.code;
  }
}

async function run(args: DaemonArguments): Promise<Exit> {
  const dir = resolve(args.data);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = await lockDataDir(dir);
  const logger = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  try {
    // The policy compiles while the log is read; nothing is written before both are there.
    const loading = loadWorld(args, dir);
    loading.catch(() => {});
    return await serve(dir, loading, logger);
  } finally {
    await lock.release();
  }
}

async function serve(dir: string, loading: Promise<LoadedWorld>, logger: Logger): Promise<Exit> {
  const ending = waitForSignal();
  const opened = await openEngine({
    dir,
    loading,
    ehloName: hostname(),
    version: readVersion(),
    logger,
    fatal: (sentence) => ending.end({ code: EXIT_IO, sentence }),
  });
  const world = await loading;
  const listeners: SmtpListener[] = [];
  try {
    for (const config of world.listeners) {
      const note = (level: 'info' | 'warn' | 'error', text: string): void => logger[level](text);
      const { engine, bodies, clock } = opened;
      const listener = await startSmtpListener(config, engine, bodies, clock, note);
      engine.listensAt(listener.address, listener.port);
      listeners.push(listener);
    }
  } catch (error) {
    await stopAll(listeners, opened.engine, opened.close, 0);
    throw error;
  }
  announce(dir, listeners, world);
  const exit = await ending.ended;
  logger.info(`stopping: ${exit.sentence}`);
  if (exit.code === 0) await stopAll(listeners, opened.engine, opened.close, STOP_GRACE_MS);
  await world.close();
  return exit;
}

async function stopAll(
  listeners: readonly SmtpListener[],
  engine: Engine,
  close: () => Promise<void>,
  graceMs: number,
): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.stop(graceMs)));
  await new Promise<void>((resolve) => engine.stop(graceMs, resolve));
  await close();
}

function announce(dir: string, listeners: readonly SmtpListener[], world: LoadedWorld): void {
  const places = listeners.map(({ address, port }) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
  );
  const file = join(dir, 'run.json');
  const text = JSON.stringify({ pid: process.pid, listeners: places });
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  console.log(`waybilld ready ${places.map((place) => `smtp ${place}`).join(', ')}`);
  const [place] = places;
  if (world.hint !== undefined && place !== undefined) console.log(world.hint(place, dir));
}

/** Ends at SIGTERM or SIGINT, or when told; a second signal does not wait. */
function waitForSignal(): { ended: Promise<Exit>; end: (exit: Exit) => void } {
  let end: (exit: Exit) => void = () => {};
  const ended = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  let count = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      count += 1;
      if (count > 1) process.exit(1);
      end({ code: 0, sentence: signal });
    });
  }
  return { ended, end };
}
