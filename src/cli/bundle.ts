/**
 * `waybill bundle`: writes what belongs to an incident into one file, redacted, and opens such a
 * file as a data directory on another machine. Choosing, redacting and the format are in
 * forensics/bundle-*.ts; docs/proof.md tells of all three.
 */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { numberOfMessageId } from '../domain/message-id.ts';
import { formatQueueName, parseQueueName } from '../domain/queue-name.ts';
import { LogOpenError } from '../events/log-report.ts';
import { PolicyStoreError } from '../events/policy-schema.ts';
import type { Incident } from '../forensics/bundle-choose.ts';
import { IncidentTooLarge } from '../forensics/bundle-choose.ts';
import { BundleUnreadable } from '../forensics/bundle-file.ts';
import type { BundleMade } from '../forensics/bundle-make.ts';
import { createClock } from '../ports/node/clock.ts';
import { demandOrder, parsePast, TIMES_HELP } from './past-time.ts';
import { DATA_OPTION } from './policy-store-reading.ts';
import {
  CommandFailure,
  count,
  counted,
  EXIT,
  exitCodeHelp,
  explain,
  print,
  remark,
} from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly out?: string;
  readonly from?: number;
  readonly to?: number;
  readonly redact: boolean;
  readonly json?: boolean;
}

const HELP = `
KEY is the id of a message or the name of a queue; without it everything between --from and --to
belongs to the incident. The file has records, versions of the policy, and facts of the program and
machine; it never has bodies. Local parts of addresses, header fields, metadata and secrets in it
are tokens: the same text is the same token within one file, and nobody can read it back.
${TIMES_HELP}

Examples:
  $ waybill bundle 019f0c3a5b7c9d12ab34000000000001 --out incident.wbundle
  $ waybill bundle news@example.com --from 2026-01-02T12:00:00Z --to 2026-01-02T13:00:00Z
  $ waybill bundle open incident.wbundle --data incident && waybill verify incident`;

const OPEN_HELP = `
The directory must be new or empty. Commands that read a data directory offline work on it; there
are no bodies in it, so nothing can be sent from it: start no daemon on it.

Example:
  $ waybill bundle open incident.wbundle --data incident`;

/** The `bundle` command. */
export const build = (): Command =>
  new Command('bundle')
    .description('Writes a redacted file of an incident that can be replayed elsewhere.')
    .argument('[key]', 'id of a message, or name of a queue')
    .option(...DATA_OPTION)
    .option('--out <file>', 'where to write it; incident-KEY.wbundle here without it')
    .option('--from <time>', 'first moment of the incident', parsePast)
    .option('--to <time>', 'last moment; the end of the log without it', parsePast)
    .option('--no-redact', 'leave addresses, header fields and secrets as they are')
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((key: string | undefined, flags: Flags) => inWords(() => make(key, flags)))
    .addCommand(buildOpen());

const buildOpen = (): Command =>
  new Command('open')
    .summary('makes a data directory of such a file')
    .description('Makes a data directory of an incident file.')
    .argument('<file>', 'the incident file')
    .option('--data <dir>', 'a directory that is new or empty')
    .option('--json', 'print what was opened as JSON')
    .addHelpText('after', () => OPEN_HELP + exitCodeHelp())
    .action((file: string, _flags: unknown, command: Command) => {
      // The outer command has options of the same names, and takes those behind `open` as well.
      const outer = command.parent as Command;
      if (outer.getOptionValueSource('data') !== 'cli') {
        throw new CommandFailure('Name a new directory with --data.', EXIT.usage);
      }
      const { data, json } = outer.opts<Flags>();
      return inWords(() => open(file, data, json === true));
    });

const OURS = [LogOpenError, PolicyStoreError, IncidentTooLarge, BundleUnreadable];

const inWords = async (task: () => Promise<void>): Promise<void> => {
  try {
    await task();
  } catch (error) {
    if (OURS.some((kind) => error instanceof kind)) {
      throw new CommandFailure(`${(error as Error).message}.`);
    }
    throw error;
  }
};

const readVersion = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

const incidentOf = (key: string | undefined, { from = 0, to }: Flags): Incident => {
  const span = { from, upto: to ?? Number.MAX_SAFE_INTEGER };
  if (key === undefined) {
    if (from === 0 && to === undefined) {
      throw new CommandFailure(
        'Name a message or a queue, or a time by --from and --to.',
        EXIT.usage,
      );
    }
    return span;
  }
  if (numberOfMessageId(key) >= 0) return { ...span, message: key };
  return { ...span, queue: formatQueueName(parseQueueName(key)) };
};

const fileFor = (key: string | undefined): string =>
  `incident-${(key ?? 'time').replaceAll(/[^\w.@-]/g, '_')}.wbundle`;

const make = async (key: string | undefined, flags: Flags): Promise<void> => {
  demandOrder(flags.from, flags.to);
  const incident = incidentOf(key, flags);
  const file = flags.out ?? fileFor(key);
  if (existsSync(file))
    throw new CommandFailure(`${file} is there already; name another by --out.`);
  if (!flags.redact) {
    remark('warning: addresses, header fields and secrets of the policy stay readable in the file');
  }
  const { makeBundle } = await import('../forensics/bundle-make.ts');
  const order = {
    dir: flags.data,
    file,
    incident,
    title: titleOf(key, flags),
    isRedacted: flags.redact,
    program: readVersion(),
    at: createClock().now(),
  };
  let made: BundleMade;
  try {
    made = await makeBundle(order);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  if (made.messages === 0 && key !== undefined) {
    rmSync(file, { force: true });
    throw new CommandFailure(`Nothing in the log of ${flags.data} belongs to ${key}.`);
  }
  const bytes = statSync(file).size;
  print(flags.json ? JSON.stringify({ file, bytes, ...made }) : describe(file, bytes, made));
};

const titleOf = (key: string | undefined, { from, to }: Flags): string => {
  const some = (at: number | undefined): string =>
    at === undefined ? '' : new Date(at).toISOString();
  const span = from === undefined && to === undefined ? '' : ` ${some(from)}..${some(to)}`;
  return `${key ?? 'everything'}${span}`;
};

const describe = (file: string, bytes: number, made: BundleMade): string => {
  const lines = [
    `${file}  ${counted(bytes, 'byte')}`,
    `records   ${count(made.records)} of ${counted(made.messages, 'message')}, ` +
      `${counted(made.queues, 'queue')}, ${counted(made.sources, 'source')}`,
    `versions  ${count(made.versions)} of the policy`,
    `redacted  ${counted(made.replaced, 'text')}`,
  ];
  if (made.versionsMissing.length > 0) {
    lines.push(`missing   version ${made.versionsMissing.join(', ')}: not in the policy store`);
  }
  if (made.supplied + made.leftOut > 0) {
    const gone = `${count(made.leftOut)} left out: the beginning of the log was let go of`;
    lines.push(`supplied  ${counted(made.supplied, 'record')}, ${gone}`);
  }
  for (const sentence of made.damage) lines.push(`damage    ${sentence}`);
  return lines.join('\n');
};

const open = async (file: string, dir: string, isJson: boolean): Promise<void> => {
  if (!existsSync(file)) throw new CommandFailure(`${file}: ${explain(missing())}.`);
  const { openBundle } = await import('../forensics/bundle-open.ts');
  const opened = await openBundle(file, dir);
  const { manifest, records, versions } = opened;
  if (isJson) return print(JSON.stringify({ dir, ...opened }));
  const whose = `${manifest.incident}, made ${manifest.madeAt} by ${manifest.made['waybill']}`;
  const redacted = manifest.isRedacted ? 'redacted' : 'NOT redacted';
  print(
    [
      `${dir}: ${whose}, ${redacted}`,
      `${counted(records, 'record')}, ${counted(versions, 'version')} of the policy, no bodies`,
    ].join('\n'),
  );
};

const missing = (): Error => Object.assign(new Error('no file'), { code: 'ENOENT' });
