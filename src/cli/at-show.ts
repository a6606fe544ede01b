/**
 * Answers about an instant of the past, for people: tables for lists, sentences for why, indented
 * JSON for the rest. Knows nothing of how they came about.
 */
import type { Step } from '../forensics/stepping.ts';
import type { Told } from '../manager/telling.ts';
import type { Answered, QuestionName } from './at-answers.ts';
import type { Message, Queue } from './inspect.ts';
import { describeMessage, describeQueue } from './inspect.ts';
import { formatPairs } from './table.ts';
import { count, counted, harmless } from './terminal.ts';
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
  cell === null ? '-' : typeof cell === 'number' ? count(cell) : harmless(cell);

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
  if (question === 'policy') return policyText(answer as Overview['policy']);
  if (question === 'overview') return showOverview(answer as Overview);
  if (question === 'inspect-sched-q') return describeQueue(answer as Queue);
  if (question === 'inspect-message') {
    const { id, message } = answer as { readonly id: string; readonly message: Message };
    return describeMessage(id, message).join('\n');
  }
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
  if (Array.isArray(answer) && answer.length === 0) return 'none';
  return JSON.stringify(answer, undefined, 2);
}

interface Overview {
  readonly running: boolean;
  readonly starts: number;
  readonly policy: { readonly version: number; readonly epoch: number };
  readonly messages: number;
  readonly queues: number;
  readonly sources: number;
  readonly suspended_sources: number;
  readonly rules: number;
  readonly recipients: Readonly<Record<string, number>>;
}

const policyText = ({ version, epoch }: Overview['policy']): string =>
  `version ${version}, epoch ${epoch}`;

function showOverview(all: Overview): string {
  const { accepted = 0, unknown = 0, ...fates } = all.recipients;
  const sum = Object.entries(fates).map(([fate, much]) => `${count(much)} ${fate}`);
  return formatPairs([
    ['engine', `${all.running ? 'running' : 'stopped'}, start ${count(all.starts)} of the log`],
    ['policy', policyText(all.policy)],
    ['messages', `${count(all.messages)} in ${counted(all.queues, 'queue')}`],
    ['sources', `${count(all.sources)}, ${count(all.suspended_sources)} of them suspended`],
    ['rules', `${count(all.rules)} suspensions and bounces of operators`],
    ['recipients', `${count(accepted)} accepted = ${sum.join(' + ')}`],
    ['unknown', `${counted(unknown, 'attempt')} of unknown outcome`],
  ]);
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
