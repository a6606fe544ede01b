/**
 * The seal of a closed segment: a small file beside it that holds a checksum of each of its blocks.
 * The one idea: the chain proves every record, but a database file has other bytes as well (page
 * heads, free space, what it says about itself); a file that nobody writes any more can be held
 * against its own bytes. Made after the close, behind everything else: no commit waits for it.
 * Deliberately unknown here: records, when a segment is closed, who asks.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { sumOf } from './log-chain.ts';

/** A change is named to within this much. */
export const SEAL_BLOCK_BYTES = 1024 * 1024;

const LABEL = 'waybill-seal-1';
const SUFFIX = '.seal';
/** Where the header of a database says whether it has a write-ahead log. */
const MODES_AT = 18;
const MODE_PLAIN = 1;

/** The file of the seal of a segment. */
export const sealPath = (path: string): string => path + SUFFIX;

/** What a seal says. */
interface Seal {
  readonly bytes: number;
  readonly sums: readonly number[];
}

const format = ({ bytes, sums }: Seal): string => {
  const blocks = sums.map((sum) => sum.toString(16).padStart(8, '0')).join(' ');
  const text = `${LABEL} ${bytes}\n${blocks}\n`;
  return `${text}${sumOf(text)}\n`;
};

const parse = (text: string): Seal | undefined => {
  const [head = '', blocks = '', sum] = text.split('\n');
  const [label, bytes] = head.split(' ');
  if (label !== LABEL || String(sumOf(`${head}\n${blocks}\n`)) !== sum) return undefined;
  const sums = blocks === '' ? [] : blocks.split(' ').map((word) => Number.parseInt(word, 16));
  return { bytes: Number(bytes), sums };
};

/** True when there is a seal beside a segment. */
export const hasSeal = (path: string): boolean => existsSync(sealPath(path));

/** Takes the seal away: the segment is about to be written, replaced or removed. */
export const dropSeal = (path: string): void => rmSync(sealPath(path), { force: true });

/**
 * Seals a closed segment, block by block; between two of them the thread is free. False where the
 * segment still has a write-ahead log, so that its file is not the whole of it.
 */
export const sealFile = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const block = Buffer.allocUnsafeSlow(Math.min(SEAL_BLOCK_BYTES, size));
    const sums: number[] = [];
    for (let offset = 0; offset < size; offset += block.length) {
      const length = Math.min(block.length, size - offset);
      const { bytesRead } = await file.read(block, 0, length, offset);
      if (bytesRead !== length) return false;
      if (offset === 0 && block[MODES_AT] !== MODE_PLAIN) return false;
      sums.push(crc32(block.subarray(0, length)));
    }
    await writeFile(`${sealPath(path)}.tmp`, format({ bytes: size, sums }), {
      mode: 0o600,
      flush: true,
    });
  } finally {
    await file.close();
  }
  await rename(`${sealPath(path)}.tmp`, sealPath(path));
  return true;
};

/** What holding a segment against its seal said; ranges of bytes, at most this many. */
export interface SealCheck {
  /** `none`: never sealed, or the seal itself is damaged. */
  readonly state: 'holds' | 'broken' | 'none' | 'seal-damaged';
  /** `bytes 0 to 1048575`, for each block that changed. */
  readonly changed: readonly string[];
}

const CHANGED_MAX = 5;

/** Holds a closed segment against its seal; reads all of it. */
export const checkSeal = (path: string): SealCheck => {
  if (!hasSeal(path)) return { state: 'none', changed: [] };
  const seal = parse(readFileSync(sealPath(path), 'latin1'));
  if (seal === undefined) return { state: 'seal-damaged', changed: [] };
  const changed: string[] = [];
  const { size } = statSync(path);
  if (size !== seal.bytes) changed.push(`${size} bytes where there were ${seal.bytes}`);
  const block = Buffer.allocUnsafeSlow(SEAL_BLOCK_BYTES);
  const file = openSync(path, 'r');
  try {
    for (const [index, sum] of seal.sums.entries()) {
      const offset = index * SEAL_BLOCK_BYTES;
      const length = readSync(file, block, 0, Math.min(block.length, seal.bytes - offset), offset);
      if (crc32(block.subarray(0, length)) === sum || changed.length >= CHANGED_MAX) continue;
      changed.push(`bytes ${offset} to ${offset + length - 1}`);
    }
  } finally {
    closeSync(file);
  }
  return { state: changed.length === 0 ? 'holds' : 'broken', changed };
};
