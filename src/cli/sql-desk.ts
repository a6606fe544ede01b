/**
 * Asks the process in which statements run, and ends it when one takes too long or too much memory;
 * the next statement gets a new one. So no statement, whatever it does, ends the prompt or harms
 * the machine. Deliberately unknown here: SQL, directories, how results look.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import process from 'node:process';
import { QueryRefused } from '../events/log-views.ts';
import { programBeside } from '../manager/child.ts';
import type { SqlQuestion, SqlReply } from './sql-process.ts';
import type { ViewAnswer, ViewOrder } from './sql-views.ts';

/** Time after its own in which a statement may still end by itself, ms. */
const GRACE_MS = 1_000;
/** Longest time to open a directory, ms. */
const OPEN_MS_MAX = 600_000;

const MIB = 2 ** 20;

/** A place to ask at. */
export class SqlDesk {
  readonly #order: ViewOrder;
  readonly #memoryMax: number;
  #child: ChildProcess | undefined;

  /** `memoryMax`: bytes that the process of a statement may hold. */
  constructor(order: ViewOrder, memoryMax: number) {
    this.#order = order;
    this.#memoryMax = memoryMax;
  }

  /** Rows of one statement; throws QueryRefused, also for a directory that cannot be read. */
  async ask(sql: string, rowsMax: number): Promise<ViewAnswer> {
    await this.open();
    const answer = await this.#demand({ sql, rowsMax }, this.#order.timeoutMs + GRACE_MS);
    return answer as ViewAnswer;
  }

  /** Opens the directory, if that is not done; throws QueryRefused. */
  async open(): Promise<void> {
    if (this.#child !== undefined) return;
    this.#child = fork(programBeside(import.meta.url, 'sql-process'), [], {
      execArgv: [...process.execArgv],
      serialization: 'advanced',
    });
    await this.#demand({ open: this.#order, memoryMax: this.#memoryMax }, OPEN_MS_MAX);
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #demand(question: SqlQuestion, waitMs: number): Promise<ViewAnswer | undefined> {
    const reply = await this.#wait(question, waitMs);
    if ('answer' in reply) return reply.answer;
    if ('failed' in reply) throw new Error(reply.failed);
    throw new QueryRefused(reply.refused);
  }

  #wait(question: SqlQuestion, waitMs: number): Promise<SqlReply> {
    const child = this.#child as ChildProcess;
    return new Promise((resolve) => {
      const over = (reply: SqlReply, isGone: boolean): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (isGone) this.close();
        resolve(reply);
      };
      const timer = setTimeout(() => {
        over({ refused: 'the statement took too long; narrow it, or see --timeout' }, true);
      }, waitMs);
      const most = `${Math.round(this.#memoryMax / MIB)} MiB of memory`;
      const ended = (): void =>
        over(
          { refused: `the statement needed more than ${most}; narrow it, or see --memory` },
          true,
        );
      child.once('message', (reply) => over(reply as SqlReply, false));
      child.once('exit', ended);
      child.once('error', (error) => over({ failed: error.message }, true));
      child.send(question, (error) => {
        if (error !== null) ended();
      });
    });
  }
}
