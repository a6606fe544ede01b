/**
 * `waybill bounce`, `bounce-list` and `bounce-cancel`: ends the mail of queues with a reason. Knows
 * no queue.
 */
import { Command } from 'commander';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { buildRemoval, durationOption, formatCriteria, tellEnd } from './entries.ts';
import type { OrderFlags } from './order.ts';
import { isWanted, readScope, SCOPE_HELP, withScope } from './order.ts';
import { answer, formatTable } from './table.ts';
import { harmless, remark } from './terminal.ts';

const PATH = '/api/admin/bounce/v1';

interface Flags extends OrderFlags {
  readonly duration?: string;
  readonly suppressLogging?: boolean;
}

interface Entry {
  readonly id: string;
  readonly reason: string;
  readonly duration: string;
  readonly total_bounced: number;
}

const HELP = `
Waiting messages end with 551 5.7.1 and the reason, in slices; bounce-list counts them. Until the
end of the entry mail that comes into these queues ends too. Nothing undoes a bounce. Prints the id
for bounce-cancel.

Examples:
  $ waybill bounce --campaign spring --tenant acme --reason "wrong list" --dry-run
  $ waybill bounce --queue acme@example.com --reason "gone" --duration 1h --yes
`;

/** The `bounce` command. */
export const buildPlace = (): Command =>
  withEndpoint(withScope(new Command('bounce'), true))
    .description('Bounces the messages of the queues that match, those that come later too.')
    .addOption(durationOption())
    .option('--suppress-logging', 'records do not tell of the messages')
    .addHelpText('after', () => SCOPE_HELP + HELP + endpointHelp('you said no'))
    .action(place);

const place = async (flags: Flags): Promise<void> => {
  const scope = readScope(flags);
  const { reason, duration, suppressLogging } = flags;
  const body = {
    ...{ ...scope.fields, reason },
    ...(duration === undefined ? {} : { duration }),
    ...(suppressLogging === true ? { suppress_logging: true } : {}),
  };
  const client = openClient(flags);
  if (!(await isWanted(client, { path: PATH, verb: 'Bounce', scope, body }, flags))) return;
  const placed = await client.post<{ readonly id: string }>(PATH, body);
  answer(flags.json, placed, () => placed.id);
  remark(
    `bounced from now on, in slices: ${harmless(scope.text)}, new mail too; ` +
      `${tellEnd(duration)}; waybill bounce-list counts them`,
  );
};

/** The `bounce-list` command. */
export const buildList = (): Command =>
  withEndpoint(new Command('bounce-list'))
    .description('Lists the bounces: id, time left, messages ended so far, which queues.')
    .addHelpText('after', () => `\nExample:\n  $ waybill bounce-list --json\n${endpointHelp()}`)
    .action(async (flags: EndpointFlags) => {
      const entries = await openClient(flags).get<readonly Entry[]>(PATH);
      answer(flags.json, entries, () => describe(entries));
    });

const describe = (entries: readonly Entry[]): string =>
  entries.length === 0
    ? 'no bounces are in force'
    : formatTable(
        ['ID', 'REASON', 'REMAIN', 'BOUNCED', 'CRITERIA'],
        entries.map((one) => [
          one.id,
          one.reason,
          one.duration,
          one.total_bounced,
          formatCriteria(one),
        ]),
      );

/** The `bounce-cancel` command. */
export const buildCancel = (): Command =>
  buildRemoval(
    new Command('bounce-cancel'),
    PATH,
    'Ends a bounce where it is; what has ended stays so.',
  );
