/**
 * Commands that are one request and one word: ending a connection, the level of the log, compacting
 * bodies. Knows neither connections nor logs.
 */
import { Command } from 'commander';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { answer } from './table.ts';

const send = async (flags: EndpointFlags, path: string, body: object): Promise<void> => {
  const said = await openClient(flags).post<string>(path, body);
  answer(flags.json, { said: said || 'OK' }, () => said || 'OK');
};

const ABORT_HELP = `
What it has in hand goes to another connection. Where the final dot may be out the outcome is
unknown, the message is tried again, and a second copy is possible. Sessions are listed by
"waybill inspect-ready-q QUEUE --connections".

Example:
  $ waybill abort-ready-q-conn 'ip-1->mx.example.com@smtp_client' 6a1f0e0b-8a0b-4b6e-9c3f-2d8f1c1f7a
`;

/** The `abort-ready-q-conn` command. */
export const buildAbort = (): Command =>
  withEndpoint(new Command('abort-ready-q-conn'))
    .description('Ends one connection of a ready queue at once.')
    .argument('<queue-name>', 'name of the ready queue')
    .argument('<session-id>', 'id of the session')
    .option('--reason <text>', 'why, for whoever looks')
    .addHelpText('after', () => ABORT_HELP + endpointHelp())
    .action((queue_name: string, session_id: string, flags: EndpointFlags & { reason?: string }) =>
      send(flags, '/api/admin/abort-ready-q-conn/v1', {
        ...{ queue_name, session_id },
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      }),
    );

const FILTER_HELP = `
A filter is a level (trace, debug, info, warn, error), or waybill=LEVEL. It holds until the worker
ends.

Example:
  $ waybill set-log-filter waybill=debug
`;

/** The `set-log-filter` command. */
export const buildFilter = (): Command =>
  withEndpoint(new Command('set-log-filter'))
    .description('Sets how much the daemon writes to its diagnostic log.')
    .argument('<filter>', 'a level, or waybill=LEVEL')
    .addHelpText('after', () => FILTER_HELP + endpointHelp())
    .action((filter: string, flags: EndpointFlags) =>
      send(flags, '/api/admin/set_diagnostic_log_filter/v1', { filter }),
    );

/** The `spool-compact` command. */
export const buildCompact = (): Command =>
  withEndpoint(new Command('spool-compact'))
    .description('Starts a round of compacting message bodies; it also happens by itself.')
    .requiredOption('--name <store>', 'data: the store of message bodies')
    .addHelpText(
      'after',
      () => `\nExample:\n  $ waybill spool-compact --name data\n${endpointHelp()}`,
    )
    .action((flags: EndpointFlags & { readonly name: string }) =>
      send(flags, '/api/admin/spool-compact/v1', { name: flags.name }),
    );
