/**
 * What a transaction becomes before anything of it is stored: drafts, each some bytes and the
 * messages that share them. The idea: mail that policy does not look at takes the shortest way
 * here. It does not know handlers, disks or answers.
 */
import { domainOf } from '../domain/address.ts';
import type { Captured, CapturedHeaders } from '../domain/capture.ts';
import { pickMeta } from '../domain/capture.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import { captureHeaders } from './capturing.ts';
import type { IntakeHost, SubmittedMessage } from './host.ts';
import type { Arrival, Judged } from './message-intake.ts';
import { formatReceived, formatReference } from './trace-header.ts';

/** Bytes, and the messages they are the bytes of; only the first draft may have several. */
export interface Draft {
  readonly from: string;
  readonly chunks: readonly Buffer[];
  readonly eightBit: boolean;
  readonly messages: readonly SubmittedMessage[];
}

/** The recipients of each message that an arrival becomes. */
export function splitRecipients(
  recipients: readonly string[],
  handling: SessionSettings['batch_handling'],
): readonly (readonly string[])[] {
  if (handling === 'BifurcateAlways') return recipients.map((recipient) => [recipient]);
  const byDomain = new Map<string, string[]>();
  for (const recipient of recipients) {
    const domain = domainOf(recipient);
    const batch = byDomain.get(domain);
    if (batch === undefined) byDomain.set(domain, [recipient]);
    else batch.push(recipient);
  }
  return [...byDomain.values()];
}

/** The Received header, '' where none is wanted. */
export function formatTrace(
  arrival: Arrival,
  settings: SessionSettings,
  id: string,
  recipients: readonly string[],
): string {
  if (!settings.trace_headers.received_header) return '';
  const { helo, peer, hostname, protocol, at } = arrival;
  const recipient = recipients.length === 1 ? recipients[0] : undefined;
  return formatReceived({ helo, peer, hostname, protocol, id, recipient, receivedAt: at });
}

/** The header by which a later report is matched to its recipient, '' where none is wanted. */
export function formatOwnReference(
  settings: SessionSettings,
  recipients: readonly string[],
  findMeta: () => Captured,
): string {
  const { supplemental_header, header_name, include_meta_names } = settings.trace_headers;
  if (!supplemental_header) return '';
  const isPlain = include_meta_names.length === 0;
  const meta = isPlain ? {} : pickMeta(include_meta_names, findMeta());
  return formatReference(header_name, recipients, meta);
}

/** Header fields that readers of the log asked for, out of the latin1 text of a header. */
export function capturedFrom(
  host: IntakeHost,
  header: string,
): { headers?: CapturedHeaders | undefined } {
  const asked = host.capture?.headers ?? [];
  return asked.length === 0 ? {} : { headers: captureHeaders(asked, header) };
}

/** The drafts of an arrival that policy does not look at. */
export function plainDrafts(
  { host }: { readonly host: IntakeHost },
  arrival: Arrival,
  { bytes, header, eightBit }: Judged & { readonly eightBit: boolean },
  settings: SessionSettings,
  findMeta: () => Captured,
): readonly Draft[] {
  const { from, recipients } = arrival;
  const batches = splitRecipients(recipients, settings.batch_handling);
  const ids = host.allocateIds(batches.length);
  const trace = formatTrace(arrival, settings, ids[0] as string, recipients);
  const messages = batches.map((to, index) => ({ id: ids[index] as string, to }));
  const captured = capturedFrom(host, trace + header);
  if (!settings.trace_headers.supplemental_header) {
    const chunks = trace === '' ? bytes : [Buffer.from(trace), ...bytes];
    return [{ from, chunks, eightBit, messages: messages.map((one) => ({ ...one, ...captured })) }];
  }
  return messages.map((one) => {
    const own = formatOwnReference(settings, one.to, findMeta) + trace;
    const chunks = [Buffer.from(own), ...bytes];
    return { from, chunks, eightBit, messages: [{ ...one, ...captured }] };
  });
}
