/**
 * Records of what reports said: OOB for a recipient that another server did not reach, Feedback for
 * a complaint, and the Reception of a report that goes no further. Knows no MIME: what was read is
 * in the event.
 */
import type { ReportEnvelope, ReportedBounce, ReportedComplaint } from '../../events/report.ts';
import type { Draft, Making } from './draft.ts';
import { draft } from './draft.ts';
import { formatInstant, responseOf } from './fields.ts';
import { withSession } from './receptions.ts';
import type { JsonValue, LogRecord } from './record.ts';

/** A report of failures came in and goes no further. */
export function reportReceived(body: ReportEnvelope, making: Making): LogRecord {
  const record = begin('Reception', body, making);
  record.peer_address = { name: body.helo, addr: body.peer };
  return withSession(record, body);
}

/**
 * Another server did not reach a recipient. The sender is whom the report was sent to: the return
 * path of the original, by which it is known again.
 */
export function reportBounced(body: ReportedBounce, making: Making): LogRecord {
  const record = begin('OOB', body, making);
  record.sender = body.to[0] ?? '';
  record.recipient = body.recipient;
  record.size = 0;
  record.response = responseOf(body.code, body.status, body.text, null);
  record.peer_address = { name: body.reporter, addr: body.peer };
  if (body.tried !== undefined) {
    record.timestamp = Math.floor(body.tried / 1000);
    record.event_time = formatInstant(body.tried);
  }
  return withSession(record, body);
}

/** Somebody complained; there is no Reception beside it. */
export function reportComplained(body: ReportedComplaint, making: Making): LogRecord {
  const record = begin('Feedback', body, making);
  record.peer_address = { name: body.helo, addr: body.peer };
  record.feedback_report = body.feedback as JsonValue;
  return withSession(record, body);
}

const begin = (type: LogRecord['type'], body: ReportEnvelope, making: Making): Draft =>
  draft(making, {
    type,
    to: body.to,
    queue: body.queue,
    response: responseOf(250, '', '', null),
    attempts: 0,
  });
