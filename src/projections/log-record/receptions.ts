/**
 * Records of what came in, or was not let in: Reception and Rejection. Knows no queue beyond its
 * name and no attempt.
 */
import type { AcceptedBody } from '../../events/message.ts';
import type { RefusedBody } from '../../events/reception.ts';
import type { Draft, Making } from './draft.ts';
import { draft } from './draft.ts';
import { responseOf } from './fields.ts';
import type { LogRecord } from './record.ts';

/** Mail was taken over; where it is a complaint, its Feedback says so. */
export function reception(body: AcceptedBody, making: Making): LogRecord | undefined {
  if (body.complaint === 1) return undefined;
  const record = draft(making, {
    type: 'Reception',
    to: body.to,
    queue: body.queue,
    response: responseOf(250, '', '', null),
    attempts: 0,
  });
  if (body.peer !== '') record.peer_address = { name: body.helo, addr: body.peer };
  return withSession(record, body);
}

/** A client was refused; about no message, even where it was in a transaction. */
export function rejection(body: RefusedBody, making: Making): LogRecord {
  const { at } = making.record;
  const record = draft(making, {
    type: 'Rejection',
    to: [body.to ?? ''],
    queue: '',
    response: responseOf(body.code, body.enhanced, body.text, body.command),
    attempts: 0,
  });
  record.id = '';
  record.sender = body.from ?? '';
  record.created = Math.floor(at / 1000);
  record.created_time = record.event_time;
  record.peer_address = { name: body.helo, addr: body.peer };
  record.meta = (body.meta as LogRecord['meta'] | undefined) ?? {};
  return withSession(record, body);
}

/** Adds what is known of the session that brought it. */
export function withSession(
  record: Draft,
  { session, tls, cipher }: Pick<AcceptedBody, 'session' | 'tls' | 'cipher'>,
): LogRecord {
  if (cipher) record.tls_cipher = cipher;
  if (tls) record.tls_protocol_version = tls;
  if (session) record.session_id = session;
  return record;
}
