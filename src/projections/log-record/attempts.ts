/**
 * Records of attempts: Delivery, Bounce, TransientFailure. Knows what an attempt was, not what
 * follows from it.
 */
import { readyQueueName } from '../../domain/site-name.ts';
import type { AttemptBody, UnsettledBody } from '../../events/message.ts';
import type { Making } from './draft.ts';
import { draft, recipientsOf } from './draft.ts';
import { markInternal, peerOf, responseOf, sourceAddressOf } from './fields.ts';
import type { LogRecord, RecordType, ResponseField } from './record.ts';

/** What drew the answer to a whole message. */
const FINAL_DOT = '.\r\n';

/** The peer took it over. */
export const delivery = (body: AttemptBody, making: Making): LogRecord =>
  tell('Delivery', body, making, responseOf(body.code, body.enhanced, body.text, FINAL_DOT));

/** It was refused for good. */
export const bounce = (body: AttemptBody, making: Making): LogRecord =>
  tell('Bounce', body, making, replyOf(body, body.text));

/** It failed for now. */
export function transientFailure(body: AttemptBody, making: Making): LogRecord {
  const text = body.own === 1 ? markInternal(body.text) : body.text;
  return tell('TransientFailure', body, making, replyOf(body, text));
}

const replyOf = ({ code, enhanced, command }: AttemptBody, text: string): ResponseField =>
  responseOf(code, enhanced, text, command ?? null);

/** Whether it was taken is not known; it is tried again. */
export function unknownOutcome(body: UnsettledBody, making: Making): LogRecord {
  const text = `the outcome of an attempt is not known, a second copy is possible: ${body.cause}`;
  const command = body.session === undefined ? null : FINAL_DOT;
  const response = responseOf(400, '', markInternal(text), command);
  return tell('TransientFailure', body, making, response);
}

type Attempted = { readonly [K in keyof AttemptBody]?: AttemptBody[K] | undefined } & {
  readonly attempt: number;
};

function tell(
  type: RecordType,
  body: Attempted,
  making: Making,
  response: ResponseField,
): LogRecord {
  const { source = '', site = '' } = body;
  const record = draft(making, {
    type,
    to: recipientsOf(making.about, body.index, body.to),
    queue: body.queue ?? making.about?.queue ?? '',
    site: source === '' ? '' : readyQueueName(source, site),
    response,
    // Written before the counter is raised for this one.
    attempts: Math.max(0, body.attempt - 1),
  });
  record.delivery_protocol = 'ESMTP';
  record.egress_pool = body.pool ?? null;
  record.egress_source = source === '' ? null : source;
  record.peer_address = peerOf(body.peer);
  record.source_address = sourceAddressOf(body.local, body.via, body.proxy);
  if (body.cipher !== undefined) record.tls_cipher = body.cipher;
  if (body.tls !== undefined && body.tls !== '') record.tls_protocol_version = body.tls;
  if (body.subject !== undefined && body.subject !== '') {
    record.tls_peer_subject_name = [`CN=${body.subject}`];
  }
  if (body.session !== undefined) record.session_id = body.session;
  return record;
}
