/**
 * From bodies to one flush: each body becomes an item when it is handed over (its sums are counted
 * then), and a batch of items becomes one list of buffers when its place in the segment is known.
 * The bytes of a body are never copied, unless they come in very many pieces.
 * Deliberately unknown here: files, when to flush.
 */

import { crc32 } from 'node:zlib';
import type { BodyRef, Fault } from '../ports.ts';
import {
  encodeRecordHead,
  PAGE_BYTES,
  paddedBytes,
  RECORD_HEAD_BYTES,
  recordBytes,
} from './bodies-record.ts';

/** More chunks than this are copied into one. */
const CHUNKS_MAX = 64;
const PADDING = Buffer.alloc(PAGE_BYTES);

/** Tells where a body lies, or why it was not kept. */
export type BodyAnswered = (outcome: BodyRef | Fault) => void;

/** A body on its way to the disk. */
export interface BodyItem {
  /** The record's head, not filled in yet, and the header text behind it. */
  readonly meta: Buffer;
  readonly headerSum: number;
  readonly chunks: readonly Buffer[];
  readonly bodyBytes: number;
  readonly bodySum: number;
  /** What the record takes in its segment. */
  readonly bytes: number;
  readonly answered: BodyAnswered;
}

/** Counts the sums and lays out what does not depend on the place. */
export function makeBodyItem(
  header: string,
  chunks: readonly Buffer[],
  answered: BodyAnswered,
): BodyItem {
  const pieces = chunks.length > CHUNKS_MAX ? [Buffer.concat(chunks)] : chunks;
  let bodyBytes = 0;
  let bodySum = 0;
  for (const piece of pieces) {
    bodyBytes += piece.length;
    bodySum = crc32(piece, bodySum);
  }
  const headerBytes = Buffer.byteLength(header);
  const meta = Buffer.allocUnsafe(RECORD_HEAD_BYTES + headerBytes);
  meta.write(header, RECORD_HEAD_BYTES);
  const headerSum = crc32(meta.subarray(RECORD_HEAD_BYTES));
  const bytes = recordBytes(bodyBytes, headerBytes);
  return { meta, headerSum, chunks: pieces, bodyBytes, bodySum, bytes, answered };
}

/** Where a batch goes: a segment by number and stamp, from a page boundary on. */
export interface BatchPlace {
  readonly segment: number;
  readonly stamp: Buffer;
  readonly offset: number;
}

/** A batch as it goes to the disk: whole pages, and where each body will lie. */
export interface BatchLayout {
  readonly buffers: Buffer[];
  readonly bytes: number;
  readonly refs: BodyRef[];
}

/** Fills in the heads and lists the buffers of one flush. */
export function layOutBatch(place: BatchPlace, items: readonly BodyItem[]): BatchLayout {
  const { segment, stamp } = place;
  const buffers: Buffer[] = [];
  const refs: BodyRef[] = [];
  let offset = place.offset;
  for (const item of items) {
    const { meta, bodyBytes, bodySum, headerSum } = item;
    const headerBytes = meta.length - RECORD_HEAD_BYTES;
    const head = meta.subarray(0, RECORD_HEAD_BYTES);
    encodeRecordHead(head, {
      stamp,
      segment,
      offset,
      bodyBytes,
      headerBytes,
      bodySum,
      headerSum,
    });
    buffers.push(head, ...item.chunks, meta.subarray(RECORD_HEAD_BYTES));
    refs.push({ segment, offset, length: bodyBytes, sum: bodySum });
    offset += item.bytes;
  }
  const bytes = offset - place.offset;
  const padding = paddedBytes(bytes) - bytes;
  if (padding > 0) buffers.push(PADDING.subarray(0, padding));
  return { buffers, bytes: bytes + padding, refs };
}

/** What remains of a list of buffers after its first `bytes` bytes. */
export function dropBytes(buffers: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = bytes;
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      rest.push(buffer.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
