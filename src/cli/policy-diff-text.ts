/**
 * The difference between two versions as a person reads it: a line for each option, below it whom
 * it is about. Pure.
 */
import type { ChangeGroup, Comparison } from './policy-compare.ts';
import { describeChange } from './policy-compare.ts';
import { count } from './terminal.ts';

/** All that is said about two versions. */
export interface Difference extends Comparison {
  readonly from: number;
  readonly to: number;
  /** What was compared: queues that live, and domains besides. */
  readonly queues: number;
  readonly domains: number;
  readonly files: {
    readonly added: readonly string[];
    readonly changed: readonly string[];
    readonly removed: readonly string[];
  };
  /** Listeners or HTTP listeners: a worker is started anew for them. */
  readonly listenersDiffer: boolean;
}

const WIDTH = 8;
const PLURALS = { queue: 'queues', pool: 'pools', source: 'sources', path: 'paths' } as const;

const describeNames = ({ what, names, messages }: ChangeGroup, listed: number): string => {
  const shown = names.slice(0, listed).join(', ');
  const more = names.length > listed ? ` and ${count(names.length - listed)} more` : '';
  const which = `${count(names.length)} ${names.length === 1 ? what : PLURALS[what]}`;
  const about = messages === 0 ? 'no queued message' : `${count(messages)} queued messages`;
  return `${which}: ${shown}${more}; ${messages === 1 ? '1 queued message' : about}`;
};

const describeGroup = (group: ChangeGroup, listed: number): string[] => {
  const lines = group.changes.map((change, at) => {
    const head = (at === 0 ? group.what : '').padEnd(WIDTH);
    const origins = change.origins.length === 0 ? '' : `  (${change.origins.join('; ')})`;
    return `${head}${describeChange(change)}${origins}`;
  });
  return [...lines, `${' '.repeat(WIDTH)}${describeNames(group, listed)}`];
};

const describeFiles = ({ files }: Difference): string[] =>
  Object.entries(files).flatMap(([word, paths]) =>
    paths.length === 0 ? [] : [`${'files'.padEnd(WIDTH)}${word}: ${paths.join(', ')}`],
  );

/** The whole difference; of each group at most `listed` names. */
export const describeDifference = (difference: Difference, listed: number): string => {
  const { from, to, groups, messages, queues, domains } = difference;
  const some = (value: number, word: string): string =>
    `${count(value)} ${word}${value === 1 ? '' : 's'}`;
  const given = domains === 0 ? '' : ` and ${some(domains, 'domain')} given`;
  const lines = [`version ${from} → ${to}, for ${some(queues, 'live queue')}${given}`];
  lines.push(...groups.flatMap((group) => describeGroup(group, listed)));
  if (difference.listenersDiffer) {
    lines.push(`${'setup'.padEnd(WIDTH)}the listeners differ; a worker is started anew for them`);
  }
  lines.push(...describeFiles(difference));
  const affected = `${some(messages, 'queued message')} affected`;
  lines.push(groups.length === 0 ? 'the answers are the same' : affected);
  return lines.join('\n');
};
