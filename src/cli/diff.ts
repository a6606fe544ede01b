/**
 * `waybill diff T1 T2`: what differs between two points of the log, and what ended in between. The
 * log is folded once: the first point is portrayed on the way to the second.
 */
import process from 'node:process';
import { Command } from 'commander';
import type { Difference, PartDifference } from '../forensics/portrait.ts';
import { comparePortraits, PARTS, portray } from '../forensics/portrait.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { parseCount } from './arguments.ts';
import { showChange } from './at-show.ts';
import {
  nowMs,
  openPast,
  pointOf,
  rebuildTo,
  TIME_HELP,
  takesTimes,
  tellBeginning,
  tellDamage,
} from './past-log.ts';
import { CommandFailure, count, EXIT, exitCodeHelp, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly json?: boolean;
  readonly limit: number;
}

const HELP = `${TIME_HELP}

Example:
  $ waybill diff 12:00 12:10 --data /var/spool/waybill
  $ waybill diff -10m now --json | jq .ends`;

/** The `diff` command. */
export const build = (): Command =>
  takesTimes(new Command('diff'))
    .description(
      'Says which queues, sources, rules, rates and policy differ between two times, and how ' +
        'many recipients came and ended in between.',
    )
    .argument('<t1>', 'the earlier time, see below')
    .argument('<t2>', 'the later time')
    .option('--data <dir>', 'data directory of the daemon, or a copy of it', DATA_DEFAULT)
    .option('--json', 'print all differences as JSON')
    .option('--limit <n>', 'things of each kind to print', parseCount, 20)
    .addHelpText('after', () => HELP + exitCodeHelp('something differs'))
    .action(run);

async function run(t1: string, t2: string, { data, json, limit }: Flags): Promise<void> {
  const log = openPast(data);
  const now = nowMs();
  const [from, to] = [pointOf(log, t1, now), pointOf(log, t2, now)];
  tellBeginning(log, from);
  if (to.position < from.position) {
    throw new CommandFailure('the first time is later than the second; swap them.', EXIT.usage);
  }
  const isQuiet = json === true;
  const rebuild = await rebuildTo(log, from.position, isQuiet);
  const before = portray(rebuild.books);
  await rebuildTo(log, to.position, isQuiet, rebuild);
  const difference = comparePortraits(before, portray(rebuild.books));
  if (isQuiet) {
    const [first, second] = [from, to].map(({ at, position }) => {
      return { at: new Date(at).toISOString(), position };
    });
    const damage = rebuild.damage.length === 0 ? {} : { damage: rebuild.damage };
    print(JSON.stringify({ from: first, to: second, ...difference, ...damage }));
  } else {
    tellDamage(rebuild);
    print(describe(difference, limit));
  }
  if (isDifferent(difference)) process.exitCode = EXIT.wanting;
}

const sizeOf = ({ appeared, gone, changed }: PartDifference): number =>
  appeared.length + gone.length + Object.keys(changed).length;

const isDifferent = (difference: Difference): boolean =>
  PARTS.some((part) => sizeOf(difference[part]) > 0) ||
  Object.keys(difference.policy).length > 0 ||
  Object.values(difference.ends).some((value) => value !== 0);

function describe(difference: Difference, limit: number): string {
  const policy = Object.entries(difference.policy).map((entry) => `  ${showChange(...entry)}`);
  const ends = Object.entries(difference.ends).map(([field, value]) => `${count(value)} ${field}`);
  return [
    `recipients: ${ends.join(', ')}`,
    ...(policy.length === 0 ? ['policy: the same'] : ['policy:', ...policy]),
    ...PARTS.flatMap((part) => describePart(part, difference[part], limit)),
  ].join('\n');
}

function describePart(part: string, found: PartDifference, limit: number): string[] {
  const total = sizeOf(found);
  if (total === 0) return [`${part}: the same`];
  const { appeared, gone, changed } = found;
  const lines = [
    ...Object.entries(changed).map(([name, fields]) => {
      const said = Object.entries(fields).map((entry) => showChange(...entry));
      return `  ~ ${name}  ${said.join(', ')}`;
    }),
    ...appeared.map((name) => `  + ${name}`),
    ...gone.map((name) => `  - ${name}`),
  ];
  const more = total > limit ? [`  and ${count(total - limit)} more (--limit, --json)`] : [];
  const changes = Object.keys(changed).length;
  const counts = `${changes} changed, ${appeared.length} new, ${gone.length} gone`;
  return [`${part}: ${counts}`, ...lines.slice(0, limit), ...more];
}
