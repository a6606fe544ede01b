/**
 * Records of messages that go on waiting: Delayed where no attempt explains it, AdminRebind where
 * an operator moved one. What is to go on at once, and what was moved quietly, makes none.
 */

import type { ReboundBody } from '../../events/message-by-hand.ts';
import type { ScheduledBody } from '../../events/message-waiting.ts';
import type { Making } from './draft.ts';
import { draft, recipientsOf } from './draft.ts';
import { formatInstant, responseOf } from './fields.ts';
import type { LogRecord } from './record.ts';

/** It was taken over to be sent later. */
export const scheduled = (body: ScheduledBody, making: Making): LogRecord | undefined =>
  delayed(body, ['Received', 'ScheduledForLater'], making);

/** It was due, and its window is shut. */
export const postponed = (body: ScheduledBody, making: Making): LogRecord | undefined =>
  delayed(body, ['ScheduledForLater'], making);

/** It came back from a connection that did not try it. */
export const putBack = (body: { readonly due: number }, making: Making): LogRecord | undefined =>
  delayed(body, ['DispatcherDrop'], making);

interface Waiting {
  readonly due: number;
  readonly queue?: string;
  readonly attempts?: number | undefined;
  readonly index?: readonly number[] | undefined;
}

function delayed(
  { due, queue, attempts = 0, index }: Waiting,
  context: readonly string[],
  making: Making,
): LogRecord | undefined {
  if (due <= making.record.at) return undefined;
  const text = `Context: ${context.join(', ')}. Next due at ${formatInstant(due)}`;
  return draft(making, {
    type: 'Delayed',
    to: recipientsOf(making.about, index),
    queue: queue ?? making.about?.queue ?? '',
    response: responseOf(400, '', text, null),
    attempts,
  });
}

/**
 * It is in another queue now. Where the policy moved it after an attempt, the attempt's record has
 * told why; where it did so on the way into a ready queue, the message was throttled.
 */
export function rebound(body: ReboundBody, making: Making): LogRecord | undefined {
  if (body.quiet === 1) return undefined;
  if (body.admin !== 1) {
    if (body.cause === AFTER_ATTEMPT) return undefined;
    return delayed(body, ['ThrottledByThrottleInsertReadyQueue'], making);
  }
  if (body.from === body.queue) return undefined;
  const text = `Rebound from ${body.from} to ${body.queue}: ${body.cause}`;
  return draft(making, {
    type: 'AdminRebind',
    to: recipientsOf(making.about, body.index),
    queue: body.queue,
    response: responseOf(250, '', text, null),
    attempts: body.attempts ?? 0,
  });
}

/** The cause of a move that the policy made after an attempt. */
const AFTER_ATTEMPT = 'requeue_message';
