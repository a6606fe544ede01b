/**
 * What the body store in memory keeps, and its sum: CRC-32 as the port asks for it, written out
 * because this folder may not use Node's modules; production counts natively.
 * Deliberately unknown here: when something is kept or let go.
 */

import type { BodyRef } from '../ports/ports.ts';

/** A body as kept. */
export interface Kept {
  readonly ref: BodyRef;
  readonly header: string;
  readonly bytes: Buffer;
}

/** A segment: its bodies by offset, and what refers to them. */
export interface MemorySegment {
  readonly number: number;
  readonly bodies: Map<number, Kept>;
  isSealed: boolean;
  references: number;
  liveBytes: number;
}

/** The bytes of some bodies. */
export const total = (kept: readonly Kept[]): number =>
  kept.reduce((sum, { bytes }) => sum + bytes.length, 0);

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

/** The CRC-32 of `bytes`. */
export function checksum(bytes: Buffer): number {
  let value = 0xffffffff;
  // By index: an iterator costs several times as much a byte.
  for (let at = 0; at < bytes.length; at += 1) {
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[at] as number)) & 0xff] as number);
  }
  return (value ^ 0xffffffff) >>> 0;
}
