/**
 * Records for sinks: plain ones, awkward ones, as many as a test wants, each with an id of its own.
 * The one idea: what is sent is JSON of the record, as with a hook that has no template.
 * Deliberately unknown here: where they go.
 */
import { createHash } from 'node:crypto';
import type { OutgoingRecord } from '../../src/ports/sink.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';

const AT_MS = 1_700_000_000_000;

/** Hex digits without a pattern that a compressor would find; the same for the same name. */
export const noise = (name: string, chars: number): string => {
  let text = '';
  for (let at = 0; text.length < chars; at += 1) {
    text += createHash('sha512').update(`${name} ${at}`).digest('hex');
  }
  return text.slice(0, chars);
};

const plainRecord = (position: number, eventId: string): LogRecord => ({
  type: 'Delivery',
  id: noise(`message ${position}`, 32),
  event_id: eventId,
  schema_version: 1,
  sender: 'sender@example.org',
  recipient: `someone-${position}@example.com`,
  queue: 'campaign:tenant@example.com',
  site: 'ip-1->example.com@smtp_client',
  size: 4_096 + position,
  response: {
    code: 250,
    enhanced_code: { class: 2, subject: 0, detail: 0 },
    content: `OK ids=${noise(`reply ${position}`, 128)}`,
    command: null,
  },
  peer_address: { name: 'mx.example.com.', addr: '192.0.2.1' },
  timestamp: (AT_MS + position) / 1_000,
  event_time: new Date(AT_MS + position).toISOString(),
  created: AT_MS / 1_000,
  created_time: new Date(AT_MS).toISOString(),
  num_attempts: 0,
  bounce_classification: 'Uncategorized',
  egress_pool: 'pool',
  egress_source: 'ip-1',
  source_address: { address: '192.0.2.9:0' },
  feedback_report: null,
  meta: { tenant: 'tenant', campaign: 'campaign' },
  headers: { Subject: 'hello' },
  delivery_protocol: 'ESMTP',
  reception_protocol: 'ESMTP',
  nodeid: '7a5d1e4c-0000-4000-8000-000000000001',
});

/** One record, changed where a test wants it. */
export function recordAt(position: number, change: Partial<LogRecord> = {}): OutgoingRecord {
  const eventId = `event-${position}`;
  const record = { ...plainRecord(position, eventId), ...change };
  return { eventId, position, record, text: JSON.stringify(record), isReplay: false };
}

/** Records in order, beginning at a position. */
export const recordsFrom = (position: number, count: number): OutgoingRecord[] =>
  Array.from({ length: count }, (_, at) => recordAt(position + at));

/** Records that break what was not thought through. */
export function awkwardRecords(position: number, largeChars: number): OutgoingRecord[] {
  const changes: Partial<LogRecord>[] = [
    { recipient: '' },
    { recipient: [] },
    { recipient: ['a@example.com', 'b@example.com'] },
    { id: '', type: 'Rejection', sender: '', queue: '', site: '' },
    { sender: 'nul\u0000and\u0001friends\u007f@example.org' },
    { sender: 'lines\r\nX-Evil: yes\r\n\r\n@example.org' },
    { sender: 'lone \ud800 surrogates \udc00', recipient: '\udfff@\ud83d' },
    { recipient: 'ünïcödé-用户-🙂@例え.jp', queue: 'café@例え.jp' },
    { sender: '\u2028\u2029\u202e\ufeff"\\\'`{{}}%s' },
    { meta: { tenant: 't\u0000\r\n\ud800', campaign: 'c\u2028', __proto__x: null } },
    { sender: noise('large', largeChars - 2_000) },
    { response: { code: 550, enhanced_code: null, content: '€'.repeat(5_000), command: 'DATA' } },
    { peer_address: null, egress_source: null, egress_pool: null, tls_cipher: '' },
  ];
  const records = changes.map((change, at) => recordAt(position + at, change));
  // A template may leave a lone surrogate as it is, where JSON.stringify writes an escape.
  const raw = recordAt(position + changes.length, { sender: 'raw' });
  return [...records, { ...raw, text: raw.text.replace('"raw"', '"raw \ud800 here"') }];
}
