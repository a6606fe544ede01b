/**
 * What a peer said it can do: the reply to EHLO or LHLO as a value (RFC 5321 section 4.1.1.1).
 * Only what Waybill acts on is read; unknown keywords are skipped.
 * Deliberately unknown here: whether the path allows the use of any of it.
 */

import { Recent } from '../../domain/recent.ts';

/** The extensions a peer offers. */
export interface Capabilities {
  /** The name the peer gives itself. */
  readonly domain: string;
  readonly pipelining: boolean;
  readonly eightBit: boolean;
  readonly smtpUtf8: boolean;
  readonly startTls: boolean;
  readonly authPlain: boolean;
  readonly size: boolean;
  /** Largest message taken; 0 when the peer names none (RFC 1870 section 3). */
  readonly bytesMax: number;
}

/** What a peer can do that knows only HELO, or that was not asked yet. */
export const NO_CAPABILITIES: Capabilities = {
  domain: '',
  pipelining: false,
  eightBit: false,
  smtpUtf8: false,
  startTls: false,
  authPlain: false,
  size: false,
  bytesMax: 0,
};

const BLANKS = /[ \t]+/;
const DIGITS = /^\d{1,15}$/;

/** Texts that are known again; exchangers say the same each time. */
const KNOWN_MAX = 1_024;
const KNOWN_CHARS_MAX = 1_024;
const known = new Recent<Capabilities>(KNOWN_MAX);

/** Reads the text of a reply to EHLO; its lines are joined by LF. */
export function readCapabilities(text: string): Capabilities {
  const same = known.get(text);
  if (same !== undefined) return same;
  const read = parseCapabilities(text);
  if (text.length <= KNOWN_CHARS_MAX) known.set(text, read);
  return read;
}

function parseCapabilities(text: string): Capabilities {
  const [first = '', ...lines] = text.split('\n');
  const offered = new Map<string, string[]>();
  for (const line of lines) {
    // Some peers still write AUTH=LOGIN PLAIN, the form of before RFC 2554.
    const [keyword = '', ...words] = line
      .trim()
      .toUpperCase()
      .replace(/^AUTH=/, 'AUTH ')
      .split(BLANKS);
    offered.set(keyword, [...(offered.get(keyword) ?? []), ...words]);
  }
  const size = offered.get('SIZE');
  return {
    domain: first.trim().split(BLANKS)[0] ?? '',
    pipelining: offered.has('PIPELINING'),
    eightBit: offered.has('8BITMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    startTls: offered.has('STARTTLS'),
    authPlain: offered.get('AUTH')?.includes('PLAIN') ?? false,
    size: size !== undefined,
    bytesMax: DIGITS.test(size?.[0] ?? '') ? Number(size?.[0]) : 0,
  };
}
