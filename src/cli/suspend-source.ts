/**
 * `waybill suspend-source`, `suspend-source-list` and `suspend-source-cancel`: egress sources that
 * are out of rotation, by hand or by themselves. Knows no source.
 */
import { Command } from 'commander';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { durationOption, tellEnd } from './entries.ts';
import { answer, formatTable } from './table.ts';
import { remark } from './terminal.ts';

const PATH = '/api/admin/suspend-source/v1';

interface Flags extends EndpointFlags {
  readonly source: string;
  readonly reason: string;
  readonly duration?: string;
}

interface Entry {
  readonly source: string;
  readonly reason: string;
  readonly cause: string;
  readonly remaining: string;
}

const HELP = `
Queues choose other sources of their pools. Other than the reference, which has no such command.

Example:
  $ waybill suspend-source --source ip-1 --reason "listed" --duration 12h
`;

/** The `suspend-source` command. */
export const buildPlace = (): Command =>
  withEndpoint(new Command('suspend-source'))
    .description('Takes an egress source out of rotation until a time.')
    .requiredOption('--source <name>', 'which source')
    .requiredOption('--reason <text>', 'why, for whoever looks')
    .addOption(durationOption())
    .addHelpText('after', () => HELP + endpointHelp())
    .action(async (flags: Flags) => {
      const { source, reason, duration } = flags;
      const body = { source, reason, ...(duration === undefined ? {} : { duration }) };
      const placed = await openClient(flags).post<{ readonly until: string }>(PATH, body);
      answer(flags.json, placed, () => `${source} is out of rotation until ${placed.until}`);
      if (duration === undefined) remark(tellEnd(duration));
    });

/** The `suspend-source-list` command. */
export const buildList = (): Command =>
  withEndpoint(new Command('suspend-source-list'))
    .description('Lists the egress sources that are out of rotation, and why.')
    .addHelpText('after', () => `\nExample:\n  $ waybill suspend-source-list\n${endpointHelp()}`)
    .action(async (flags: EndpointFlags) => {
      const said = await openClient(flags).get<{ readonly suspended: readonly Entry[] }>(PATH);
      answer(flags.json, said.suspended, () => describe(said.suspended));
    });

const describe = (entries: readonly Entry[]): string =>
  entries.length === 0
    ? 'all sources are in rotation'
    : formatTable(
        ['SOURCE', 'BY', 'REMAIN', 'REASON'],
        entries.map((one) => [one.source, one.reason, one.remaining, one.cause]),
      );

/** The `suspend-source-cancel` command. */
export const buildCancel = (): Command =>
  withEndpoint(new Command('suspend-source-cancel'))
    .description('Brings an egress source back into rotation.')
    .requiredOption('--source <name>', 'which source')
    .addHelpText(
      'after',
      () => `\nExample:\n  $ waybill suspend-source-cancel --source ip-1\n${endpointHelp()}`,
    )
    .action(async (flags: EndpointFlags & { readonly source: string }) => {
      const said = await openClient(flags).remove<object>(PATH, { source: flags.source });
      answer(flags.json, said, () => `${flags.source} is in rotation`);
    });
