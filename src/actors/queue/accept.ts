/**
 * Taking mail over: a submission becomes one `message.accepted` per message, all in one turn, and
 * the submitter is answered only when that turn is durable. The body is durable already. Knows
 * nothing of SMTP or HTTP beyond the refusal it may answer.
 */
import { domainOf } from '../../domain/address.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import { formatQueueName } from '../../domain/queue-name.ts';
import type { Refusal, Submission, SubmittedMessage } from '../../intake/host.ts';
import type { Core } from '../core.ts';
import { openQueue } from './configuring.ts';
import { rowIsDue } from './due.ts';

/** What is answered while the engine stops. */
export const REFUSAL_STOPPING: Refusal = {
  code: 421,
  enhanced: '4.3.2',
  text: 'the service is stopping, try again soon',
};

/** Decides a submission. */
export function acceptSubmission(
  core: Core,
  submission: Submission,
  answered: (refusal?: Refusal) => void,
  at: number,
): void {
  const { body, messages } = submission;
  if (core.isStopping) {
    core.ports.bodies.refer(body.segment, -1, body.length);
    core.turns.promise(() => answered(REFUSAL_STOPPING));
    return;
  }
  for (const message of messages) acceptMessage(core, submission, message, at);
  // The body came with one reference; each message beyond the first needs one more.
  const more = messages.length - 1;
  if (more > 0) core.ports.bodies.refer(body.segment, more, body.length);
  core.turns.promise(() => answered());
}

function acceptMessage(core: Core, from: Submission, message: SubmittedMessage, at: number): void {
  const { books, held, turns } = core;
  const domain = domainOf(message.to[0] as string);
  const queue = formatQueueName({ domain });
  if (books.findQueue(queue) === undefined) openQueue(core, queue, at);
  const { body } = from;
  turns.emit({
    type: 'message.accepted',
    stream: message.id,
    body: {
      queue,
      from: from.from,
      to: message.to,
      body: [body.segment, body.offset, body.length, body.sum],
      service: from.service,
      peer: from.peer,
      helo: from.helo,
      ...(from.eightBit ? { eightBit: 1 as const } : {}),
      ...(from.smtpUtf8 ? { smtpUtf8: 1 as const } : {}),
    },
  });
  const slot = books.rows.find(numberOfMessageId(message.id));
  const hot = { from: from.from, to: message.to, body: from.chunks, bodyBytes: from.bodyBytes };
  held.heat(slot, hot);
  rowIsDue(core, slot, at);
}
