/**
 * A public log record for stories, with what the story is about laid over it.
 * Deliberately unknown here: the events that records are made of.
 */
import type { LogRecord } from '../../src/projections/log-record/record.ts';

/** A delivery, unless `over` says otherwise. */
export const record = (over: Partial<LogRecord> = {}): LogRecord => ({
  type: 'Delivery',
  id: '0123456789abcdef0123456789abcdef',
  event_id: '1.0',
  schema_version: 1,
  sender: 'from@example.org',
  recipient: 'to@example.com',
  queue: 'spring:acme@example.com',
  site: 'ip-1->example.com@smtp_client',
  size: 1_234,
  response: { code: 250, enhanced_code: null, content: 'ok <1>', command: null },
  peer_address: { name: 'mx.example.com', addr: '192.0.2.1' },
  timestamp: 1_795_359_600,
  event_time: '2026-11-22T15:00:00.000Z',
  created: 1_795_359_590,
  created_time: '2026-11-22T14:59:50.000Z',
  num_attempts: 0,
  bounce_classification: 'Uncategorized',
  egress_pool: null,
  egress_source: 'ip-1',
  source_address: null,
  feedback_report: null,
  meta: {},
  headers: {},
  delivery_protocol: 'ESMTP',
  reception_protocol: 'ESMTP',
  nodeid: '00000000-0000-4000-8000-000000000000',
  ...over,
});
