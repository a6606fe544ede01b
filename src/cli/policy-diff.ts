/**
 * `waybill policy diff`: what would be different for the mail that is queued now, and for domains
 * one names. Both versions are asked on watched threads; comparing is in policy-compare.ts, what
 * lives in policy-live.ts.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command } from 'commander';
import type { StoredVersion } from '../domain/policy-version.ts';
import type { Effective, Questions } from '../manager/policy-jobs.ts';
import { startPolicyThread } from '../manager/policy-watch.ts';
import { parseCount } from './arguments.ts';
import { compareEffective } from './policy-compare.ts';
import type { Difference } from './policy-diff-text.ts';
import { describeDifference } from './policy-diff-text.ts';
import { readLive } from './policy-live.ts';
import { findSites } from './policy-sites.ts';
import { DATA_OPTION, demandVersion, parseVersion, withStore } from './policy-store-reading.ts';
import { CommandFailure, EXIT, exitCodeHelp, explain, print, remark } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly domains?: string;
  readonly domainsFile?: string;
  readonly dns: boolean;
  readonly list: number;
  readonly json?: boolean;
}

const HELP = `
Compared is what the two versions answer, not their texts: for every queue, source and path that
lives in the data directory now, and for the domains given. Equal changes are one group.

Examples:
  $ waybill policy diff 3 4
  $ waybill policy diff 3 4 --domains example.com,example.org --no-dns --json`;

/** The `policy diff` command. */
export const buildDiff = (): Command =>
  new Command('diff')
    .summary('what two versions answer differently')
    .description('Compares the effective configuration of two versions.')
    .argument('<from>', 'number of a version', parseVersion)
    .argument('<to>', 'number of another', parseVersion)
    .option(...DATA_OPTION)
    .option('--domains <names>', 'compare for these domains, too; commas between them')
    .option('--domains-file <file>', 'compare for the domains in this file, one a line')
    .option('--no-dns', 'do not look up the exchangers of the domains given')
    .option('--list <n>', 'how many names of a group to print', parseCount, 5)
    .option('--json', 'print the differences as JSON, with all names')
    .addHelpText('after', () => HELP + exitCodeHelp('the versions differ'))
    .action((from: number, to: number, flags: Flags) => run(from, to, flags));

const run = async (from: number, to: number, flags: Flags): Promise<void> => {
  const { data } = flags;
  const [before, after] = withStore(data, (store) => [
    demandVersion(store, from),
    demandVersion(store, to),
  ]);
  const live = readLive(data);
  const domains = readDomains(flags);
  const known = new Set(live.queues.map(({ name }) => name));
  const added = domains.filter((domain) => !known.has(domain));
  const sites = flags.dns ? await findSites(added) : new Map<string, string>();
  const questions: Questions = {
    queues: [
      ...live.queues.map(({ name, site }) => [name, site] as const),
      ...added.map((domain) => [domain, sites.get(domain) ?? ''] as const),
    ],
    pools: [],
    sources: live.sources,
  };
  const [one, other] = await Promise.all([
    ask(before, questions, data),
    ask(after, questions, data),
  ]);
  const messages = new Map(live.queues.map((queue) => [queue.name, queue.messages]));
  const difference: Difference = {
    from,
    to,
    ...compareEffective(one, other, messages),
    queues: live.queues.length,
    domains: added.length,
    files: compareFiles(before, after),
    listenersDiffer: before.settingsHash !== after.settingsHash,
  };
  for (const fault of new Set([...one.faults, ...other.faults])) remark(`warning: ${fault}`);
  print(flags.json ? JSON.stringify(difference) : describeDifference(difference, flags.list));
  const isSame = difference.groups.length === 0 && !difference.listenersDiffer;
  if (!isSame) process.exitCode = EXIT.wanting;
};

const ask = async (
  version: StoredVersion,
  questions: Questions,
  dir: string,
): Promise<Effective> => {
  const job = { kind: 'ask', version, dir, questions } as const;
  const { effective, refusals } = await startPolicyThread().run(job);
  if (effective !== undefined) return effective;
  throw new CommandFailure(`Version ${version.number} cannot be asked: ${refusals[0]}`);
};

const readDomains = ({ domains, domainsFile }: Flags): string[] => {
  const lines = domainsFile === undefined ? [] : readLines(domainsFile);
  const names = [...(domains ?? '').split(','), ...lines]
    .map((name) => name.replace(/#.*$/, '').trim().toLowerCase())
    .filter((name) => name !== '');
  return [...new Set(names)];
};

const readLines = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    throw new CommandFailure(`The file ${file} cannot be read: ${explain(error)}.`);
  }
};

const compareFiles = (before: StoredVersion, after: StoredVersion): Difference['files'] => {
  const sums = new Map(before.files.map(({ path, sha256 }) => [path, sha256]));
  const paths = new Set(after.files.map(({ path }) => path));
  const added = after.files.filter(({ path }) => !sums.has(path));
  const changed = after.files.filter(
    ({ path, sha256 }) => sums.has(path) && sums.get(path) !== sha256,
  );
  const removed = before.files.filter(({ path }) => !paths.has(path));
  const names = (files: typeof added): string[] => files.map(({ path }) => path);
  return { added: names(added), changed: names(changed), removed: names(removed) };
};
