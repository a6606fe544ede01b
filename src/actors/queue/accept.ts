/**
 * Taking mail over: a submission becomes one `message.accepted` per message, all in one turn, and
 * the submitter is answered only when that turn is durable. The body is durable already. Knows
 * nothing of SMTP or HTTP beyond the refusal it may answer.
 */
import { domainOf } from '../../domain/address.ts';
import { formatMessageId, numberOfMessageId } from '../../domain/message-id.ts';
import { formatQueueName } from '../../domain/queue-name.ts';
import type { Refusal, Submission, SubmittedMessage } from '../../intake/host.ts';
import type { Core } from '../core.ts';
import { countReceived } from '../measures.ts';
import { heldMeta } from '../rebinding.ts';
import { originOf, waitForDue } from '../rows-in-hand.ts';
import { watchDeferred } from '../spooling.ts';
import { openQueue } from './configuring.ts';
import { rowIsDue } from './due.ts';

/** What is answered while the engine stops. */
export const REFUSAL_STOPPING: Refusal = {
  code: 421,
  enhanced: '4.3.2',
  text: 'the service is stopping, try again soon',
};

/** The bound of the engine that keeps new mail out now, if any does. */
export function findCrowd(core: Core): Refusal | undefined {
  if (core.books.rows.count >= core.limits.rowsMax) {
    return { code: 452, enhanced: '4.3.1', text: 'too many messages are queued' };
  }
  if (core.turns.waitingSubmissions >= core.limits.inboxSubmissionsMax) {
    return { code: 451, enhanced: '4.3.2', text: 'too busy, try again later' };
  }
  return undefined;
}

/** Ids for messages to come. */
export function allocateIds(core: Core, count: number): string[] {
  const at = core.ports.clock.now();
  const ids: string[] = [];
  for (let left = count; left > 0; left -= 1) {
    ids.push(formatMessageId(at, core.books.engine.node, core.nextNumber));
    core.nextNumber += 1;
  }
  return ids;
}

/** Decides a submission. */
export function acceptSubmission(
  core: Core,
  submission: Submission,
  answered: (refusal?: Refusal) => void,
  at: number,
): void {
  const { bodies } = core.ports;
  const own = submission.messages.flatMap(({ letter }) => (letter === undefined ? [] : [letter]));
  const sharing = submission.messages.length - own.length;
  const { body } = submission;
  if (core.isStopping) {
    for (const given of [submission, ...own]) {
      bodies.refer(given.body.segment, -1, given.body.length);
    }
    core.turns.promise(() => answered(REFUSAL_STOPPING));
    return;
  }
  for (const report of submission.reports ?? []) core.turns.emit(report);
  countReceived(core, submission);
  for (const message of submission.messages) acceptMessage(core, submission, message, at);
  // The body came with one reference: each message beyond the first needs one more, and where all
  // have bodies of their own nobody needs the one it came with.
  if (sharing !== 1) bodies.refer(body.segment, sharing - 1, body.length);
  core.turns.promise(() => answered());
}

/** Its reception is told by what it says. */
const isComplaint = ({ reports }: Submission, { id }: SubmittedMessage): boolean =>
  reports?.some(({ type, stream }) => type === 'report.complained' && stream === id) === true;

function acceptMessage(core: Core, from: Submission, message: SubmittedMessage, at: number): void {
  const { books, held, turns } = core;
  const queue = message.queue ?? formatQueueName({ domain: domainOf(message.to[0] as string) });
  if (books.findQueue(queue) === undefined) openQueue(core, queue, at);
  const letter = message.letter ?? from;
  const { body } = letter;
  const { schedule } = message;
  const first = Math.max(message.dueAt ?? from.dueAt ?? at, at);
  const due = schedule?.window === undefined ? first : core.calendar.opens(schedule.window, first);
  const isLater = due > at;
  turns.emit({
    type: 'message.accepted',
    stream: message.id,
    body: {
      queue,
      from: letter.from,
      to: message.to,
      body: [body.segment, body.offset, body.length, body.sum],
      service: from.service,
      peer: from.peer,
      helo: from.helo,
      ...(isLater ? { due } : {}),
      ...(letter.eightBit ? { eightBit: 1 as const } : {}),
      ...(from.smtpUtf8 ? { smtpUtf8: 1 as const } : {}),
      session: from.session,
      tls: from.tls,
      cipher: from.cipher,
      meta: message.meta ?? from.meta,
      headers: message.headers ?? from.headers,
      ...(isComplaint(from, message) ? { complaint: 1 as const } : {}),
      schedule,
    },
  });
  const slot = books.rows.find(numberOfMessageId(message.id));
  const { chunks, bodyBytes } = letter;
  const seen = heldMeta(core, message.meta ?? from.meta);
  watchDeferred(core, slot, at);
  const hot = { from: letter.from, to: message.to, body: chunks, bodyBytes, ...seen };
  const isOver = schedule?.expires !== undefined && schedule.expires <= at;
  if (!isLater && !isOver) {
    held.heat(slot, hot);
    return rowIsDue(core, slot, at);
  }
  const told = { ...originOf(core, slot), due };
  if (isLater) turns.emit({ type: 'message.scheduled', stream: message.id, body: told });
  waitForDue(core, slot);
}
