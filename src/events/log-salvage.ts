/**
 * Rebuilds a damaged segment from what can still be read of it.
 * The one idea: the damaged files are never written to. What proves itself is copied into a new
 * segment, the old one is set aside as `<name>.damaged`, and only then the new one takes its name;
 * a crash at any step is finished at the next start.
 * Deliberately unknown here: when a rebuild is called for.
 */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ownFile, removeDatabase, setAside, syncDir } from './log-files.ts';
import { scavengeRows } from './log-pages.ts';
import type { SegmentMeta } from './log-schema.ts';
import { layOut, openForReading, readMeta } from './log-schema.ts';
import { firstOf } from './log-segments.ts';

const DRAFT_SUFFIX = '.rebuilding';
const READY_SUFFIX = '.rebuilt';

/** What a rebuild needs to know besides the files. */
export interface SalvageOrder {
  readonly logDir: string;
  readonly name: string;
  /** Rows beyond it are not taken: they were never acknowledged, or belong to the next segment. */
  readonly upto: number;
  /** Used where the segment's own word about itself is unreadable. */
  readonly meta: SegmentMeta;
  /** Given: the rebuild counts only if it brings one of these positions back. */
  readonly wanted?: { readonly from: number; readonly upto: number };
}

/** Answers how many rows were saved, or undefined where nothing wanted was found. */
export const rebuildSegment = (order: SalvageOrder): number | undefined => {
  const path = join(order.logDir, order.name);
  const draft = path + DRAFT_SUFFIX;
  removeDatabase(draft);
  ownFile(draft);
  layOut(draft, ownMeta(path) ?? order.meta);
  const saved = copyRows(order, draft);
  if (saved === undefined) {
    removeDatabase(draft);
    return undefined;
  }
  renameSync(draft, path + READY_SUFFIX);
  finishRebuild(order.logDir, order.name);
  return saved;
};

/** Finishes every rebuild a crash interrupted between its renames. */
export const finishRebuilds = (logDir: string): void => {
  for (const name of readdirSync(logDir)) {
    if (name.endsWith(READY_SUFFIX)) finishRebuild(logDir, name.slice(0, -READY_SUFFIX.length));
  }
};

const finishRebuild = (logDir: string, name: string): void => {
  const path = join(logDir, name);
  syncDir(logDir);
  setAside(path);
  renameSync(path + READY_SUFFIX, path);
  syncDir(logDir);
};

const ownMeta = (path: string): SegmentMeta | undefined => {
  try {
    const db = openForReading(path);
    try {
      return readMeta(db);
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
};

const copyRows = (order: SalvageOrder, draft: string): number | undefined => {
  const { logDir, name, upto, wanted } = order;
  const first = firstOf(name);
  const db = new Database(draft, { fileMustExist: true });
  try {
    db.pragma('synchronous = FULL');
    const put = db.prepare(
      'INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, unhex(?))',
    );
    let isFound = wanted === undefined;
    db.transaction(() => {
      for (const row of scavengeRows(join(logDir, name))) {
        const position = row[0];
        if (position < first || position > upto) continue;
        put.run(...row);
        if (wanted && position >= wanted.from && position <= wanted.upto) isFound = true;
      }
    })();
    if (!isFound) return undefined;
    return db.prepare('SELECT count(*) FROM event').pluck().get() as number;
  } finally {
    db.close();
  }
};
