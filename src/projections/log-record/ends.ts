/**
 * Records of messages that came to their end without an attempt: Expiration and AdminBounce. What
 * an operator wanted done quietly makes none; what we lost is an Expiration, not a Bounce, because
 * readers take addresses that bounce off their lists, and nobody refused it.
 */
import type { EndedBody } from '../../events/message.ts';
import type { PurgedBody } from '../../events/message-by-hand.ts';
import type { Making, Parts } from './draft.ts';
import { draft, recipientsOf } from './draft.ts';
import { responseOf, responseOfLine } from './fields.ts';
import type { LogRecord } from './record.ts';

/** The site of what is decided here. */
const HERE = 'localhost';

/** It grew too old. */
export const expiration = (body: EndedBody, making: Making): LogRecord =>
  tell({ type: 'Expiration', response: responseOfLine(body.text), site: '' }, body, making);

/** It was in memory only and died with the process. */
export const lost = expiration;

/** An operator removed it. */
export function cancelled(body: EndedBody, making: Making): LogRecord {
  const text = `Administrator removed the message with reason: ${body.text}`;
  const response = responseOf(551, '5.7.1', text, null);
  return tell({ type: 'AdminBounce', response, site: HERE }, body, making);
}

/** An admin bounce ended it. */
export function adminBounce(body: PurgedBody, making: Making): LogRecord | undefined {
  if (body.quiet === 1) return undefined;
  const response = responseOf(body.code, body.enhanced, body.text, null);
  return tell({ type: 'AdminBounce', response, site: HERE }, body, making);
}

const tell = (
  parts: Pick<Parts, 'type' | 'response' | 'site'>,
  body: EndedBody,
  making: Making,
): LogRecord =>
  draft(making, {
    ...parts,
    to: recipientsOf(making.about, body.index, body.to),
    queue: body.queue ?? making.about?.queue ?? '',
    attempts: body.attempts ?? 0,
  });
