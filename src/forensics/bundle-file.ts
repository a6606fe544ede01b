/**
 * The incident file: gzip of JSON lines. First the manifest, then versions of the policy, then
 * records in the order of the log, last a line that counts the lines before it and has their
 * SHA-256, so that a file cut short or changed is found before anything is made of it.
 * Deliberately unknown here: what the records mean, who chose them. docs/proof.md is its manual.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { StoredVersion } from '../domain/policy-version.ts';
import type { StoredRecord } from '../ports/ports.ts';

/** The format written here; the first line says it. */
export const BUNDLE_FORMAT = 1;

/** What the first line says. */
export interface Manifest {
  readonly waybillBundle: number;
  readonly madeAt: string;
  /** Program and machine that made it. */
  readonly made: Readonly<Record<string, string | number>>;
  /** What was asked for, in words. */
  readonly incident: string;
  readonly isRedacted: boolean;
  readonly log: { readonly first: number; readonly last: number };
  /** Findings of damage in the log it was taken from. */
  readonly damage: readonly string[];
}

/** A line between the first and the last. */
export type BundleLine =
  | { readonly version: StoredVersion }
  | { readonly record: readonly [number, number, number, string, string, number, string] };

/** A file that is no incident file, or not whole; the message is one sentence. */
export class BundleUnreadable extends Error {
  override readonly name = 'BundleUnreadable';
}

/** A record as a line holds it: position 0 where it was supplied. */
export const lineOf = (record: StoredRecord): BundleLine => {
  const { position, turn, at, stream, type, version, body } = record;
  return { record: [position, turn, at, stream, type, version, body] };
};

/** Writes a file of the owner alone; answers how many lines it has. */
export const writeBundle = async (
  path: string,
  manifest: Manifest,
  lines: Iterable<BundleLine>,
): Promise<number> => {
  const hash = createHash('sha256');
  let count = 0;
  const textOf = (value: unknown): string => {
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    count += 1;
    return line;
  };
  const text = function* (): Generator<string> {
    yield textOf(manifest);
    for (const line of lines) yield textOf(line);
    yield `${JSON.stringify({ end: { lines: count, sha256: hash.digest('hex') } })}\n`;
  };
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline(Readable.from(text()), createGzip(), file);
  return count;
};

/** Lines as text; whatever is wrong with the bytes is one sentence. */
async function* readLines(path: string): AsyncGenerator<string> {
  const unzip = createGunzip();
  const source = createReadStream(path);
  source.on('error', (error) => unzip.destroy(error));
  source.pipe(unzip);
  const lines = createInterface({ input: unzip, crlfDelay: Number.POSITIVE_INFINITY });
  // What ends the unpacking ends the lines, on some versions of Node without a word.
  let failed: unknown;
  unzip.on('error', (error) => {
    failed = error;
    lines.close();
  });
  try {
    for await (const line of lines) yield line;
  } catch (error) {
    failed = error;
  } finally {
    source.destroy();
  }
  if (failed === undefined) return;
  const cause = (failed as Error).message;
  throw new BundleUnreadable(`${path} cannot be read as an incident file: ${cause}`);
}

const parseManifest = (path: string, line: string): Manifest => {
  let manifest: Partial<Manifest> | undefined;
  try {
    manifest = JSON.parse(line) as Partial<Manifest>;
  } catch {
    manifest = undefined;
  }
  const format = manifest?.waybillBundle;
  if (typeof format !== 'number') throw new BundleUnreadable(`${path} is no incident file`);
  if (format > BUNDLE_FORMAT) {
    const formats = `(format ${format}, this one reads ${BUNDLE_FORMAT})`;
    throw new BundleUnreadable(`${path} was written by a newer Waybill ${formats}`);
  }
  return manifest as Manifest;
};

/** Holds a file against its checksum; throws BundleUnreadable, else answers its manifest. */
export const checkBundle = async (path: string): Promise<Manifest> => {
  const hash = createHash('sha256');
  let manifest: Manifest | undefined;
  let before: string | undefined;
  let count = 0;
  for await (const line of readLines(path)) {
    manifest ??= parseManifest(path, line);
    if (before !== undefined) {
      hash.update(`${before}\n`);
      count += 1;
    }
    before = line;
  }
  if (manifest === undefined) throw new BundleUnreadable(`${path} is no incident file`);
  const sha256 = hash.digest('hex');
  if (before === JSON.stringify({ end: { lines: count, sha256 } })) return manifest;
  throw new BundleUnreadable(`${path} is not whole: it was cut short or changed`);
};

/** The lines between the first and the last, of a file that was checked. */
export async function* readBundle(path: string): AsyncGenerator<BundleLine> {
  let isFirst = true;
  for await (const text of readLines(path)) {
    if (isFirst) {
      isFirst = false;
      continue;
    }
    const line = JSON.parse(text) as BundleLine | { readonly end: unknown };
    if (!('end' in line)) yield line;
  }
}
