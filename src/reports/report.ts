/**
 * What a message is to those who wait for reports: a complaint, a notification of failures, or no
 * report. The one idea: it is opened once, and a complaint is looked for first.
 * Deliberately unknown here: whose reports are wanted.
 */
import { MalformedReport } from './fields.ts';
import type { Reading, ReportParts } from './parts.ts';
import { reading } from './parts.ts';
import type { DsnReport } from './rfc3464.ts';
import { readDsn } from './rfc3464.ts';
import type { FeedbackReport } from './rfc5965.ts';
import { readFeedbackReport } from './rfc5965.ts';

/** A report of either kind. */
export type Report =
  | { readonly kind: 'arf'; readonly feedback: FeedbackReport }
  | { readonly kind: 'oob'; readonly dsn: DsnReport };

/** Which kinds are wanted; what is not looked for is no report. */
export interface WantedReports {
  readonly arf: boolean;
  readonly oob: boolean;
}

function readFeedback(parts: ReportParts): FeedbackReport | undefined {
  try {
    return readFeedbackReport(parts);
  } catch (error) {
    if (error instanceof MalformedReport) return undefined;
    throw error;
  }
}

/** Reads a message as a complaint, then as a notification of failures. */
export const parseReport = (message: Uint8Array, wanted: WantedReports): Promise<Reading<Report>> =>
  reading<Report>(message, (parts) => {
    const feedback = wanted.arf ? readFeedback(parts) : undefined;
    if (feedback !== undefined) return { kind: 'arf', feedback };
    return wanted.oob ? { kind: 'oob', dsn: readDsn(parts) } : undefined;
  });
