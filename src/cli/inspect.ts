/**
 * `waybill inspect-message` and `inspect-sched-q`: one message, or a scheduled queue with its first
 * messages, as the daemon shows them. Knows no engine.
 */
import { Command, Option } from 'commander';
import { parseSeed } from './arguments.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { answer, formatPairs, formatTable } from './table.ts';
import { count, harmless } from './terminal.ts';

interface Flags extends EndpointFlags {
  readonly wantBody?: boolean;
  readonly limit: number | boolean;
}

/** A message as the daemon shows it. */
export interface Message {
  readonly sender: string;
  readonly recipient: string | readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly data: string | null;
}

interface Queued extends Message {
  readonly due: string;
  readonly num_attempts: number;
}

/** A scheduled queue as the daemon shows it. */
export interface Queue {
  readonly queue_name: string;
  readonly messages: readonly { readonly id: string; readonly message: Queued }[];
  readonly num_scheduled: number;
  readonly queue_config: Readonly<Record<string, unknown>>;
  readonly now: string;
  readonly last_changed: string;
}

/** Messages without --limit, as in the reference, and with --no-limit: the daemon's own bound. */
const LISTED = 5;
const LISTED_MAX = 1_000;

/** The `inspect-message` command. */
export const buildMessage = (): Command =>
  withEndpoint(new Command('inspect-message'))
    .description('Shows one waiting message: envelope, metadata, and its text where asked for.')
    .argument('<id>', 'id of the message, as in the 250 after its final dot')
    .option('--want-body', 'with the text of the message')
    .addHelpText('after', () => {
      const example = '$ waybill inspect-message 019be1d6a0000000abcd000000010001 --want-body';
      return `\nExample:\n  ${example}\n${endpointHelp()}`;
    })
    .action(showMessage);

const showMessage = async (id: string, flags: Flags): Promise<void> => {
  const query = { id, want_body: flags.wantBody === true };
  const client = openClient(flags);
  type Said = { readonly id: string; readonly message: Message };
  const said = await client.get<Said>('/api/admin/inspect-message/v1', query);
  answer(flags.json, said, () => describeMessage(said.id, said.message).join('\n'));
};

const bodyLines = (text: string): string[] => ['', ...text.split(/\r?\n/).map(harmless)];

/** A message for people, as the daemon shows it. */
export const describeMessage = (
  id: string,
  { sender, recipient, meta, data }: Message,
): string[] => [
  formatPairs([
    ['id', id],
    ['sender', sender || '<>'],
    ...[recipient].flat().map((one) => ['recipient', one] as const),
    ...Object.entries(meta).map(([key, value]) => [`meta ${key}`, JSON.stringify(value)] as const),
  ]),
  ...(data === null ? [] : bodyLines(data)),
];

const QUEUE_HELP = `
Messages are shown in the order in which they came into the queue. "waybill why QUEUE" says what
holds it.

Examples:
  $ waybill inspect-sched-q example.com
  $ waybill inspect-sched-q spring:acme@example.com --limit 50 --json | jq .messages[].id
`;

/** The `inspect-sched-q` command. */
export const buildQueue = (): Command =>
  withEndpoint(new Command('inspect-sched-q'))
    .description('Shows a scheduled queue, its options and its first messages.')
    .argument('<queue>', 'name of the queue, as campaign:tenant@domain')
    .addOption(
      new Option('--limit <n>', `messages to show, at most ${LISTED_MAX}`)
        .argParser(parseSeed)
        .default(LISTED),
    )
    .option('--no-limit', `as many as the daemon shows, ${LISTED_MAX}`)
    .option('--want-body', 'with the texts of the messages')
    .addHelpText('after', () => QUEUE_HELP + endpointHelp())
    .action(showQueue);

const showQueue = async (name: string, flags: Flags): Promise<void> => {
  const limit = typeof flags.limit === 'number' ? flags.limit : LISTED_MAX;
  const query = { queue_name: name, limit, want_body: flags.wantBody === true };
  const queue = await openClient(flags).get<Queue>('/api/admin/inspect-sched-q/v1', query);
  answer(flags.json, queue, () => describeQueue(queue));
};

/** A scheduled queue for people, as the daemon shows it. */
export const describeQueue = (queue: Queue): string => {
  const { messages, num_scheduled, queue_config } = queue;
  const more = num_scheduled - messages.length;
  return [
    formatPairs([
      ['queue', queue.queue_name],
      ['messages', count(num_scheduled)],
      ['changed', queue.last_changed],
      ...Object.entries(queue_config).map(([key, value]) => [key, showOption(value)] as const),
    ]),
    '',
    formatTable(
      ['ID', 'DUE', 'ATTEMPTS', 'SENDER', 'RECIPIENT'],
      messages.map(({ id, message }) => [
        id,
        message.due,
        message.num_attempts,
        message.sender || '<>',
        [message.recipient].flat().join(', '),
      ]),
    ),
    ...messages.flatMap(({ id, message: { data } }) =>
      data === null ? [] : ['', `${id}:`, ...bodyLines(data).slice(1)],
    ),
    ...(more > 0 && messages.length > 0 ? [`and ${count(more)} more (--limit)`] : []),
  ].join('\n');
};

/** An option as it would be written. */
export const showOption = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
