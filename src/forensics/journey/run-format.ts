/**
 * A stretch as a file: a head, then pages of sorted entries. The head says of which records it was
 * made and holds the first hash of each page and the times of each block; so an answer costs one
 * read of the head, once, and one page. Head and pages carry checksums of their own.
 * Deliberately unknown here: where files lie. Numbers are little-endian, as the machine has them.
 */
import { crc32 } from 'node:zlib';
import type { StretchData } from './stretch.ts';
import { blocksOf, entryOf, hashOf, placeOf, STRETCH_POSITIONS_MAX } from './stretch.ts';

const MAGIC = 0x584a4257;
const FORMAT = 1;
/** Octets of a page, and of what the head is padded to. */
export const RUN_PAGE_BYTES = 4_096;
/** Entries of a page: hash and place, four octets each; the last eight are its checksum. */
export const PAGE_ENTRIES = RUN_PAGE_BYTES / 8 - 1;
const PREAMBLE_BYTES = 64;
const CHAIN_BYTES = 16;
const CHAIN_AT = 44;

/** What the head of a file says. */
export interface RunHead {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Tells the key of the hashes, without being it. */
  readonly keyMark: number;
  readonly proof: StretchData['proof'];
  readonly times: Float64Array;
  /** The first hash of each page. */
  readonly fences: Uint32Array;
  /** Octets of the head: the first page begins there. */
  readonly bytes: number;
}

const headBytes = (blocks: number, pages: number): number => {
  const bytes = PREAMBLE_BYTES + blocks * 16 + pages * 4;
  return Math.ceil(bytes / RUN_PAGE_BYTES) * RUN_PAGE_BYTES;
};

/** The file of a stretch. */
export function encodeRun(data: StretchData, keyMark: number): Uint8Array {
  const { entries, times } = data;
  const pages = Math.ceil(entries.length / PAGE_ENTRIES);
  const start = headBytes(times.length / 2, pages);
  const file = new Uint8Array(start + pages * RUN_PAGE_BYTES);
  const fences = new Uint32Array(file.buffer, PREAMBLE_BYTES + times.byteLength, pages);
  for (let page = 0; page < pages; page += 1) {
    const words = new Uint32Array(file.buffer, start + page * RUN_PAGE_BYTES, RUN_PAGE_BYTES / 4);
    fillPage(words, entries, page * PAGE_ENTRIES);
    fences[page] = words[0] as number;
  }
  writeHead(file.subarray(0, start), data, keyMark, pages);
  return file;
}

function fillPage(words: Uint32Array, entries: Float64Array, from: number): void {
  const count = Math.min(PAGE_ENTRIES, entries.length - from);
  for (let index = 0; index < count; index += 1) {
    const entry = entries[from + index] as number;
    words[index * 2] = hashOf(entry);
    words[index * 2 + 1] = placeOf(entry);
  }
  words[PAGE_ENTRIES * 2] = pageSum(words);
}

const pageSum = (words: Uint32Array): number =>
  crc32(new Uint8Array(words.buffer, words.byteOffset, PAGE_ENTRIES * 8));

function writeHead(head: Uint8Array, data: StretchData, keyMark: number, pages: number): void {
  const { first, last, entries, times, proof } = data;
  new Float64Array(head.buffer, PREAMBLE_BYTES, times.length).set(times);
  new Float64Array(head.buffer, 8, 3).set([first, last, proof.position]);
  const chain = Uint8Array.from({ length: CHAIN_BYTES }, (_, at) =>
    Number.parseInt(proof.chain.slice(at * 2, at * 2 + 2) || '0', 16),
  );
  head.set(chain, CHAIN_AT);
  const words = new Uint32Array(head.buffer, 0, PREAMBLE_BYTES / 4);
  words.set([MAGIC, FORMAT]);
  words.set([entries.length, pages, keyMark], 8);
  words[15] = 0;
  words[15] = crc32(head);
}

/** Octets of the head of a file, by its first octets; undefined where it is no such file. */
export function readHeadBytes(preamble: Uint8Array): number | undefined {
  if (preamble.length < PREAMBLE_BYTES) return undefined;
  const words = new Uint32Array(preamble.slice(0, PREAMBLE_BYTES).buffer);
  if (words[0] !== MAGIC || words[1] !== FORMAT) return undefined;
  const [first = 0, last = 0] = new Float64Array(preamble.slice(8, 24).buffer);
  const isSound = last >= first && last - first < STRETCH_POSITIONS_MAX;
  return isSound ? headBytes(blocksOf(first, last), words[9] as number) : undefined;
}

/** Reads a head that was read whole; undefined where it is damaged. */
export function decodeHead(bytes: Uint8Array): RunHead | undefined {
  const head = bytes.slice();
  const words = new Uint32Array(head.buffer, 0, PREAMBLE_BYTES / 4);
  const sum = words[15];
  words[15] = 0;
  if (crc32(head) !== sum) return undefined;
  const [first = 0, last = 0, position = 0] = new Float64Array(head.buffer, 8, 3);
  const times = new Float64Array(head.buffer, PREAMBLE_BYTES, blocksOf(first, last) * 2);
  const fences = new Uint32Array(
    head.buffer,
    PREAMBLE_BYTES + times.byteLength,
    words[9] as number,
  );
  const chain = [...head.subarray(CHAIN_AT, CHAIN_AT + CHAIN_BYTES)]
    .map((octet) => octet.toString(16).padStart(2, '0'))
    .join('');
  return {
    first,
    last,
    count: words[8] as number,
    keyMark: words[10] as number,
    proof: { position, chain },
    times,
    fences,
    bytes: bytes.length,
  };
}

/** A page that was read whole: hash and place of each entry; undefined where it is damaged. */
export function decodePage(words: Uint32Array): Uint32Array | undefined {
  return words[PAGE_ENTRIES * 2] === pageSum(words) ? words : undefined;
}

/** The places of a hash among the entries of a page, added to what was found before. */
export function placesIn(
  words: Uint32Array,
  count: number,
  hash: number,
  found: number[] = [],
): readonly number[] {
  for (let index = 0; index < count; index += 1) {
    if (words[index * 2] === hash) found.push(words[index * 2 + 1] as number);
  }
  return found;
}

/** The entries of a page as a stretch has them. */
export const entriesIn = (words: Uint32Array, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, index) =>
    entryOf(words[index * 2] as number, words[index * 2 + 1] as number),
  );
