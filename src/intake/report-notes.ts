/**
 * From a report that was read to what goes on record of it: one event for each recipient that
 * another server did not reach, or one for a complaint, and the envelope of a report that goes no
 * further. The one idea: every text in it is bounded and harmless here, so that readers of the log
 * need not look again.
 * Deliberately unknown here: who asked for it, and what the client hears.
 */

import { domainOf } from '../domain/address.ts';
import type { CapturedHeaders } from '../domain/capture.ts';
import { formatQueueName } from '../domain/queue-name.ts';
import { scrubText } from '../domain/reply.ts';
import type { ReportEnvelope, ReportedBounce } from '../events/report.ts';
import type { Report } from '../reports/report.ts';
import type { DsnPerRecipient, DsnReport } from '../reports/rfc3464.ts';
import { findSupplementalTrace } from '../reports/supplemental-trace.ts';
import type { ReportNote, SubmittedMessage } from './host.ts';
import type { Arrival } from './message-intake.ts';

/** The mail that a report came in, beside its envelope. */
export interface ReportMail {
  readonly arrival: Arrival;
  /** Octets of it. */
  readonly size: number;
  /** Header fields that readers of the log asked for. */
  readonly headers: CapturedHeaders | undefined;
}

const CODE = /^(\d+)(?=\s|$)/;
const CODE_MIN = 200;
const CODE_MAX = 599;
/** What a report without a usable reply stands for. */
const CODE_UNSAID = 550;

/** What the other server heard, or said itself (RFC 3464 section 2.3.6). */
function readDiagnostic({ diagnostic_code: said }: DsnPerRecipient): {
  code: number;
  text: string;
} {
  if (said?.diagnostic_type !== 'smtp') return { code: CODE_UNSAID, text: '' };
  const digits = CODE.exec(said.diagnostic)?.[1] ?? '';
  const code = Number(digits);
  const isReply = digits !== '' && code >= CODE_MIN && code <= CODE_MAX;
  if (!isReply) return { code: CODE_UNSAID, text: scrubText(said.diagnostic) };
  return { code, text: scrubText(said.diagnostic.slice(digits.length)) };
}

function readBounce(report: DsnReport, block: DsnPerRecipient) {
  const { recipient } = block.original_recipient ?? block.final_recipient;
  const trace = findSupplementalTrace(report.original_message ?? '') ?? undefined;
  return {
    reporter: scrubText(report.per_message.reporting_mta.name),
    recipient: scrubText(recipient),
    status: block.status,
    ...readDiagnostic(block),
    ...(block.last_attempt_date === undefined ? {} : { tried: block.last_attempt_date }),
    block,
    ...(trace === undefined ? {} : { trace }),
  } satisfies Omit<ReportedBounce, keyof ReportEnvelope>;
}

function envelopeOf({ arrival, size, headers }: ReportMail, to: readonly string[]): ReportEnvelope {
  const { from, peer, helo, session, tls, cipher, meta } = arrival;
  const queue = formatQueueName({ domain: domainOf(to[0] as string) });
  return {
    queue,
    from,
    to,
    size,
    peer,
    helo,
    session: session || undefined,
    tls,
    cipher,
    meta,
    headers,
  };
}

/** What goes on record of a report that is the message `id` to `to`. */
export function notesOf(
  report: Report,
  mail: ReportMail,
  { id: stream, to }: SubmittedMessage,
  isDropped: boolean,
): ReportNote[] {
  const envelope = envelopeOf(mail, to);
  if (report.kind === 'arf') {
    const body = { ...envelope, feedback: report.feedback };
    return [{ type: 'report.complained', stream, body }];
  }
  const received: ReportNote = { type: 'report.received', stream, body: envelope };
  const failed = report.dsn.per_recipient.filter(({ action }) => action === 'failed');
  const bounced = failed.map((block): ReportNote => {
    return {
      type: 'report.bounced',
      stream,
      body: { ...envelope, ...readBounce(report.dsn, block) },
    };
  });
  return isDropped ? [received, ...bounced] : bounced;
}
