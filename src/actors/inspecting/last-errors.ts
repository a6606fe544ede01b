/**
 * What failed last in a queue, remembered for those who look. It is memory, no fact: the log has
 * every failure. Knows no schedule.
 */

import type { Reply } from '../../domain/reply.ts';
import { formatReply } from '../../domain/reply.ts';
import type { Core } from '../core.ts';

/** Queues whose last failure is remembered, those that failed longest ago go first. */
export const LAST_ERRORS_MAX = 16_384;
/** A longer text is cut. */
const ERROR_CHARS_MAX = 300;

/** Remembers a failure of a row; a cause that is no reply has the code 0. Answers its text. */
export function noteError(core: Core, slot: number, said: Reply | string, at: number): string {
  const { name } = core.books.queueOfRow(slot);
  const isReply = typeof said !== 'string';
  const text = isReply ? formatReply(said) : said;
  const short = text.slice(0, ERROR_CHARS_MAX);
  core.lastErrors.set(name, { at, code: isReply ? said.code : 0, text: short });
  return text;
}
