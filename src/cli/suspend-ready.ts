/**
 * `waybill suspend-ready-q`, `suspend-ready-q-list` and `suspend-ready-q-cancel`: a source that is
 * kept from a site until a time. Knows no ready queue.
 */
import { Command } from 'commander';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { buildRemoval, durationOption, tellEnd } from './entries.ts';
import { answer, formatTable } from './table.ts';
import { harmless, remark } from './terminal.ts';

const PATH = '/api/admin/suspend-ready-q/v1';

interface Flags extends EndpointFlags {
  readonly name: string;
  readonly reason: string;
  readonly duration?: string;
}

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
  readonly duration: string;
}

const HELP = `
The name is that of queue-summary: SOURCE->SITE@smtp_client. Its mail chooses another source of its
pool, or rests without an attempt where none is left.

Example:
  $ waybill suspend-ready-q --name 'ip-1->mx.example.com@smtp_client' --reason blocked --duration 1h
`;

/** The `suspend-ready-q` command. */
export const buildPlace = (): Command =>
  withEndpoint(new Command('suspend-ready-q'))
    .description('Keeps a source from a site until a time.')
    .requiredOption('--name <ready queue>', 'its exact name; it need not exist')
    .requiredOption('--reason <text>', 'why, for whoever looks')
    .addOption(durationOption())
    .addHelpText('after', () => HELP + endpointHelp())
    .action(async (flags: Flags) => {
      const { name, reason, duration } = flags;
      const body = { name, reason, ...(duration === undefined ? {} : { duration }) };
      const placed = await openClient(flags).post<{ readonly id: string }>(PATH, body);
      answer(flags.json, placed, () => placed.id);
      remark(`suspended: ${harmless(name)}; ${tellEnd(duration)}`);
    });

/** The `suspend-ready-q-list` command. */
export const buildList = (): Command =>
  withEndpoint(new Command('suspend-ready-q-list'))
    .description('Lists the suspensions of ready queues: id, time left, reason, which.')
    .addHelpText('after', () => `\nExample:\n  $ waybill suspend-ready-q-list\n${endpointHelp()}`)
    .action(async (flags: EndpointFlags) => {
      const entries = await openClient(flags).get<readonly Entry[]>(PATH);
      answer(flags.json, entries, () => describe(entries));
    });

const describe = (entries: readonly Entry[]): string =>
  entries.length === 0
    ? 'no ready queues are suspended'
    : formatTable(
        ['ID', 'REASON', 'REMAIN', 'NAME'],
        entries.map((one) => [one.id, one.reason, one.duration, one.name]),
      );

/** The `suspend-ready-q-cancel` command. */
export const buildCancel = (): Command =>
  buildRemoval(
    new Command('suspend-ready-q-cancel'),
    PATH,
    'Takes a suspension of a ready queue back.',
  );
