/**
 * The PROXY header that goes before a connection through HAProxy: from where it is to come and
 * where it is to go, in the text form (version 1) and the binary form (version 2) of the public
 * specification "The PROXY protocol", sections 2.1 and 2.2. It has no answer.
 * Deliberately unknown here: sockets, and what HAProxy does with it.
 */
import type { Ip } from '../../domain/ip.ts';
import { formatOctets, octetsOf } from '../../domain/ip.ts';

/** An end of the connection that is asked for. */
export interface HeaderEnd {
  readonly ip: Ip;
  readonly port: number;
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Version 2, command PROXY. */
const VERSION_AND_COMMAND = 0x21;
/** TCP over IPv4 and over IPv6. */
const STREAM = { 4: 0x11, 6: 0x21 } as const;

/** Writes the header; both ends must be of one family, or it is undefined. */
export function makeProxyHeader(
  version: 'v1' | 'v2',
  from: HeaderEnd,
  to: HeaderEnd,
): Buffer | undefined {
  if (from.ip.family !== to.ip.family) return undefined;
  return version === 'v1' ? makeText(from, to) : makeBinary(from, to);
}

function makeText(from: HeaderEnd, to: HeaderEnd): Buffer {
  const show = ({ ip }: HeaderEnd): string => formatOctets(Uint8Array.from(octetsOf(ip)));
  const ends = `${show(from)} ${show(to)} ${from.port} ${to.port}`;
  return Buffer.from(`PROXY TCP${from.ip.family} ${ends}\r\n`, 'latin1');
}

function makeBinary(from: HeaderEnd, to: HeaderEnd): Buffer {
  const ends = [...octetsOf(from.ip), ...octetsOf(to.ip), ...split(from.port), ...split(to.port)];
  const head = [VERSION_AND_COMMAND, STREAM[from.ip.family], ...split(ends.length)];
  return Buffer.concat([SIGNATURE, Buffer.from([...head, ...ends])]);
}

function split(value: number): [number, number] {
  return [value >>> 8, value & 0xff];
}
