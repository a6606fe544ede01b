/**
 * `waybill hooks`: how the log hooks of a running daemon are, and what an operator may do to one.
 * It says nothing that the daemon did not say.
 */
import { Command } from 'commander';
import { showHook } from '../api/hook-routes.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import { parseCount, parseMoment } from './arguments.ts';
import { openClient } from './client.ts';
import { askControl, findControlDir } from './control.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { formatSpan } from './span.ts';
import { answer } from './table.ts';
import {
  CommandFailure,
  count,
  counted,
  DaemonRefusal,
  EXIT,
  exitCodeHelp,
  harmless,
} from './terminal.ts';

/** A hook as the daemon shows it over HTTP. */
type ShownHook = ReturnType<typeof showHook>;

const HELP = `
Without a command it lists the hooks: what each does, how far behind it is, and what went wrong
last. Records that are skipped, or refused by the receiver for good, go to the dead letters of the
hook, DATA/hooks. Records sent again carry the ids they had.

Examples:
  $ waybill hooks
  $ waybill hooks replay webhook --from 2026-11-22T13:00:00Z --to 2026-11-22T14:00:00Z
  $ waybill hooks pause webhook && systemctl restart receiver && waybill hooks resume webhook
`;

/** The `hooks` command. */
export const build = (): Command => {
  const hooks = withEndpoint(new Command('hooks'))
    .description('Shows log hooks; pauses, resumes, skips and replays them, and cancels replays.')
    .addHelpText('after', () => HELP + endpointHelp())
    .action((flags: EndpointFlags) => list(flags));
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

const named = (name: string, says: string, example = `${name} webhook`): Command =>
  withEndpoint(new Command(name))
    .summary(says)
    .description(`It ${says}.`)
    .argument('<name>', 'the name of the hook')
    .addHelpText('after', () => `\nExample:\n  $ waybill hooks ${example}\n${exitCodeHelp()}`);

const buildSkip = (): Command =>
  named(
    'skip',
    'gives up the next records; they go to the dead letters',
    'skip webhook --records 5',
  )
    .option('--records <n>', 'how many; else the batch at hand', parseCount)
    .action((name: string, { records }: { records?: number }, command: Command) =>
      order(command, { do: 'skip', name, records: records ?? 'batch' }),
    );

const REPLAY_EXAMPLE = 'replay webhook --from 2026-11-22T13:00:00Z --to 2026-11-22T14:00:00Z';

const buildReplay = (): Command =>
  named('replay', 'sends again what was written in a span of time', REPLAY_EXAMPLE)
    .requiredOption('--from <time>', 'first moment, as 2026-11-22T13:00:00Z', parseMoment)
    .requiredOption('--to <time>', 'first moment that is not sent', parseMoment)
    .action((name: string, { from, to }: { from: number; to: number }, command: Command) => {
      if (from >= to) throw new CommandFailure('--to is not after --from', EXIT.usage);
      return order(command, { do: 'replay', name, from, to });
    });

// The flags of `waybill hooks` itself hold for its commands, too.
const order = async (command: Command, wish: Exclude<HookOrder, { do: 'list' }>) => {
  const flags = command.optsWithGlobals<EndpointFlags>();
  const said = await (findControlDir(flags) === undefined ? post(flags, wish) : tell(flags, wish));
  answer(flags.json, { said }, () => said);
};

const tell = async (flags: EndpointFlags, order: HookOrder): Promise<string> => {
  const told = await ask(flags, order);
  if (told.kind === 'hooks') throw new CommandFailure('the daemon answered something else');
  if (told.kind !== 'done') throw new DaemonRefusal(told.said);
  return told.said;
};

const ask = async (flags: EndpointFlags, order: HookOrder): Promise<HookAnswer> => {
  const told = await askControl(findControlDir(flags) as string, { do: 'hooks', order });
  return told['answer'] as HookAnswer;
};

const post = async (flags: EndpointFlags, order: HookOrder): Promise<string> => {
  const { do: verb, ...rest } = order;
  const body: Record<string, unknown> = { ...rest };
  if (body['records'] === 'batch') delete body['records'];
  for (const key of ['from', 'to'] as const) {
    if (key in body) body[key] = timeOf(body[key] as number);
  }
  const path = `/api/admin/hooks/${verb}/v1`;
  return (await openClient(flags).post<{ readonly said: string }>(path, body)).said;
};

const list = async (flags: EndpointFlags): Promise<void> => {
  const hooks = await findHooks(flags);
  answer(flags.json, hooks, () => describeHooks(hooks));
};

const findHooks = async (flags: EndpointFlags): Promise<readonly ShownHook[]> => {
  if (findControlDir(flags) === undefined) return openClient(flags).get('/api/admin/hooks/v1');
  const told = await ask(flags, { do: 'list' });
  if (told.kind !== 'hooks') throw new DaemonRefusal(told.said);
  return told.hooks.map(showHook);
};

const describeHook = (hook: ShownHook): string[] => {
  const { lag_records, lag_seconds, last_error, replays } = hook;
  const lag =
    lag_records === 0
      ? 'up to date'
      : `${counted(lag_records, 'record')} behind, ${ageOf(lag_seconds)}`;
  const fellOff = hook.fell_off === 0 ? '' : `, ${count(hook.fell_off)} positions fell off`;
  return [
    `${hook.name} (${hook.sink}): ${hook.state}, ${lag}`,
    `  position ${hook.position}, ${count(hook.shipped)} shipped, ` +
      `${count(hook.dead_lettered)} dead letters, ${count(hook.failed_batches)} failed batches` +
      fellOff,
    ...(hook.failures === 0 ? [] : [`  ${count(hook.failures)} failures in a row`]),
    ...(last_error === null ? [] : [`  last error ${last_error.at}: ${harmless(last_error.text)}`]),
    ...replays.map(({ position, until }) => `  replay at ${position} of ${until}`),
  ];
};

const ageOf = (seconds: number): string => formatSpan(Math.round(seconds * 1_000));
const timeOf = (at: number): string => new Date(at).toISOString();

/** The list for people. */
export const describeHooks = (hooks: readonly ShownHook[]): string =>
  hooks.length === 0 ? 'no log hooks are set up' : hooks.flatMap(describeHook).join('\n');
