/**
 * What was answered last to the mail that somebody asks about. The one idea: the words of the last
 * failure tell more than any schedule, so they stand beside the reasons; where the message's own
 * are forgotten, those of its queue. Deliberately unknown here: where failures are remembered.
 */
import type { LastAnswer, Subject } from '../../domain/explanation.ts';
import type { LastError } from '../../domain/inspection.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import type { Kept } from '../recorded.ts';

/** Who remembers failures. */
export interface ErrorMemory {
  ofMessage(id: string): LastError | undefined;
  ofQueue(name: string): LastError | undefined;
}

/** The last answer to a message that was tried, or in a queue; none where nobody remembers one. */
export function lastAnswer(
  { books }: Kept,
  { kind, name }: Subject,
  memory: ErrorMemory,
): LastAnswer | undefined {
  if (kind === 'queue') return tell('queue', memory.ofQueue(name));
  if (kind !== 'message') return undefined;
  const slot = books.rows.find(numberOfMessageId(name));
  if (slot < 0 || books.rows.columns.attempts[slot] === 0) return undefined;
  const own = tell('message', memory.ofMessage(name));
  return own ?? tell('queue', memory.ofQueue(books.queueOfRow(slot).name));
}

const tell = (of: LastAnswer['of'], error: LastError | undefined): LastAnswer | undefined =>
  error === undefined ? undefined : { of, at: error.at, text: error.text };
