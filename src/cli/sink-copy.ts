/**
 * Describes a received message for the record: undoes dot-stuffing, splits header from body, hashes
 * the body. The body proper (after the first empty line) is hashed because relays add headers, so
 * the sum is the same at both ends of a relay. Pure; knows no connection and no file.
 */
import { hash } from 'node:crypto';

const STUFFED = Buffer.from('\r\n.');
const HEADER_END = Buffer.from('\r\n\r\n');
const DOT = 46;

/** One received copy, as it is written to the record. */
export interface Copy {
  readonly from: string;
  readonly to: readonly string[];
  /** Size of the whole message, dots unstuffed. */
  readonly bytes: number;
  /** SHA-256 of the bytes after the header's empty line. */
  readonly sha256: string;
  readonly messageId?: string;
  /** The X-Waybill-Traffic header. */
  readonly xid?: string;
}

/** Removes the dots that transparency added at the starts of lines (RFC 5321 section 4.5.2). */
export const unstuff = (wire: Buffer): Buffer => {
  let next = wire.indexOf(STUFFED);
  const isDotFirst = wire[0] === DOT;
  if (next < 0 && !isDotFirst) return wire;
  const pieces: Buffer[] = [];
  let from = isDotFirst ? 1 : 0;
  while (next >= 0) {
    pieces.push(wire.subarray(from, next + 2));
    from = next + 3;
    next = wire.indexOf(STUFFED, from);
  }
  pieces.push(wire.subarray(from));
  return Buffer.concat(pieces);
};

/** The value of a header line, or undefined; `name` is given in lower case. */
const findHeader = (header: string, lower: string, name: string): string | undefined => {
  const start = lower.startsWith(`${name}:`) ? 0 : lower.indexOf(`\r\n${name}:`) + 2;
  if (start === 1) return undefined;
  const from = start + name.length + 1;
  const end = header.indexOf('\r\n', from);
  return header.slice(from, end < 0 ? undefined : end).trim();
};

/** Describes a message given as it came over the wire, without the final dot. */
export const describeCopy = (wire: Buffer, from: string, to: readonly string[]): Copy => {
  const message = unstuff(wire);
  const gap = message.indexOf(HEADER_END);
  const header = message.toString('latin1', 0, gap < 0 ? message.length : gap);
  const lower = header.toLowerCase();
  const messageId = findHeader(header, lower, 'message-id');
  const xid = findHeader(header, lower, 'x-waybill-traffic');
  const body = gap < 0 ? message.subarray(message.length) : message.subarray(gap + 4);
  return {
    from,
    to,
    bytes: message.length,
    sha256: hash('sha256', body, 'hex'),
    ...(messageId === undefined ? {} : { messageId }),
    ...(xid === undefined ? {} : { xid }),
  };
};
