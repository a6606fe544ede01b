/**
 * From a command line to a running daemon and its exit code: usage, `--validate`, then the manager
 * with its workers as processes or, for who supervises already, all in one process. Whatever goes
 * wrong ends in one last line that says what and why.
 */
import { resolve } from 'node:path';
import { pino } from 'pino';
import { lockDataDir } from '../events/data-lock.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import { openServiceNotices } from '../ports/node/service-notices.ts';
import type { DaemonArguments } from './arguments.ts';
import { HELP, readArguments, readVersion } from './arguments.ts';
import type { SpareChild } from './child.ts';
import { makeDataFolder } from './data-folder.ts';
import { eraseApart, eraseHere } from './erasing.ts';
import type { Exit } from './exit.ts';
import { EXIT_POLICY, EXIT_USAGE, exitFor } from './exit.ts';
import { runManager } from './manager.ts';
import { forkedSteps, ownSteps } from './steps.ts';
import { forkedWorker, ownWorker } from './worker-link.ts';

/** Runs until told to stop; answers the exit code. `spare` is a worker that waits for its life. */
export async function runDaemon(argv: readonly string[], spare?: SpareChild): Promise<number> {
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
    const exit = await (args.validate ? validate(args) : run(args, spare));
    if (exit.code !== 0) console.error(`waybilld: ${exit.sentence}`);
    return exit.code;
  } catch (error) {
    const exit = exitFor(error);
    if (exit.code === 70) console.error(error);
    console.error(`waybilld: ${exit.sentence}`);
    return exit.code;
  }
}

/** Loader and canary in a store that is thrown away: safe beside a live daemon. */
async function validate({ policy }: DaemonArguments): Promise<Exit> {
  if (policy === undefined) {
    return { code: EXIT_USAGE, sentence: '--validate needs --policy FILE' };
  }
  const { validatePolicy } = await import('./validate-policy.ts');
  const { sentence, step, refusals, warnings } = await validatePolicy(policy);
  for (const warning of warnings) console.log(`warning: ${warning}`);
  if (sentence === undefined) {
    console.log(`${policy}: may be put in force`);
    return { code: 0, sentence: '' };
  }
  for (const refusal of refusals) console.log(`refused: ${refusal}`);
  return { code: EXIT_POLICY, sentence: `the ${step} refused the policy: ${sentence}` };
}

async function run(args: DaemonArguments, spare: SpareChild | undefined): Promise<Exit> {
  const dir = resolve(args.data);
  makeDataFolder(dir);
  const lock = await lockDataDir(dir, { name: 'manager' });
  const { isSingle, smtp, keepLogMs, drainMs } = args;
  const version = readVersion();
  const program = `waybill ${version} on node ${process.version}`;
  const logger = pino({ base: null }, pino.destination({ fd: 2, sync: true }));
  const notices = openServiceNotices(process.env, (sentence) => logger.error(sentence));
  const policy =
    args.policy === undefined
      ? undefined
      : openPolicy(resolve(args.policy), dir, program, isSingle);
  try {
    const work = { dir, isEmbedded: policy === undefined, smtp, keepLogMs, version };
    return await runManager({
      dir,
      policy,
      erase: isSingle ? eraseHere : eraseApart,
      startWorker: isSingle ? ownWorker(work) : forkedWorker(work, spare),
      logger,
      version,
      drainMs,
      ...(notices === undefined ? {} : { notices }),
    });
  } finally {
    policy?.store.close();
    await lock.release();
  }
}

const openPolicy = (source: string, dir: string, program: string, isSingle: boolean) => ({
  source,
  dir,
  program,
  steps: isSingle ? ownSteps() : forkedSteps(),
  store: openPolicyStore(dir, 'write'),
});
