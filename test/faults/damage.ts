/**
 * Damages a data directory: cuts files short, flips single bits.
 * The one idea: a fault is drawn by chance from what is really there, weighted so that each kind of
 * file is hit, and says in one line what it did.
 * Deliberately unknown here: what the bytes mean.
 */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dice } from './scratch.ts';

const STUMP_BYTES_MAX = 64;

/** Kinds of files in a data directory, by where they stand. */
export type FileKind = 'log' | 'wal' | 'body' | 'snapshot' | 'high-water';

const KINDS: Readonly<Record<FileKind, RegExp>> = {
  log: /^log\/\d+\.db$/,
  wal: /^log\/\d+\.db-wal$/,
  body: /^bodies\//,
  snapshot: /^snapshots\//,
  'high-water': /^high-water$/,
};

/** The files of one kind that hold anything. */
export function listKind(data: string, kind: FileKind): string[] {
  return readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((name) => KINDS[kind].test(name))
    .filter((name) => {
      const facts = statSync(join(data, name));
      return facts.isFile() && facts.size > 0;
    })
    .sort();
}

/** The kinds of which this directory has files. */
export const kindsIn = (data: string): FileKind[] =>
  (Object.keys(KINDS) as FileKind[]).filter((kind) => listKind(data, kind).length > 0);

/** What was done to which file. */
export interface Damage {
  readonly kind: FileKind;
  readonly said: string;
}

/** Cuts a file of the log at a random byte. */
export function cutFile(data: string, dice: Dice): Damage {
  const kinds = kindsIn(data).filter((kind) => kind === 'log' || kind === 'wal');
  const kind = dice.oneOf(kinds);
  const name = dice.oneOf(listKind(data, kind));
  const { size } = statSync(join(data, name));
  // Now and then next to nothing is left: not one whole frame or page.
  const bytes = dice.below(dice.below(6) === 0 ? Math.min(size, STUMP_BYTES_MAX) : size);
  truncateSync(join(data, name), bytes);
  return { kind, said: `${name} cut at ${bytes} of ${size}` };
}

/** Flips one bit; four times out of five in a byte that is not zero, where there is content. */
export function flipBit(data: string, dice: Dice): Damage {
  const kind = dice.oneOf(kindsIn(data));
  const name = dice.oneOf(listKind(data, kind));
  const bytes = readFileSync(join(data, name));
  let offset = dice.below(bytes.length);
  if (dice.below(5) > 0) {
    const next = bytes.findIndex((byte, at) => at >= offset && byte !== 0);
    if (next !== -1) offset = next;
  }
  const bit = dice.below(8);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  writeFileSync(join(data, name), bytes);
  return { kind, said: `${name} bit ${bit} of byte ${offset} of ${bytes.length}` };
}
