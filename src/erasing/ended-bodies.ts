/**
 * Overwrites what the body store keeps of ended messages: their bytes lie in its segments until
 * those are used again. The one idea: only what something living refers to is kept; each gap
 * between becomes one record that names no message, so that a walk over the segment still goes from
 * record to record, and what follows the last living body is cut off.
 * Deliberately unknown here: whose bodies they are. Nobody else may have the store open.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { SEGMENT_NAME, segmentName } from '../ports/node/bodies-files.ts';
import {
  decodeRecordHead,
  decodeSegmentHead,
  encodeRecordHead,
  PAGE_BYTES,
  RECORD_HEAD_BYTES,
  recordBytes,
  SEGMENT_HEAD_BYTES,
} from '../ports/node/bodies-record.ts';
import type { BodyRef } from '../ports/ports.ts';

/** Ends the walk over a gap: an object that names nobody, and blanks. */
const NOBODY = '{}';
const ZEROS = Buffer.alloc(PAGE_BYTES);

/** A living body is not where it should be; nothing was changed in its segment. */
export class BodyMissing extends Error {
  override readonly name = 'BodyMissing';
}

interface Range {
  readonly from: number;
  readonly upto: number;
}

const readAt = (file: number, offset: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  const got = readSync(file, bytes, 0, length, offset);
  return bytes.subarray(0, got);
};

const rangeOf = (file: number, { segment, offset, length }: BodyRef, name: string): Range => {
  const head = decodeRecordHead(readAt(file, offset, RECORD_HEAD_BYTES));
  if (head === undefined || head.offset !== offset || head.segment !== segment) {
    throw new BodyMissing(`${name}: there is no record at ${offset} where a living body should be`);
  }
  return { from: offset, upto: offset + recordBytes(length, head.headerBytes) };
};

/** One record over a gap; a gap too small for one held padding only. */
const fill = (file: number, segment: number, stamp: Buffer, { from, upto }: Range): number => {
  const bytes = upto - from;
  const before = readAt(file, from, bytes);
  if (bytes < RECORD_HEAD_BYTES + NOBODY.length || before.every((one) => one === 0)) {
    const isBlank = before.every((one) => one === 0);
    if (!isBlank) writeSync(file, ZEROS, 0, bytes, from);
    return isBlank ? 0 : bytes;
  }
  const blank = Buffer.alloc(bytes, ' ');
  blank.write(NOBODY, RECORD_HEAD_BYTES, 'latin1');
  const text = blank.subarray(RECORD_HEAD_BYTES);
  encodeRecordHead(blank, {
    stamp,
    segment,
    offset: from,
    bodyBytes: 0,
    headerBytes: text.length,
    bodySum: 0,
    headerSum: crc32(text),
  });
  if (blank.equals(before)) return 0;
  writeSync(file, blank, 0, bytes, from);
  return bytes;
};

const emptyOne = (path: string, name: string, living: readonly BodyRef[]): number => {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const head = decodeSegmentHead(readAt(file, 0, SEGMENT_HEAD_BYTES));
    const segment = Number.parseInt(name, 10);
    const ranges = living
      .map((ref) => rangeOf(file, ref, name))
      .sort((one, other) => one.from - other.from);
    if (ranges.length > 0 && head?.segment !== segment) {
      throw new BodyMissing(`${name}: the head of the segment is damaged`);
    }
    const stamp = head?.stamp ?? Buffer.alloc(8);
    let done = 0;
    let at = SEGMENT_HEAD_BYTES;
    for (const range of ranges) {
      // Several messages may have one body.
      if (range.from > at) done += fill(file, segment, stamp, { from: at, upto: range.from });
      at = Math.max(at, range.upto);
    }
    // The highest file says which numbers were used: it stays, if only its head.
    const end = Math.min(size, at);
    if (size > end) ftruncateSync(file, end);
    if (done > 0 || size > end) fsyncSync(file);
    return done + size - end;
  } finally {
    closeSync(file);
  }
};

/** The bytes of a body, as Latin-1. */
export const readBody = (dir: string, { segment, offset, length }: BodyRef): string => {
  const file = openSync(join(dir, segmentName(segment)), 'r');
  try {
    return readAt(file, offset + RECORD_HEAD_BYTES, length).toString('latin1');
  } finally {
    closeSync(file);
  }
};

/** Overwrites everything that is not living; answers how many bytes that were. */
export const emptyEndedBodies = (dir: string, living: Iterable<BodyRef>): number => {
  const bySegment = new Map<number, BodyRef[]>();
  for (const ref of living) {
    const known = bySegment.get(ref.segment);
    if (known === undefined) bySegment.set(ref.segment, [ref]);
    else known.push(ref);
  }
  let bytes = 0;
  if (!existsSync(dir)) return bytes;
  for (const name of readdirSync(dir).filter((one) => SEGMENT_NAME.test(one))) {
    bytes += emptyOne(join(dir, name), name, bySegment.get(Number.parseInt(name, 10)) ?? []);
  }
  return bytes;
};
