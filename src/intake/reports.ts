/**
 * Reports at reception: a message between the judging of its bytes and its storage. The one idea:
 * most mail is no report and is told so from its header; only what says multipart/report, for a
 * domain that wants reports, is taken apart.
 * Deliberately unknown here: sockets and replies to commands, and the form of reports.
 */
import { domainOf } from '../domain/address.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import type { Reading } from '../reports/parts.ts';
import { mayBeReport, REPORT_BYTES_MAX } from '../reports/parts.ts';
import type { Report, WantedReports } from '../reports/report.ts';
import { parseReport } from '../reports/report.ts';
import { captureHeaders } from './capturing.ts';
import { splitRecipients } from './drafts.ts';
import type { IntakeHost, Refusal, ReportNote, SubmittedMessage } from './host.ts';
import type { Arrival, Judged } from './message-intake.ts';
import type { DomainFinder } from './relaying.ts';
import { notesOf } from './report-notes.ts';
import type { Outcome } from './taking.ts';

/** What is at hand when a message has come in whole. */
export interface Incoming {
  readonly desk: {
    readonly host: IntakeHost;
    note(level: 'info' | 'error', text: string): void;
  };
  readonly find: DomainFinder;
  readonly settings: Pick<SessionSettings, 'batch_handling'>;
  readonly arrival: Arrival;
  readonly judged: Judged;
  /** Recipients that were accepted for reports alone. */
  readonly reportOnly: ReadonlySet<string>;
}

/** What is to be done with it. */
export type Sorted =
  /** To be stored and sent on; `arrival` has the recipients that are left. */
  | { readonly kind: 'mail'; readonly arrival: Arrival }
  /** Refused, or durable and going no further. */
  | { readonly kind: 'ended'; readonly outcome: Outcome };

type Handling = 'Ignore' | 'LogThenRelay' | 'LogThenDrop';

const NO_REPORT: Refusal = {
  code: 550,
  enhanced: '5.7.1',
  text: 'only reports of failures and complaints are accepted for this recipient',
};
const UNDECIDED: Refusal = {
  code: 451,
  enhanced: '4.3.0',
  text: 'this cannot be decided now, try again later',
};

const refused = (outcome: Refusal): Sorted => ({ kind: 'ended', outcome });

/** What is wanted of reports to a recipient; undefined when nobody can say. */
function wantedBy(
  find: DomainFinder,
  domain: string,
): { readonly arf: Handling; readonly oob: Handling } | undefined {
  const found = find(domain);
  if (found === 'failed') return undefined;
  return { arf: found?.log_arf ?? 'Ignore', oob: found?.log_oob ?? 'Ignore' };
}

/** Whether reports to a domain are wanted at all; undefined when nobody can say. */
export function takesReports(find: DomainFinder, domain: string): boolean | undefined {
  const wanted = wantedBy(find, domain);
  return wanted && (wanted.arf !== 'Ignore' || wanted.oob !== 'Ignore');
}

/** Says what is to be done with a message; at once for all mail that cannot be a report. */
export function sortIncoming(incoming: Incoming, sorted: (result: Sorted) => void): void {
  const { desk, arrival, judged, reportOnly, find } = incoming;
  const ordinary: Sorted = reportOnly.size > 0 ? refused(NO_REPORT) : { kind: 'mail', arrival };
  if (!mayBeReport(judged.header)) return sorted(ordinary);
  const all = arrival.recipients.map((recipient) => wantedBy(find, domainOf(recipient)));
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return sorted(refused(UNDECIDED));
  const arf = known.some((one) => one.arf !== 'Ignore');
  const oob = known.some((one) => one.oob !== 'Ignore');
  if (!arf && !oob) return sorted(ordinary);
  readReport(judged, { arf, oob }).then(
    (reading) => {
      if (reading.kind === 'report') return handle(incoming, reading.report, sorted);
      if (reading.kind === 'malformed') {
        desk.note('info', `a report from ${arrival.peer} is taken for mail: ${reading.reason}`);
      }
      sorted(ordinary);
    },
    // Our own mistake must not lose a report: it comes again.
    (error) => {
      desk.note('error', `a report from ${arrival.peer} could not be read: ${String(error)}`);
      sorted(refused(UNDECIDED));
    },
  );
}

function readReport({ bytes }: Judged, wanted: WantedReports): Promise<Reading<Report>> {
  const all = bytes.reduce((sum, piece) => sum + piece.length, 0);
  const beginning = Buffer.concat(bytes as Buffer[], Math.min(all, REPORT_BYTES_MAX));
  return parseReport(beginning, wanted);
}

function handle(incoming: Incoming, report: Report, sorted: (result: Sorted) => void): void {
  const { desk, arrival, judged, reportOnly, find, settings } = incoming;
  const { host } = desk;
  const handlingFor = (recipient: string): Handling =>
    wantedBy(find, domainOf(recipient))?.[report.kind] ?? 'Ignore';
  const isStranger = (to: string) => handlingFor(to) === 'Ignore' && reportOnly.has(to);
  if (arrival.recipients.some(isStranger)) return sorted(refused(NO_REPORT));
  const isDropped = (to: string): boolean => handlingFor(to) === 'LogThenDrop';
  const asked = host.capture?.headers ?? [];
  const mail = {
    arrival,
    size: judged.bytes.reduce((sum, piece) => sum + piece.length, 0),
    headers: captureHeaders(asked, judged.header),
  };
  const dropped = splitRecipients(arrival.recipients.filter(isDropped), settings.batch_handling);
  const ids = host.allocateIds(dropped.length);
  const ended = dropped.map((to, at): SubmittedMessage => ({ id: ids[at] as string, to }));
  const recipients = arrival.recipients.filter((to) => !isDropped(to));
  const notes = ended.flatMap((message) => notesOf(report, mail, message, true));
  if (recipients.length === 0) return take(host, notes, ended, sorted);
  const reports = (messages: readonly SubmittedMessage[]): readonly ReportNote[] => {
    const told = messages.filter(({ to }) => handlingFor(to[0] as string) === 'LogThenRelay');
    return [...notes, ...told.flatMap((message) => notesOf(report, mail, message, false))];
  };
  sorted({ kind: 'mail', arrival: { ...arrival, recipients, reports } });
}

function take(
  host: IntakeHost,
  notes: readonly ReportNote[],
  messages: readonly SubmittedMessage[],
  sorted: (result: Sorted) => void,
): void {
  if (host.takeReports === undefined) return sorted(refused(UNDECIDED));
  host.takeReports(notes, (refusal) => sorted({ kind: 'ended', outcome: refusal ?? messages }));
}
