/**
 * `waybill suspend`, `suspend-list` and `suspend-cancel`: scheduled queues that are stopped until a
 * time. Knows no queue.
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

const PATH = '/api/admin/suspend/v1';

interface Flags extends OrderFlags {
  readonly duration?: string;
}

interface Entry {
  readonly id: string;
  readonly reason: string;
  readonly duration: string;
}

const HELP = `
Mail is still taken, and what is on a connection finishes; nothing else of these queues is offered
until the end, without costing an attempt. It outlives a restart. Prints the id for suspend-cancel;
what is suspended, and when that ends, is told on standard error.

Examples:
  $ waybill suspend --domain example.com --reason "they asked us to wait" --duration 2h
  $ waybill suspend --tenant acme --campaign spring --reason "wrong list" --dry-run
`;

/** The `suspend` command. */
export const buildPlace = (): Command =>
  withEndpoint(withScope(new Command('suspend'), false))
    .description('Stops the scheduled queues that match until a time.')
    .addOption(durationOption())
    .addHelpText('after', () => SCOPE_HELP + HELP + endpointHelp('you said no'))
    .action(place);

const place = async (flags: Flags): Promise<void> => {
  const scope = readScope(flags);
  const { reason, duration } = flags;
  const body = { ...scope.fields, reason, ...(duration === undefined ? {} : { duration }) };
  const client = openClient(flags);
  if (!(await isWanted(client, { path: PATH, verb: 'Suspend', scope, body }, flags))) return;
  const placed = await client.post<{ readonly id: string }>(PATH, body);
  answer(flags.json, placed, () => placed.id);
  remark(`suspended: ${harmless(scope.text)}; ${tellEnd(duration)}`);
};

/** The `suspend-list` command. */
export const buildList = (): Command =>
  withEndpoint(new Command('suspend-list'))
    .description('Lists the suspensions of scheduled queues: id, time left, reason, which queues.')
    .addHelpText('after', () => `\nExample:\n  $ waybill suspend-list --json\n${endpointHelp()}`)
    .action(async (flags: EndpointFlags) => {
      const entries = await openClient(flags).get<readonly Entry[]>(PATH);
      answer(flags.json, entries, () => describe(entries));
    });

const describe = (entries: readonly Entry[]): string =>
  entries.length === 0
    ? 'no queues are suspended'
    : formatTable(
        ['ID', 'REASON', 'REMAIN', 'CRITERIA'],
        entries.map((one) => [one.id, one.reason, one.duration, formatCriteria(one)]),
      );

/** The `suspend-cancel` command. */
export const buildCancel = (): Command =>
  buildRemoval(
    new Command('suspend-cancel'),
    PATH,
    'Takes a suspension of queues back: what is due goes on at once.',
  );
