/**
 * A record of a bounce, and how reports of it are written, for tests.
 * Deliberately unknown here: what is in a report.
 */
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { generateRfc3464Message } from '../../src/reports/ndr.ts';
import { record } from './hook-record.ts';

/** A bounce of one message for one recipient. */
export const BOUNCE: LogRecord = record({
  type: 'Bounce',
  event_id: '42-00112233aabbccdd',
  sender: 'shop@sender.test',
  recipient: 'anna@dest.test',
  response: {
    code: 550,
    enhanced_code: { class: 5, subject: 1, detail: 1 },
    content: 'no such user',
    command: 'RCPT TO:<anna@dest.test>\r\n',
  },
  peer_address: { name: 'mx.dest.test', addr: '192.0.2.25:25' },
  timestamp: 1_795_000_100,
  created: 1_795_000_000,
});

/** Everything is reported, with the whole original. */
export const PARAMS = {
  include_original_message: 'FullContent',
  enable_bounce: true,
  enable_expiration: true,
  reporting_mta: { name: 'mx.sender.test' },
};

/** What was sent. */
export const ORIGINAL = Buffer.from(
  'From: Shop <shop@sender.test>\r\nSubject: Your order\r\n\r\nThank you.\r\n',
);

/** The report as text; fails where there is none. */
export function write(
  over: Partial<LogRecord> = {},
  params: object = {},
  original: Uint8Array | undefined = ORIGINAL,
): Buffer {
  const made = generateRfc3464Message({ ...PARAMS, ...params }, original, { ...BOUNCE, ...over });
  if (made === undefined) throw new Error('there is no report');
  return Buffer.from(made.data);
}
