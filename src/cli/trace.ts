/**
 * `waybill trace-smtp-client` and `trace-smtp-server`: SMTP conversations while they happen, over
 * the daemon's websockets. The daemon filters; how lines look is in trace-text. Knows no SMTP.
 */
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseCidr } from '../domain/cidr.ts';
import { collect } from './arguments.ts';
import type { DaemonClient } from './client.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { CommandFailure, EXIT, isColourful, onInterrupt, print, styled } from './terminal.ts';
import type { TraceEvent } from './trace-text.ts';
import { TraceText } from './trace-text.ts';

type Side = 'client' | 'server';

interface Flags extends EndpointFlags {
  readonly color: 'tty' | 'yes' | 'no';
  readonly onlyNew?: boolean;
  readonly onlyOne?: boolean;
  readonly terse?: boolean;
  readonly [list: string]: unknown;
}

const network = (text: string, before: readonly string[] | undefined): string[] => {
  try {
    parseCidr(text);
  } catch {
    throw new InvalidArgumentError('Expected a network such as 192.0.2.0/24, or an address.');
  }
  return collect(text, before);
};

const NETWORKS: readonly (readonly [flag: string, key: string, says: string])[] = [
  ['source', 'source_addr', 'our address is in this network'],
  ['mx-addr', 'mx_addr', "the receiver's address is in this network"],
];
const TEXTS: readonly (readonly [flag: string, key: string, says: string])[] = [
  ['mx-host', 'mx_host', "the receiver's host"],
  ['domain', 'domain', "the message's domain"],
  ['routing-domain', 'routing_domain', "the message's routing domain"],
  ['campaign', 'campaign', "the message's campaign"],
  ['tenant', 'tenant', "the message's tenant"],
  ['egress-pool', 'egress_pool', 'the pool'],
  ['egress-source', 'egress_source', 'the source'],
  ['mail-from', 'mail_from', 'the envelope sender'],
  ['rcpt-to', 'rcpt_to', 'a recipient'],
  ['ready-queue', 'ready_queue', 'the ready queue'],
];

const withTrace = (command: Command): Command =>
  withEndpoint(command)
    .addOption(
      new Option('--color <when>', 'colour: on terminals, always or never')
        .choices(['tty', 'yes', 'no'])
        .default('tty'),
    )
    .option('--only-new', 'only sessions whose beginning is seen')
    .option('--only-one', 'only the first session that is seen; ends with it')
    .option('--terse', 'of long data the first line and the length');

const LINES_HELP = `
A line begins with the session and the time since it was first seen. "->" is what the daemon said,
"<-" what it heard, "===" what happened; "+", "~" and "-" is what became known of the session.
With --json each event is printed as it came. Passwords are hidden by the daemon; message texts are
not, unless --terse. Ctrl-C ends it.`;

/** The `trace-smtp-client` command. */
export const buildClient = (): Command => {
  const command = withTrace(new Command('trace-smtp-client')).description(
    'Shows our conversations with receivers while they happen; filters may be repeated.',
  );
  for (const [flag, , says] of NETWORKS) {
    command.addOption(new Option(`--${flag} <cidr>`, `only where ${says}`).argParser(network));
  }
  for (const [flag, , says] of TEXTS) {
    command.addOption(
      new Option(`--${flag} <name>`, `only where ${says} is this`).argParser(collect),
    );
  }
  const examples = `
Examples:
  $ waybill trace-smtp-client --domain example.com --terse
  $ waybill trace-smtp-client --egress-source ip-1 --only-new --only-one\n`;
  return command
    .addHelpText('after', () => LINES_HELP + examples + endpointHelp())
    .action((flags: Flags) => trace('client', flags, [...NETWORKS, ...TEXTS]));
};

/** The `trace-smtp-server` command. */
export const buildServer = (): Command =>
  withTrace(new Command('trace-smtp-server'))
    .description('Shows the conversations of clients with our listeners while they happen.')
    .addOption(
      new Option('--source <cidr>', "only where the client's address is in this network").argParser(
        network,
      ),
    )
    .addHelpText('after', () => {
      const example =
        '\n\nExample:\n  $ waybill trace-smtp-server --source 192.0.2.0/24 --only-one\n';
      return LINES_HELP + example + endpointHelp();
    })
    .action((flags: Flags) => trace('server', flags, NETWORKS.slice(0, 1)));

const camel = (flag: string): string =>
  flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const trace = async (side: Side, flags: Flags, lists: typeof TEXTS): Promise<void> => {
  const request: Record<string, unknown> = flags.terse === true ? { terse: true } : {};
  for (const [flag, key] of lists) {
    const list = flags[camel(flag)];
    if (list !== undefined) request[key] = list;
  }
  const isColoured =
    flags.color === 'yes' || (flags.color === 'tty' && isColourful(process.stdout));
  const text = new TraceText({
    side,
    onlyNew: flags.onlyNew === true,
    onlyOne: flags.onlyOne === true,
    terse: flags.terse === true,
    paint: (style, said) => (isColoured ? styled(style, said) : said),
  });
  await watch(openClient(flags), `/api/admin/trace-smtp-${side}/v1`, request, (event, raw) => {
    const { isShown, lines, isOver } = text.take(event);
    if (isShown && flags.json === true) print(raw);
    else if (lines.length > 0) print(lines.join('\n'));
    return !isOver;
  });
};

// RFC 6455 section 7.4.1, and the registry of section 11.7.
const REFUSED = 1008;
const LATER = 1013;

/** Shows events until `show` has enough, the person has, or the daemon ends it. */
const watch = async (
  client: DaemonClient,
  path: string,
  request: object,
  show: (event: TraceEvent, raw: string) => boolean,
): Promise<void> => {
  const { WebSocket } = await import('ws');
  const { url, headers } = client.socketParts(path);
  const socket = new WebSocket(url, { headers, handshakeTimeout: 60_000 });
  await new Promise<void>((resolve, reject) => {
    let isDone = false;
    const end = (): void => {
      isDone = true;
      socket.close();
    };
    onInterrupt(end);
    socket.on('open', () => socket.send(JSON.stringify(request)));
    socket.on('message', (data) => {
      const raw = String(data);
      if (!isDone && !show(JSON.parse(raw) as TraceEvent, raw)) end();
    });
    socket.on('unexpected-response', (_, response) => {
      reject(refusalOf(client, response.statusCode ?? 0));
      socket.terminate();
    });
    socket.on('error', (error) => reject(client.failure(error)));
    socket.on('close', (code, reason) => {
      if (isDone) resolve();
      else reject(endingOf(client, code, String(reason)));
    });
  });
};

const refusalOf = (client: DaemonClient, status: number): CommandFailure => {
  const isForbidden = status === 401 || status === 403;
  const why = isForbidden ? 'does not let us watch' : `answers ${status} instead of a websocket`;
  return new CommandFailure(
    `${client.name} ${why}; only peers in trusted_hosts of its listener may.`,
    isForbidden ? EXIT.forbidden : EXIT.failed,
  );
};

const endingOf = (client: DaemonClient, code: number, reason: string): CommandFailure => {
  const said = reason === '' ? '' : `: ${reason}`;
  if (code === REFUSED) return new CommandFailure(`the request was refused${said}.`, EXIT.usage);
  const why = code === LATER ? 'has no room for another watcher' : `ended the trace (${code})`;
  return new CommandFailure(`${client.name} ${why}${said}.`);
};
