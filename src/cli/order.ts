/**
 * What orders about many queues share: which queues are meant, how many messages that is, and the
 * question before it is done. Deliberately unknown here: what any order does.
 */
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import { collect } from './arguments.ts';
import type { DaemonClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { answer } from './table.ts';
import { CommandFailure, count, EXIT, harmless } from './terminal.ts';

/** The options of every bulk order. */
export interface OrderFlags extends EndpointFlags {
  readonly reason: string;
  readonly domain?: string;
  readonly routingDomain?: string;
  readonly campaign?: string;
  readonly tenant?: string;
  readonly queue?: readonly string[];
  readonly everything?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** What is meant, and how it is said. */
export interface Scope {
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly text: string;
}

interface Meant {
  readonly messages: number;
  readonly queues: number;
}

/** The help of every bulk order. */
export const SCOPE_HELP = `
Which queues: what is given of --domain, --campaign, --tenant (and --routing-domain) must all be so
in a queue's name; --queue names queues instead; --everything means all. On a terminal the queues
and messages that are meant are counted first, and you are asked; --yes does not ask, --dry-run
only counts.
`;

const PARTS = ['domain', 'routingDomain', 'campaign', 'tenant'] as const;

/** Adds the options that say which queues are meant, and why. */
export const withScope = (command: Command, hasRoutingDomain: boolean): Command => {
  command
    .requiredOption('--reason <text>', 'why; shown in lists, in the log and in replies')
    .option('--domain <name>', 'queues of this domain');
  if (hasRoutingDomain) command.option('--routing-domain <name>', 'queues routed by this domain');
  command.option('--campaign <name>', 'queues of this campaign');
  command.option('--tenant <name>', 'queues of this tenant');
  const parts = hasRoutingDomain ? [...PARTS] : PARTS.filter((part) => part !== 'routingDomain');
  return command
    .addOption(
      new Option('--queue <name>', 'exactly this queue (may be repeated)')
        .argParser(collect)
        .conflicts([...parts, 'everything']),
    )
    .addOption(new Option('--everything', 'every queue').conflicts(parts))
    .option('--dry-run', 'count what is meant, and do nothing')
    .option('-y, --yes', 'do not ask');
};

/** What the options mean; without any of them nothing is meant, which is refused. */
export const readScope = (flags: OrderFlags): Scope => {
  const fields: Record<string, string | readonly string[]> = {};
  for (const part of PARTS) {
    const value = flags[part];
    if (value !== undefined) fields[part === 'routingDomain' ? 'routing_domain' : part] = value;
  }
  if (flags.queue !== undefined) fields['queue_names'] = flags.queue;
  const said = Object.entries(fields).map(([key, value]) => `${key}=${[value].flat().join(',')}`);
  if (said.length === 0 && flags.everything !== true) {
    throw new CommandFailure(
      'which queues? Give --domain, --campaign, --tenant or --queue, or --everything.',
      EXIT.usage,
    );
  }
  return { fields, text: said.length === 0 ? 'everything' : said.join(', ') };
};

/** An order that may be tried out. */
export interface BulkOrder {
  readonly path: string;
  /** As the question begins: `Suspend`. */
  readonly verb: string;
  readonly scope: Scope;
  readonly body: object;
}

/**
 * Counts what is meant and asks, as the options and the terminal have it; false: only counted.
 * Throws a CommandFailure where the person says no.
 */
export const isWanted = async (
  client: DaemonClient,
  { path, verb, scope, body }: BulkOrder,
  { dryRun, yes, json }: OrderFlags,
): Promise<boolean> => {
  const isWatched = process.stdin.isTTY === true && process.stderr.isTTY === true;
  if (dryRun !== true && (yes === true || !isWatched)) return true;
  const meant = await client.post<Meant>(path, { ...body, dry_run: true });
  const said = describeMeant(meant);
  if (dryRun === true) {
    answer(json, meant, () => said);
    return false;
  }
  if (await askPerson(`${verb} ${said} (${harmless(scope.text)})?`)) return true;
  throw new CommandFailure('nothing was done.', EXIT.wanting);
};

const describeMeant = ({ messages, queues }: Meant): string =>
  `${count(messages)} ${messages === 1 ? 'message' : 'messages'} in ` +
  `${count(queues)} ${queues === 1 ? 'queue' : 'queues'}`;

const askPerson = async (question: string): Promise<boolean> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const said = await lines.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(said.trim());
  } catch {
    // Ctrl-D, or Ctrl-C: no answer is a no.
    return false;
  } finally {
    lines.close();
  }
};
