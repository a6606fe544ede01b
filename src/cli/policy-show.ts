/**
 * `waybill policy show`: one version: where it came from, the files it was made of, what was learnt
 * when it was prepared; or the text of one of its files.
 */
import process from 'node:process';
import { Command } from 'commander';
import type { StoredVersion, VersionSummary } from '../domain/policy-version.ts';
import {
  DATA_OPTION,
  demandVersion,
  formatTime,
  parseVersion,
  withStore,
} from './policy-store-reading.ts';
import { CommandFailure, count, exitCodeHelp, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly file?: string;
  readonly code?: boolean;
  readonly json?: boolean;
}

const HELP = `
Examples:
  $ waybill policy show 3
  $ waybill policy show 3 --file sources.toml > sources.toml.old`;

/** The `policy show` command. */
export const buildShow = (): Command =>
  new Command('show')
    .summary('one version: its files, facts and warnings')
    .description('Shows what a version of the policy is made of.')
    .argument('<version>', 'its number', parseVersion)
    .option(...DATA_OPTION)
    .option('--file <path>', 'print the text of one of its files')
    .option('--code', 'print the compiled module')
    .option('--json', 'print all of it as JSON, texts included')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((number: number, flags: Flags) => run(number, flags));

const run = (number: number, flags: Flags): void => {
  const { version, summary } = withStore(flags.data, (store) => ({
    summary: store.list(Number.MAX_SAFE_INTEGER).find((one) => one.number === number),
    version: store.find(number),
  }));
  if (version === undefined && summary?.state === 'refused') {
    print(flags.json ? JSON.stringify(summary) : describeRefusal(summary));
    return;
  }
  const found = version ?? withStore(flags.data, (store) => demandVersion(store, number));
  if (flags.json === true) print(JSON.stringify({ ...summary, ...found }));
  else if (flags.code === true) process.stdout.write(found.code);
  else if (flags.file !== undefined) process.stdout.write(findFile(found, flags.file));
  else print(describe(found, summary));
};

const findFile = ({ number, files }: StoredVersion, path: string): string => {
  const file = files.find((one) => one.path === path);
  if (file !== undefined) return file.text;
  const names = files.map((one) => one.path).join(', ');
  throw new CommandFailure(`Version ${number} has no file ${path}; it has ${names}.`);
};

const describeRefusal = ({ number, source, at, reason, sentence }: VersionSummary): string =>
  [
    `version  ${number}, refused`,
    `source   ${source}`,
    `loaded   ${formatTime(at)}, ${reason}`,
    `refused  ${sentence}`,
  ].join('\n');

const describe = (version: StoredVersion, summary: VersionSummary | undefined): string => {
  const { number, state, hash, source, at, reason, sentence, facts, files, warnings } = version;
  const inForce = summary?.isCurrent === true ? ', in force' : '';
  const lines = [
    `version  ${number}, ${state}${inForce}`,
    `hash     ${hash}`,
    `source   ${source}`,
    `loaded   ${formatTime(at)}, ${reason}`,
  ];
  if (summary?.acceptedAt !== undefined) {
    lines.push(`in force ${formatTime(summary.acceptedAt)}`);
  }
  if (sentence !== '') lines.push(`refused  ${sentence}`);
  for (const { path, sha256, text } of files) {
    const bytes = count(Buffer.byteLength(text));
    lines.push(`file     ${path}  ${bytes} bytes  ${sha256.slice(0, 16)}`);
  }
  for (const [name, fact] of Object.entries(facts)) {
    lines.push(`fact     ${name}  ${count(JSON.stringify(fact).length)} bytes`);
  }
  for (const warning of warnings) lines.push(`warning  ${warning}`);
  return lines.join('\n');
};
