/**
 * Answers about an instant of the past, for people: tables for lists, sentences for why, indented
 * JSON for the rest. Knows nothing of how they came about.
 */
import type { Step } from '../forensics/stepping.ts';
import type { Told } from '../manager/telling.ts';
import type { Answered, QuestionName } from './at-answers.ts';
import { count } from './terminal.ts';
import { describeWhy } from './why.ts';

type Cells = readonly (string | number | null)[];

/** Lines with their columns aligned; numbers to the right. */
export function showTable(head: Cells, rows: readonly Cells[]): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cellText(cell)));
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const isNumber = head.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  return all
    .map((row) =>
      row
        .map((cell, at) => {
          const width = widths[at] ?? 0;
          return isNumber[at] ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const cellText = (cell: string | number | null): string =>
  cell === null ? '-' : typeof cell === 'number' ? count(cell) : cell;

interface QueueLines {
  readonly queues: readonly {
    readonly queue_name: string;
    readonly messages: number;
    readonly age: string | null;
    readonly state: string;
    readonly until: string | null;
    readonly last_error: { readonly text: string } | null;
  }[];
}

interface SourceLines {
  readonly sources: readonly {
    readonly source: string;
    readonly state: string;
    readonly until: string | null;
    readonly cause: string | null;
  }[];
}

/** An answer as text. */
export function showAnswer(question: QuestionName, { answer, notInLog }: Answered): string {
  const left = notInLog.length === 0 ? [] : [`not in the log: ${notInLog.join(', ')}`];
  return [showBody(question, answer), ...left].join('\n');
}

function showBody(question: QuestionName, answer: unknown): string {
  if (question === 'why') return describeWhy(answer as Told);
  if (question === 'queues') {
    const rows = (answer as QueueLines).queues.map((line) => [
      line.queue_name,
      line.messages,
      line.age,
      line.until === null ? line.state : `${line.state} until ${line.until}`,
      line.last_error?.text ?? null,
    ]);
    return showTable(['queue', 'messages', 'age', 'state', 'last error'], rows);
  }
  if (question === 'sources') {
    const rows = (answer as SourceLines).sources.map((line) => [
      line.source,
      line.state,
      line.until,
      line.cause,
    ]);
    return showTable(['source', 'state', 'until', 'cause'], rows);
  }
  return JSON.stringify(answer, undefined, 2);
}

const AS_TIME = /(^|\.)(due|until)$/;

const valueText = (field: string, value: string | number): string => {
  if (value === '' || (value === 0 && AS_TIME.test(field))) return '-';
  return AS_TIME.test(field) ? new Date(Number(value)).toISOString() : String(value);
};

/** A field before and after. */
export const showChange = (
  field: string,
  [before, after]: readonly [string | number, string | number],
): string => `${field}: ${valueText(field, before)} → ${valueText(field, after)}`;

/** An event and what it changed. */
export function showStep(step: Step): string {
  const when = new Date(step.at).toISOString();
  const changed = Object.entries(step.changed).map(([field, pair]) => showChange(field, pair));
  const said = JSON.stringify(step.body);
  return [
    `${count(step.position)}  turn ${step.turn}  ${when}  ${step.type}  ${step.stream}`,
    `    ${said}`,
    ...(changed.length === 0 ? ['    changes nothing in the books'] : []),
    ...changed.map((line) => `    ${line}`),
  ].join('\n');
}
