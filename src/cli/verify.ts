/**
 * `waybill verify`: proves from the log alone that no accepted recipient was lost, and lists the
 * attempts of unknown outcome; with `--bodies` also that what is still to be sent is whole. Reading
 * and counting are in verify-log.ts and projections/ledger.ts, the words in verify-text.ts.
 */
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import type { Cut } from '../forensics/ledger-cells.ts';
import { CUTS } from '../forensics/ledger-cells.ts';
import { parseSeed } from './arguments.ts';
import { count, EXIT, exitCodeHelp, print, startProgress } from './terminal.ts';
import type { BodiesCheck, LostBody } from './verify-bodies.ts';
import { verifyLog } from './verify-log.ts';
import type { Found } from './verify-text.ts';
import { describeVerification, isAllSound } from './verify-text.ts';

interface Flags {
  readonly json?: boolean;
  readonly by?: readonly Cut[];
  readonly bodies?: boolean;
  readonly list: number;
}

const HELP = `
It reads only, and may be used while the engine runs; attempts under way are then listed as unknown.
Memory follows the messages that live at a time, about 0.5 kB each, and at most 100,000 cells; not
the length of the log.

Examples:
  $ waybill verify /var/spool/waybill --json | jq .recipients
  $ waybill verify /var/spool/waybill --by tenant --list 50
  $ waybill verify /var/spool/waybill --bodies`;

/** The `verify` command. */
export const build = (): Command =>
  new Command('verify')
    .description(
      'Folds the log of a data directory and checks that every accepted recipient was delivered, ' +
        'bounced, expired, removed or lost, or is still live, as a whole and by tenant, domain ' +
        'and hour.',
    )
    .argument('<data>', 'data directory of a worker')
    .option('--json', 'print the result as JSON, with all that is listed')
    .option(
      '--by <parts>',
      'show the ledger by tenant, domain, hour; commas between them',
      readCuts,
    )
    .option('--bodies', 'read the bodies, too, and hold them against their checksums')
    .option('--list <n>', 'how many of each kind to print', parseSeed, 20)
    .addHelpText('after', () => HELP + exitCodeHelp('a difference or damage was found'))
    .action((dataDir: string, flags: Flags) => run(dataDir, flags));

const readCuts = (text: string): Cut[] => {
  const words = text.split(',').map((word) => word.trim());
  const found = CUTS.filter((cut) => words.includes(cut));
  if (found.length > 0 && words.every((word) => (CUTS as readonly string[]).includes(word))) {
    return found;
  }
  throw new InvalidArgumentError(`Expected some of ${CUTS.join(', ')}.`);
};

const run = async (dataDir: string, flags: Flags): Promise<void> => {
  const found = await verify(dataDir, flags);
  const wantsCells = flags.by !== undefined;
  print(flags.json ? JSON.stringify(found) : describeVerification(found, flags.list, wantsCells));
  if (!isAllSound(found)) process.exitCode = EXIT.wanting;
};

const verify = async (dataDir: string, flags: Flags): Promise<Found> => {
  const first = await look(dataDir, flags);
  if (first.bodies === undefined || first.bodies.lost === 0) return first;
  // Beside a running engine mail may have gone, and its place been used again, since the log was
  // read: only what is missing twice at the same place is.
  const second = await look(dataDir, flags);
  return { ...second, bodies: second.bodies && onlyBoth(first.bodies, second.bodies) };
};

const onlyBoth = (first: BodiesCheck, second: BodiesCheck): BodiesCheck => {
  const nameOf = ({ message, segment, offset }: LostBody): string =>
    `${message} ${segment} ${offset}`;
  const before = new Set(first.lostListed.map(nameOf));
  const lostListed = second.lostListed.filter((one) => before.has(nameOf(one)));
  const isListed = second.lost === second.lostListed.length;
  return { ...second, lostListed, lost: isListed ? lostListed.length : second.lost };
};

const look = async (dataDir: string, flags: Flags): Promise<Found> => {
  const progress = await startProgress(1000, flags.json !== true);
  let bodies: Promise<BodiesCheck> | undefined;
  const { checkBodies } = await import('./verify-bodies.ts');
  try {
    const found = verifyLog(dataDir, {
      ...(flags.by === undefined ? {} : { by: flags.by }),
      shown: (records, total) =>
        progress.show(Math.round((1000 * records) / total), `${count(records)} records`),
      ...(flags.bodies === true && {
        bodies: (places) => {
          bodies = checkBodies(dataDir, places, (done, total) =>
            progress.show(Math.round((1000 * done) / total), `${count(done)} body segments`),
          );
        },
      }),
    });
    return { ...found, bodies: await bodies };
  } finally {
    progress.stop();
  }
};
