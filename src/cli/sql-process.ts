/**
 * The process in which statements of `waybill sql` run: it may be ended at any instant, because a
 * statement cannot be interrupted within. Answers one question after the other. Knows no prompt.
 */
import process from 'node:process';
import { LogOpenError } from '../events/log-report.ts';
import { startThread } from '../events/log-start.ts';
import { QueryRefused } from '../events/log-views.ts';
import type { ViewAnswer, ViewOrder } from './sql-views.ts';
import { DirectoryViews } from './sql-views.ts';
import { explain } from './terminal.ts';

/** What it is told: first what to open, then statements. */
export type SqlQuestion =
  | { readonly open: ViewOrder; readonly memoryMax: number }
  | { readonly sql: string; readonly rowsMax: number };

/** What it answers to each. */
export type SqlReply =
  | { readonly answer: ViewAnswer | undefined }
  | { readonly refused: string }
  | { readonly failed: string };

let views: DirectoryViews | undefined;

const answer = (question: SqlQuestion): ViewAnswer | undefined => {
  if ('sql' in question) return views?.ask(question.sql, question.rowsMax);
  const { open, memoryMax } = question;
  const workerData = { memoryMax, parent: process.ppid };
  startThread('./sql-watchdog-thread', import.meta.url, { workerData }).unref();
  views = new DirectoryViews(open);
  return undefined;
};

const reply = (question: SqlQuestion): SqlReply => {
  try {
    return { answer: answer(question) };
  } catch (error) {
    const message = explain(error);
    const isSaid = error instanceof QueryRefused || error instanceof LogOpenError;
    return isSaid ? { refused: message } : { failed: message };
  }
};

process.on('message', (question: SqlQuestion) => {
  process.send?.(reply(question));
});
