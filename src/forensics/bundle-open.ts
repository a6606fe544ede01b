/**
 * From an incident file to a data directory on which the offline commands work: a whole log with a
 * chain of its own, and the policy store with the versions that it names. Positions are given anew,
 * and those that records name follow. There are no bodies: nothing can be sent from it.
 * Deliberately unknown here: what the incident was.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredVersion } from '../domain/policy-version.ts';
import { ownDir, writeDurably } from '../events/log-files.ts';
import type { RestoredRecord } from '../events/log-restore.ts';
import { restoreLog } from '../events/log-restore.ts';
import { restoreVersions } from '../events/policy-restore.ts';
import type { Manifest } from './bundle-file.ts';
import { BundleUnreadable, checkBundle, readBundle } from './bundle-file.ts';

/** What the directory says of where it came from. */
export const MANIFEST_NAME = 'bundle.json';

/** What was opened. */
export interface BundleOpened {
  readonly manifest: Manifest;
  readonly records: number;
  readonly versions: number;
}

const STARTING = new Set(['message.accepted', 'message.recovered']);

/** Positions of acceptances that records name, by what they were. */
class Renumbering {
  readonly #acceptances = new Map<number, number>();
  #position = 0;

  next(was: number, type: string, text: string): string {
    this.#position += 1;
    if (STARTING.has(type)) this.#acceptances.set(was, this.#position);
    if (!text.includes('"origin":')) return text;
    const body = JSON.parse(text) as { origin?: number };
    const origin = this.#acceptances.get(body.origin ?? 0);
    if (origin === undefined) delete body.origin;
    else body.origin = origin;
    return JSON.stringify(body);
  }
}

async function* recordsOf(file: string): AsyncGenerator<RestoredRecord> {
  const renumbering = new Renumbering();
  for await (const line of readBundle(file)) {
    if (!('record' in line)) continue;
    const [was, turn, at, stream, type, version, text] = line.record;
    yield { turn, at, stream, type, version, body: renumbering.next(was, type, text) };
  }
}

const versionsOf = async (file: string): Promise<StoredVersion[]> => {
  const versions: StoredVersion[] = [];
  // They stand before the records.
  for await (const line of readBundle(file)) {
    if (!('version' in line)) break;
    versions.push(line.version);
  }
  return versions;
};

/** Opens a file in a directory that is new or empty; throws BundleUnreadable. */
export const openBundle = async (file: string, dir: string): Promise<BundleOpened> => {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new BundleUnreadable(`${dir} is not empty; name a directory that is new`);
  }
  const manifest = await checkBundle(file);
  ownDir(dir);
  const versions = await versionsOf(file);
  restoreVersions(dir, versions);
  const records = await restoreLog(dir, recordsOf(file));
  writeDurably(join(dir, MANIFEST_NAME), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { manifest, records, versions: versions.length };
};
