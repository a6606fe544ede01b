/**
 * Header lines from values: encoded and folded by nodemailer, refused where a value could end its
 * line. The idea: no CR, LF or NUL ever gets as far as an encoder, so nothing has to be repaired.
 * Deliberately unknown here: which fields a message has.
 */

import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import { LINE_OCTETS_MAX } from './limits.ts';
import { readAddress } from './request.ts';

/** A value that cannot be part of a message: why, in one line. */
export class TextFault extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'TextFault';
  }
}

const BREAKS = /[\r\n\0]/;
const PLAIN = /^[\x20-\x7e]{0,60}$/;
const ADDRESS_FIELDS = new Set(['from', 'sender', 'to', 'cc', 'bcc', 'reply-to']);

const encoder = new MimeNode(false);

/** Refuses what could end the line it is in; `what` names it. */
export function refuseBreaks(value: string, what: string): void {
  if (!BREAKS.test(value)) return;
  throw new TextFault(`${what}: must not contain CR, LF or NUL`);
}

/** Name and address as a header shows them, on one line: `"A, B" <a@b.example>`. */
export function formatMailbox(name: string | undefined, email: string, what: string): string {
  refuseBreaks(name ?? '', `${what}.name`);
  const address = readAddress(email);
  if (address === undefined) throw new TextFault(`${what}.email: is not an address`);
  const isBare = name === undefined || name === '';
  if (isBare && /^[\x21-\x7e]+$/.test(address) && !/["(),:;<>[\\\]]/.test(address)) return address;
  return encoder.encodeHeaderValue('To', [{ name: name ?? '', address }]);
}

/** A header line without its end, from a value that is encoded here. */
export function formatField(name: string, value: string): string {
  refuseBreaks(value, `headers.${name}`);
  const isPlain = PLAIN.test(value) && !value.includes('=?');
  if (ADDRESS_FIELDS.has(name.toLowerCase())) {
    const encoded = encoder.encodeHeaderValue(name, value);
    if (!encoded.includes('@')) throw new TextFault(`headers.${name}: names no address`);
    return foldField(name, encoded);
  }
  if (isPlain && !/^(?:message-id|in-reply-to|references)$/i.test(name)) return `${name}: ${value}`;
  return foldField(name, encoder.encodeHeaderValue(name, value));
}

/** A header line without its end, from a value that is encoded already. */
export function foldField(name: string, encoded: string): string {
  const line = `${name}: ${encoded}`;
  const folded = line.length <= 76 ? line : foldLines(line, 76);
  for (const part of folded.split('\r\n')) {
    if (Buffer.byteLength(part) > LINE_OCTETS_MAX) {
      throw new TextFault(`headers.${name}: a line exceeds ${LINE_OCTETS_MAX} octets`);
    }
  }
  return folded;
}
