/**
 * The header lines an intake adds: Received for where mail came from (RFC 5321 section 4.4), and
 * the supplemental reference that lets a later report be matched to its recipient.
 * The one idea: foreign text enters a header only if it matches a narrow grammar; otherwise a
 * neutral word stands in its place. It does not know sessions or queues.
 */
import type { At } from '../ports/ports.ts';

/** What the Received line tells. */
export interface Passage {
  readonly helo: string;
  /** IP address of the peer, without brackets. */
  readonly peer: string;
  readonly hostname: string;
  /** SMTP, ESMTP, ESMTPS, UTF8SMTP or UTF8SMTPS (RFC 3848, RFC 6531 section 4.3). */
  readonly protocol: string;
  readonly id: string;
  /** The one recipient; undefined where there are several, which must not learn of each other. */
  readonly recipient: string | undefined;
  readonly receivedAt: At;
}

const NAME = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}|\[[A-Za-z0-9.:]{1,60}\])$/;
// Printable and without what would end or comment out the clause; beyond ASCII only as characters.
const FOR_SAFE = /^[!-'*-:=?-[\]-~\u00a1-\u{10ffff}]+$/u;
const FOLD_COLUMNS = 75;

let dateText = '';
let dateSecond = -1;

/** The date as RFC 5322 section 3.3 has it, in UTC; one text serves a whole second. */
export function formatDate(at: At): string {
  const second = Math.floor(at / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `${new Date(second * 1000).toUTCString().slice(0, -3)}+0000`;
  }
  return dateText;
}

const formatLiteral = (peer: string): string =>
  peer.includes(':') ? `[IPv6:${peer}]` : `[${peer}]`;

/** The Received header with its final CRLF. */
export function formatReceived(passage: Passage): string {
  const { helo, peer, hostname, protocol, id, recipient } = passage;
  const from = NAME.test(helo) ? helo : 'unknown';
  const named = recipient !== undefined && FOR_SAFE.test(recipient);
  const to = named ? `\r\n\tfor <${recipient}>` : '';
  return (
    `Received: from ${from} (${formatLiteral(peer)})\r\n` +
    `\tby ${hostname} with ${protocol} id ${id}${to};\r\n` +
    `\t${formatDate(passage.receivedAt)}\r\n`
  );
}

/**
 * The supplemental header with its final CRLF: base64 of JSON with the recipient and the chosen
 * metadata, folded. It is neither signed nor secret.
 */
export function formatReference(
  name: string,
  recipients: readonly string[],
  meta: Readonly<Record<string, unknown>> = {},
): string {
  const recipient = recipients.length === 1 ? recipients[0] : recipients;
  const json = JSON.stringify({ '_@_': '\\_/', recipient, ...meta });
  const code = Buffer.from(json, 'utf8').toString('base64');
  const first = Math.max(1, FOLD_COLUMNS - name.length - 2);
  const lines = [code.slice(0, first)];
  for (let at = first; at < code.length; at += FOLD_COLUMNS - 1) {
    lines.push(code.slice(at, at + FOLD_COLUMNS - 1));
  }
  return `${name}: ${lines.join('\r\n\t')}\r\n`;
}
