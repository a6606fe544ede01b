/**
 * How a body lies in its segment file: a fixed head, the bytes, then the header text. The head
 * comes before the bytes so that one read of known length fetches and proves a body. Every segment
 * has a random stamp which its records repeat: neither what an earlier life of a recycled file left
 * behind nor a forged record inside a mail can pass for a record.
 * Deliberately unknown here: files, references, flushing.
 */

import { crc32 } from 'node:zlib';

/** Flushes begin and end on this boundary: none rewrites a page that holds answered bytes. */
export const PAGE_BYTES = 4096;
/** The first page of a segment file holds its head alone. */
export const SEGMENT_HEAD_BYTES = PAGE_BYTES;
/** Size of a record's fixed head. */
export const RECORD_HEAD_BYTES = 64;
/** Size of the random stamp of a segment. */
export const STAMP_BYTES = 8;
/** Where a record's head holds the stamp: what a search for records looks for. */
export const STAMP_AT = 8;

const SEGMENT_MAGIC = 0x53425957;
const RECORD_MAGIC = 0x52425957;
const FORMAT = 1;
const CHECKED_BYTES = RECORD_HEAD_BYTES - 4;

/** The fixed head of a record, as read back. */
export interface RecordHead {
  readonly stamp: Buffer;
  readonly segment: number;
  readonly offset: number;
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly bodySum: number;
  readonly headerSum: number;
}

/** Fills `into` (64 bytes) with a record's head. */
export function encodeRecordHead(into: Buffer, head: RecordHead): void {
  into.fill(0, 0, RECORD_HEAD_BYTES);
  into.writeUInt32LE(RECORD_MAGIC, 0);
  into.writeUInt16LE(FORMAT, 4);
  into.writeUInt16LE(RECORD_HEAD_BYTES, 6);
  head.stamp.copy(into, STAMP_AT, 0, STAMP_BYTES);
  into.writeUIntLE(head.segment, 16, 6);
  into.writeUIntLE(head.offset, 24, 6);
  into.writeUInt32LE(head.bodyBytes, 32);
  into.writeUInt32LE(head.headerBytes, 36);
  into.writeUInt32LE(head.bodySum, 40);
  into.writeUInt32LE(head.headerSum, 44);
  into.writeUInt32LE(crc32(into.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
}

/** Reads a record's head; undefined when the bytes are not one, or are damaged. */
export function decodeRecordHead(from: Buffer): RecordHead | undefined {
  if (from.length < RECORD_HEAD_BYTES || from.readUInt32LE(0) !== RECORD_MAGIC) return undefined;
  if (from.readUInt16LE(4) !== FORMAT) return undefined;
  if (from.readUInt32LE(CHECKED_BYTES) !== crc32(from.subarray(0, CHECKED_BYTES))) return undefined;
  return {
    stamp: Buffer.from(from.subarray(STAMP_AT, STAMP_AT + STAMP_BYTES)),
    segment: from.readUIntLE(16, 6),
    offset: from.readUIntLE(24, 6),
    bodyBytes: from.readUInt32LE(32),
    headerBytes: from.readUInt32LE(36),
    bodySum: from.readUInt32LE(40),
    headerSum: from.readUInt32LE(44),
  };
}

/** The first page of a segment file. */
export function encodeSegmentHead(segment: number, stamp: Buffer): Buffer {
  const page = Buffer.alloc(SEGMENT_HEAD_BYTES);
  page.writeUInt32LE(SEGMENT_MAGIC, 0);
  page.writeUInt16LE(FORMAT, 4);
  stamp.copy(page, 8, 0, STAMP_BYTES);
  page.writeUIntLE(segment, 16, 6);
  page.writeUInt32LE(crc32(page.subarray(0, 24)), 24);
  return page;
}

/** Reads a segment's head; undefined when it is damaged. */
export function decodeSegmentHead(page: Buffer): { segment: number; stamp: Buffer } | undefined {
  if (page.length < 28 || page.readUInt32LE(0) !== SEGMENT_MAGIC) return undefined;
  if (page.readUInt16LE(4) !== FORMAT) return undefined;
  if (page.readUInt32LE(24) !== crc32(page.subarray(0, 24))) return undefined;
  return { segment: page.readUIntLE(16, 6), stamp: Buffer.from(page.subarray(8, 16)) };
}

/** What a record takes in its segment, without the padding at the end of a flush. */
export const recordBytes = (bodyBytes: number, headerBytes: number): number =>
  RECORD_HEAD_BYTES + bodyBytes + headerBytes;

/** Rounds up to the next page. */
export const paddedBytes = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
