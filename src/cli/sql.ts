/**
 * `waybill sql`: asks the log in SQL, one statement or at a prompt. Reads only. The views are in
 * events/log-views.ts, their directory in sql-views.ts, their manual in docs/proof.md.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { QueryRefused, VIEW_NOTES } from '../events/log-views.ts';
import { parseBytes, parseCount, parseSpanMs } from './arguments.ts';
import { demandOrder, parsePast, TIMES_HELP } from './past-time.ts';
import { DATA_OPTION } from './policy-store-reading.ts';
import { SqlDesk } from './sql-desk.ts';
import type { RowFormat } from './sql-print.ts';
import { formatRows } from './sql-print.ts';
import { cutStatements } from './sql-statements.ts';
import { CommandFailure, count, EXIT, exitCodeHelp, print, remark } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly from?: number;
  readonly to?: number;
  readonly rows: number;
  readonly timeout: number;
  readonly memory: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Findings of damage told with an answer; waybill verify tells all. */
const DAMAGE_SHOWN = 5;

const HELP = `
Without QUERY it reads statements from standard input, each ended by a semicolon; on a terminal it
is a prompt, where .tables lists what there is to ask and .quit leaves. Nothing can be written, and
no lock of a running engine is touched. A statement that asks for records reads all of them between
--from and --to, about 100,000 a second.
${TIMES_HELP}

Examples:
  $ waybill sql "SELECT domain, outcome, count(*) FROM attempts GROUP BY 1, 2"
  $ waybill sql --from 2026-01-02T12:00:00Z --csv "SELECT * FROM queue_events"`;

/** The `sql` command. */
export const build = (): Command =>
  new Command('sql')
    .description('Asks the log of a data directory in SQL, reading only.')
    .argument('[query]', 'one statement')
    .option(...DATA_OPTION)
    .option('--from <time>', 'no records before this moment', parsePast)
    .option('--to <time>', 'none after this one', parsePast)
    .option('--rows <n>', 'rows of one result at most', parseCount, 10_000)
    .option('--timeout <span>', 'time of one statement at most', parseSpanMs, 60_000)
    .option('--memory <size>', 'memory of one statement at most', parseBytes, 2 * 2 ** 30)
    .option('--json', 'print each row as a JSON object on a line of its own')
    .option('--csv', 'print rows as CSV with a line of names')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((query: string | undefined, flags: Flags) => run(query, flags));

const formatOf = ({ json, csv }: Flags): RowFormat => {
  if (json === true) return 'json';
  return csv === true ? 'csv' : 'table';
};

const run = async (query: string | undefined, flags: Flags): Promise<void> => {
  const { data, from = 0, to = Number.MAX_SAFE_INTEGER, timeout, memory } = flags;
  demandOrder(flags.from, flags.to);
  const cut = query === undefined ? undefined : cutStatements(query);
  const statements = cut && [...cut.whole, cut.rest].filter((sql) => sql.trim() !== '');
  if (statements?.length === 0) throw new CommandFailure('there is no statement', EXIT.usage);
  const desk = new SqlDesk({ dir: data, from, upto: to, timeoutMs: timeout }, memory);
  try {
    if (statements === undefined) await prompt(desk, flags);
    else for (const sql of statements) await answer(desk, sql, flags);
  } finally {
    desk.close();
  }
};

const answer = async (desk: SqlDesk, sql: string, flags: Flags): Promise<void> => {
  try {
    const { columns, rows, isMore, damage } = await desk.ask(sql, flags.rows);
    for (const line of formatRows(formatOf(flags), columns, rows)) print(line);
    if (isMore) remark(`only the first ${count(flags.rows)} rows are shown; see --rows`);
    for (const sentence of damage.slice(0, DAMAGE_SHOWN)) remark(`damage: ${sentence}`);
  } catch (error) {
    throw inWords(error);
  }
};

const inWords = (error: unknown): unknown =>
  error instanceof QueryRefused ? new CommandFailure(`${error.message}.`) : error;

const describeTables = (): string =>
  VIEW_NOTES.map(({ name, says, columns }) => `${name}: ${says}\n  ${columns.join(', ')}`).join(
    '\n',
  );

const PROMPT = 'waybill> ';
const MORE = '    ...> ';

const prompt = async (desk: SqlDesk, flags: Flags): Promise<void> => {
  // What is wrong with the directory is said before anybody types.
  await desk.open().catch((error: unknown) => {
    throw inWords(error);
  });
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
    else {
      const { whole, rest } = cutStatements(`${text}${line}\n`);
      for (const sql of whole) await speak(desk, sql, flags, isTerminal);
      text = rest;
    }
    lines.setPrompt(text === '' ? PROMPT : MORE);
    if (isTerminal) lines.prompt();
  }
  lines.close();
  if (text !== '') await speak(desk, text, flags, isTerminal);
};

/** At a prompt a mistake is a remark; in a script it ends the script. */
const speak = async (
  desk: SqlDesk,
  sql: string,
  flags: Flags,
  isTerminal: boolean,
): Promise<void> => {
  try {
    await answer(desk, sql, flags);
  } catch (error) {
    if (!isTerminal || !(error instanceof CommandFailure)) throw error;
    remark(error.message);
  }
};
