/**
 * `waybill history queue NAME` (or `source NAME`): the walk of a queue or a source along its chart,
 * with causes; as text, JSON, a Mermaid diagram, or a page that draws it.
 */
import { writeFileSync } from 'node:fs';
import { Argument, Command } from 'commander';
import type { LogPast } from '../events/log-past.ts';
import type { Walk, WalkKind } from '../forensics/history.ts';
import { totalsOf, walkOf } from '../forensics/history.ts';
import { NotRebuilt } from '../forensics/rebuild.ts';
import { drawMermaid } from '../forensics/walk-mermaid.ts';
import { drawPage } from '../forensics/walk-page.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { showTable } from './at-show.ts';
import { nowMs, openPast, pointOf, pointOrBeginning, TIME_HELP } from './past-log.ts';
import { formatSpan } from './span.ts';
import { CommandFailure, EXIT, exitCodeHelp, explain, print, remark } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
  readonly mermaid?: boolean;
  readonly html?: string;
}

const HELP = `${TIME_HELP}
A time that begins with a dash is given as --from=-1h.

Examples:
  $ waybill history queue example.com --from=-1h --data /var/spool/waybill
  $ waybill history source ip-1 --html ip-1.html`;

/** The `history` command. */
export const build = (): Command =>
  new Command('history')
    .description('Prints how a queue or a source went from state to state, when and why.')
    .addArgument(new Argument('<kind>', 'what it is').choices(['queue', 'source']))
    .argument('<name>', 'name of the queue or the source')
    .option('--from <time>', 'from when on; without it from the beginning of the log')
    .option('--to <time>', 'until when; without it until now')
    .option('--data <dir>', 'data directory of the daemon, or a copy of it', DATA_DEFAULT)
    .option('--json', 'print the walk as JSON, times in ms since 1970')
    .option('--mermaid', 'print it as a Mermaid state diagram')
    .option('--html <file>', 'write a page that draws it; - is standard output')
    .addHelpText('after', () => HELP + exitCodeHelp('the log tells nothing of it'))
    .action(run);

function run(kind: WalkKind, name: string, flags: Flags): void {
  const log = openPast(flags.data);
  const walk = follow(log, kind, name, flags);
  if (walk.steps.length + walk.spells.length === 0) {
    throw new CommandFailure(`the log tells nothing of ${kind} ${name} there.`, EXIT.wanting);
  }
  if (flags.html !== undefined) writePage(flags.html, drawPage(walk, formatSpan));
  else if (flags.mermaid === true) print(drawMermaid(walk, formatSpan));
  else print(flags.json === true ? JSON.stringify(walk) : describe(walk));
}

function follow(log: LogPast, kind: WalkKind, name: string, { from, to }: Flags): Walk {
  const now = nowMs();
  const begin = from === undefined ? undefined : pointOrBeginning(log, from, now);
  const end = pointOf(log, to ?? 'now', now);
  if (begin !== undefined && begin.position > end.position) {
    throw new CommandFailure('--from is later than --to; swap them.', EXIT.usage);
  }
  const span = {
    // An instant is the end of a turn: what comes after it belongs to the span.
    first: begin === undefined ? log.first : begin.position + 1,
    last: end.position,
    from: begin?.at ?? log.find(log.first)?.at ?? end.at,
    upto: end.at,
  };
  try {
    return walkOf(log, kind, name, span);
  } catch (error) {
    if (error instanceof NotRebuilt) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
}

function writePage(file: string, page: string): void {
  if (file === '-') return print(page);
  try {
    writeFileSync(file, page);
  } catch (error) {
    throw new CommandFailure(`cannot write ${file}: ${explain(error)}.`);
  }
  remark(`wrote ${file}`);
}

function describe(walk: Walk): string {
  const rows = walk.steps.map((step) => {
    const way = step.from === step.to ? step.to : `${step.from} → ${step.to}`;
    const until = step.until === 0 ? [] : [`until ${new Date(step.until).toISOString()}`];
    const wrong = step.isLegal ? [] : ['THE CHART DOES NOT ALLOW IT'];
    const cause = [...wrong, step.cause, ...until].join('; ');
    return [new Date(step.at).toISOString(), step.event, way, cause];
  });
  const totals = [...totalsOf(walk)].map(([state, ms]) => `${state} ${formatSpan(ms)}`);
  return [
    showTable(['time', 'event', 'state', 'cause'], rows),
    `in all: ${totals.join(', ')}`,
    ...(walk.isCut ? ['there were more events; these are the first'] : []),
  ].join('\n');
}
