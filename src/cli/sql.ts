/**
 * `waybill sql`: asks the log in SQL, one statement or at a prompt. Reads only. The views are in
 * events/log-views.ts, their directory in sql-views.ts, their manual in docs/proof.md.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { LogOpenError } from '../events/log-report.ts';
import { QueryRefused, VIEW_NOTES } from '../events/log-views.ts';
import { parseCount, parseMoment, parseSpanMs } from './arguments.ts';
import { DATA_OPTION } from './policy-store-reading.ts';
import type { RowFormat } from './sql-print.ts';
import { formatRows } from './sql-print.ts';
import { WatchedViews } from './sql-views.ts';
import { CommandFailure, count, exitCodeHelp, print, remark } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly from?: number;
  readonly to?: number;
  readonly rows: number;
  readonly timeout: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

const HELP = `
Without QUERY it reads statements from standard input, each ended by a semicolon; on a terminal it
is a prompt, where .tables lists what there is to ask and .quit leaves. Nothing can be written, and
no lock of a running engine is touched. A statement that asks for records reads all of them between
--from and --to, about 100,000 a second.

Examples:
  $ waybill sql "SELECT domain, outcome, count(*) FROM attempts GROUP BY 1, 2"
  $ waybill sql --from 2026-01-02T12:00:00Z --csv "SELECT * FROM queue_events"`;

/** The `sql` command. */
export const build = (): Command =>
  new Command('sql')
    .description('Asks the log of a data directory in SQL, reading only.')
    .argument('[query]', 'one statement')
    .option(...DATA_OPTION)
    .option('--from <time>', 'no records before this moment, RFC 3339', parseMoment)
    .option('--to <time>', 'none after this one', parseMoment)
    .option('--rows <n>', 'rows of one result at most', parseCount, 10_000)
    .option('--timeout <span>', 'time of one statement at most', parseSpanMs, 60_000)
    .option('--json', 'print each row as a JSON object on a line of its own')
    .option('--csv', 'print rows as CSV with a line of names')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((query: string | undefined, flags: Flags) => run(query, flags));

const formatOf = ({ json, csv }: Flags): RowFormat => {
  if (json === true) return 'json';
  return csv === true ? 'csv' : 'table';
};

const run = async (query: string | undefined, flags: Flags): Promise<void> => {
  const views = open(flags);
  try {
    if (query !== undefined) {
      for (const sql of split(query)) answer(views, sql, flags);
    } else await prompt(views, flags);
  } finally {
    await views.close();
  }
};

const open = ({ data, from = 0, to = Number.MAX_SAFE_INTEGER, timeout }: Flags): WatchedViews => {
  try {
    return new WatchedViews({ dir: data, from, upto: to, timeoutMs: timeout });
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};

/** One statement as one; several only where each ends in a semicolon outside quotes. */
const split = (text: string): string[] =>
  (text.match(/(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|[^;'"-]|['"-])+/g) ?? []).filter(
    (sql) => sql.trim() !== '',
  );

const answer = (views: WatchedViews, sql: string, flags: Flags): void => {
  try {
    const { columns, rows, isMore } = views.ask(sql, flags.rows);
    for (const line of formatRows(formatOf(flags), columns, rows)) print(line);
    if (isMore) remark(`only the first ${count(flags.rows)} rows are shown; see --rows`);
  } catch (error) {
    if (error instanceof QueryRefused) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};

const describeTables = (): string =>
  VIEW_NOTES.map(({ name, says, columns }) => `${name}: ${says}\n  ${columns.join(', ')}`).join(
    '\n',
  );

const PROMPT = 'waybill> ';
const MORE = '    ...> ';

const prompt = async (views: WatchedViews, flags: Flags): Promise<void> => {
  const isTerminal = process.stdin.isTTY === true;
  const output = isTerminal ? process.stdout : undefined;
  const lines = createInterface({
    input: process.stdin,
    ...(output && { output }),
    prompt: PROMPT,
  });
  if (isTerminal) lines.prompt();
  let text = '';
  for await (const line of lines) {
    const word = text === '' ? line.trim() : '';
    if (word === '.quit' || word === '.exit') break;
    if (word === '.tables' || word === '.help') print(describeTables());
    else text += `${line}\n`;
    if (/;\s*$/.test(text)) {
      speak(views, text, flags, isTerminal);
      text = '';
    }
    lines.setPrompt(text.trim() === '' ? PROMPT : MORE);
    if (isTerminal) lines.prompt();
  }
  lines.close();
  if (text.trim() !== '') speak(views, text, flags, isTerminal);
};

/** At a prompt a mistake is a remark; in a script it ends the script. */
const speak = (views: WatchedViews, text: string, flags: Flags, isTerminal: boolean): void => {
  for (const sql of split(text)) {
    try {
      answer(views, sql, flags);
    } catch (error) {
      if (!isTerminal || !(error instanceof CommandFailure)) throw error;
      remark(error.message);
    }
  }
};
