/**
 * `waybill rebind`: moves waiting messages to other queues, or makes them due. An order that would
 * change nothing is refused. Knows no queue.
 */
import { Command, InvalidArgumentError } from 'commander';
import { openClient } from './client.ts';
import { endpointHelp, withAddress } from './endpoint.ts';
import type { OrderFlags } from './order.ts';
import { isWanted, readScope, SCOPE_HELP, withScope } from './order.ts';
import { answer } from './table.ts';
import { CommandFailure, EXIT, remark } from './terminal.ts';

const PATH = '/api/admin/rebind/v1';

type Data = Readonly<Record<string, string>>;

interface Flags extends Omit<OrderFlags, 'data'> {
  readonly data?: Data;
  readonly set?: Data;
  readonly alwaysFlush?: boolean;
  readonly suppressLogging?: boolean;
  readonly triggerRebindEvent?: boolean;
}

const HELP = `
Where to: --set tenant=, campaign=, routing_domain= or queue= (a whole name). Without any, and with
--always-flush, messages stay where they are and become due at once. With --trigger-rebind-event the
policy's rebind_message decides, and is given the data. (As in the reference, --data is not the data
directory here.)

Examples:
  $ waybill rebind --domain example.com --reason "new route" --set routing_domain=relay.example
  $ waybill rebind --queue acme@example.com --reason "they are back" --always-flush
`;

/** The `rebind` command. */
export const build = (): Command =>
  withAddress(withScope(new Command('rebind'), true))
    .description('Moves waiting messages of the queues that match, or makes them due.')
    .option('--data <json>', 'where to, as a JSON object of texts', readData)
    .option('--set <key=value>', 'one of it, over what --data says (may be repeated)', addPair)
    .option('--always-flush', 'due at once, also where the queue stays the same')
    .option('--suppress-logging', 'records do not tell of the moves')
    .option('--trigger-rebind-event', 'the policy decides for each message')
    .addHelpText('after', () => SCOPE_HELP + HELP + endpointHelp('you said no'))
    .action(run);

function readData(text: string): Data {
  const found = parseJson(text);
  const isTable = typeof found === 'object' && found !== null && !Array.isArray(found);
  if (isTable && Object.values(found).every((value) => typeof value === 'string')) {
    return found as Data;
  }
  throw new InvalidArgumentError('Expected a JSON object of texts, as {"tenant": "acme"}.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function addPair(text: string, before: Data = {}): Data {
  const at = text.indexOf('=');
  const key = text.slice(0, Math.max(0, at)).trim();
  const value = text.slice(at + 1).trim();
  if (key === '' || value === '') {
    throw new InvalidArgumentError('Expected a key, = and a value, as tenant=acme.');
  }
  return { ...before, [key]: value };
}

async function run({ data: table, ...flags }: Flags): Promise<void> {
  const scope = readScope(flags);
  const data = { ...table, ...flags.set };
  if (Object.keys(data).length === 0 && !flags.alwaysFlush && !flags.triggerRebindEvent) {
    const fix = 'give --set KEY=VALUE, or --always-flush';
    throw new CommandFailure(`where to? Nothing would change: ${fix}.`, EXIT.usage);
  }
  const body = {
    ...{ ...scope.fields, reason: flags.reason, data },
    ...(flags.alwaysFlush === true ? { always_flush: true } : {}),
    ...(flags.suppressLogging === true ? { suppress_logging: true } : {}),
    ...(flags.triggerRebindEvent === true ? { trigger_rebind_event: true } : {}),
  };
  const client = openClient(flags);
  if (!(await isWanted(client, { path: PATH, verb: 'Rebind', scope, body }, flags))) return;
  await client.post(PATH, body);
  answer(flags.json, {}, () => 'ordered');
  remark('messages are moved from now on, in slices; their records tell of each');
}
