/**
 * Asks the manager of a data directory over its control socket: one question, one answer. Whatever
 * is in the way ends in one sentence that says what to do. Knows no command line.
 */
import { connect } from 'node:net';
import { findControlPath } from './control-path.ts';
import type { ControlReply, ControlRequest } from './messages.ts';

/** A reload compiles, proves and waits for the worker. */
const ANSWER_MS_MAX = 150_000;

/** No manager answers there. */
export class NoManager extends Error {
  override readonly name = 'NoManager';
}

/** Asks; throws NoManager, or an Error with the manager's own sentence. */
export function askManager(
  dir: string,
  question: Omit<ControlRequest, 'id'>,
  answerMsMax = ANSWER_MS_MAX,
): Promise<Readonly<Record<string, unknown>>> {
  const path = findControlPath(dir);
  const nobody = new NoManager(
    `no waybilld answers for ${dir}; is it running, with --data ${dir}?`,
  );
  if (path === undefined) return Promise.reject(nobody);
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(path);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(answerMsMax, () => {
      fail(new Error(`the manager gave no answer within ${answerMsMax / 1000} s`));
    });
    socket.on('connect', () => socket.write(`${JSON.stringify({ id: 1, ...question })}\n`));
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      fail(code === 'ENOENT' || code === 'ECONNREFUSED' ? nobody : new Error(message));
    });
    socket.on('close', () => fail(new Error('the manager ended before it answered')));
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      const end = heard.indexOf('\n');
      if (end < 0) return;
      const reply = JSON.parse(heard.slice(0, end)) as ControlReply;
      if (reply.ok) resolve(reply);
      else reject(new Error(reply.error));
      socket.destroy();
    });
  });
}
