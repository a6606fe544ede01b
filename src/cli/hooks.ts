/**
 * `waybill hooks`: how the log hooks of a running daemon are, and what an operator may do to one.
 * It says nothing that the daemon did not say.
 */
import { Command } from 'commander';
import { showHook } from '../api/hook-routes.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { askManager } from '../manager/control-client.ts';
import type { HookAnswer, HookOrder, HookStatus } from '../projections/hook-status.ts';
import { parseCount, parseMoment } from './arguments.ts';
import { formatSpan } from './status.ts';
import { CommandFailure, count, EXIT, exitCodeHelp, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly json?: boolean;
}

const HELP = `
Without a command it lists the hooks: what each does, how far behind it is, and what went wrong
last. Records that are skipped, or refused by the receiver for good, go to the dead letters of the
hook, DATA/hooks. Records sent again carry the ids they had.

Examples:
  $ waybill hooks
  $ waybill hooks replay webhook --from 2026-11-22T13:00:00Z --to 2026-11-22T14:00:00Z
  $ waybill hooks pause webhook && systemctl restart receiver && waybill hooks resume webhook`;

/** The `hooks` command. */
export const build = (): Command => {
  const hooks = withData(new Command('hooks'))
    .description('Shows log hooks; pauses, resumes, skips and replays them, and cancels replays.')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((flags: Flags) => list(flags));
  const verb = (name: 'pause' | 'resume' | 'cancel', says: string): Command =>
    named(name, says).action((hook: string, _flags: unknown, command: Command) =>
      order(command, { do: name, name: hook }),
    );
  return hooks
    .addCommand(verb('pause', 'stops a hook; its records wait in the log'))
    .addCommand(verb('resume', 'lets a paused or disabled hook go on, at once'))
    .addCommand(buildSkip())
    .addCommand(buildReplay())
    .addCommand(verb('cancel', 'ends the replays of a hook where they are'));
};

const withData = (command: Command): Command =>
  command
    .option('--data <dir>', 'data directory of the daemon', DATA_DEFAULT)
    .option('--json', 'print the answer as JSON');

const named = (name: string, says: string): Command =>
  withData(new Command(name))
    .summary(says)
    .description(`It ${says}.`)
    .argument('<name>', 'the name of the hook')
    .addHelpText('after', () => exitCodeHelp());

const buildSkip = (): Command =>
  named('skip', 'gives up the next records; they go to the dead letters')
    .option('--records <n>', 'how many; else the batch at hand', parseCount)
    .action((name: string, { records }: { records?: number }, command: Command) =>
      order(command, { do: 'skip', name, records: records ?? 'batch' }),
    );

const buildReplay = (): Command =>
  named('replay', 'sends again what was written in a span of time')
    .requiredOption('--from <time>', 'first moment, as 2026-11-22T13:00:00Z', parseMoment)
    .requiredOption('--to <time>', 'first moment that is not sent', parseMoment)
    .action((name: string, { from, to }: { from: number; to: number }, command: Command) => {
      if (from >= to) throw new CommandFailure('--to is not after --from', EXIT.usage);
      return order(command, { do: 'replay', name, from, to });
    });

const ask = async (data: string, order: HookOrder): Promise<HookAnswer> => {
  const told = await askManager(data, { do: 'hooks', order }).catch((error: Error) => {
    throw new CommandFailure(error.message);
  });
  return told['answer'] as HookAnswer;
};

// The flags of `waybill hooks` itself hold for its commands, too.
const order = async (command: Command, wish: HookOrder): Promise<void> => {
  const { data, json } = command.optsWithGlobals<Flags>();
  const answer = await ask(data, wish);
  if (answer.kind === 'hooks') throw new CommandFailure('the daemon answered something else');
  if (answer.kind !== 'done') throw new CommandFailure(answer.said);
  print(json === true ? JSON.stringify({ said: answer.said }) : answer.said);
};

const list = async ({ data, json }: Flags): Promise<void> => {
  const answer = await ask(data, { do: 'list' });
  if (answer.kind !== 'hooks') throw new CommandFailure(answer.said);
  if (json === true) print(JSON.stringify(answer.hooks.map(showHook)));
  else print(describeHooks(answer.hooks));
};

const describeHook = (hook: HookStatus): string[] => {
  const { lagRecords, lagSeconds, lastError, replays = [] } = hook;
  const lag =
    lagRecords === 0 ? 'up to date' : `${count(lagRecords)} records behind, ${ageOf(lagSeconds)}`;
  const fellOff = hook.fellOff === 0 ? '' : `, ${count(hook.fellOff)} positions fell off`;
  return [
    `${hook.name} (${hook.sink}): ${hook.state}, ${lag}`,
    `  position ${hook.position}, ${count(hook.shipped)} shipped, ` +
      `${count(hook.deadLettered)} dead letters, ${count(hook.failedBatches)} failed batches` +
      fellOff,
    ...(hook.failures === 0 ? [] : [`  ${count(hook.failures)} failures in a row`]),
    ...(lastError === undefined ? [] : [`  last error ${timeOf(lastError.at)}: ${lastError.text}`]),
    ...replays.map(({ position, until }) => `  replay at ${position} of ${until}`),
  ];
};

const ageOf = (seconds: number): string => formatSpan(Math.round(seconds * 1_000));
const timeOf = (at: number): string => new Date(at).toISOString();

/** The list for people. */
export const describeHooks = (hooks: readonly HookStatus[]): string =>
  hooks.length === 0 ? 'no log hooks are set up' : hooks.flatMap(describeHook).join('\n');
