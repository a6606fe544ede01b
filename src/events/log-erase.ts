/**
 * Takes texts out of closed segments: finds the rows that may name somebody, and puts others in
 * their place. The one idea: a segment is never changed under its name. A copy is rewritten and
 * takes the name when it is whole and none of its bytes, free pages included, shows what was to go;
 * a crash leaves the old segment or the new one.
 * Deliberately unknown here: who is to be erased, what a text means, what the log says of it.
 */
import { copyFileSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { EventRow } from './log-chain.ts';
import { ERASED_MARK, erasureSealOf, linkOf, sealText, sumOf, textOf } from './log-chain.ts';
import { ownFile, removeDatabase, syncDir } from './log-files.ts';
import { openForReading } from './log-schema.ts';
import { dropSeal, sealFile } from './log-seals.ts';
import { ERASING_SUFFIX, prepareRow } from './log-segments.ts';

/** Which rows are wanted of a segment. */
export interface RowSearch {
  /** Two texts in lower case, both of which are in the body, or in the stream. */
  readonly pairs: readonly (readonly [one: string, other: string])[];
  /** Or the row is of one of these streams. */
  readonly streams: readonly string[];
}

const IN_TEXTS = 'instr(lower(stream || char(10) || body), ?)';

/** Positions of the rows that a search finds; SQLite looks, so that most rows are never made. */
export const searchSegment = (path: string, { pairs, streams }: RowSearch): number[] => {
  const holds = pairs.map(() => `(${IN_TEXTS} AND ${IN_TEXTS})`);
  const isOf = streams.length === 0 ? [] : ['stream IN (SELECT value FROM json_each(?))'];
  const where = [...holds, ...isOf].join(' OR ');
  const values = [...pairs.flat(), ...(streams.length === 0 ? [] : [JSON.stringify(streams)])];
  const db = openForReading(path);
  try {
    const sql = `SELECT position FROM event WHERE ${where} ORDER BY position`;
    return db
      .prepare(sql)
      .pluck()
      .all(...values) as number[];
  } finally {
    db.close();
  }
};

/** The rows at these positions. */
export function* readRows(path: string, positions: readonly number[]): Generator<EventRow> {
  const db = openForReading(path);
  try {
    const find = prepareRow(db);
    for (const position of positions) yield find.get(position) as EventRow;
  } finally {
    db.close();
  }
}

/** The row with another body: its link stays, its salt goes. */
export const erasedRow = (row: EventRow, body: string): EventRow => {
  const [position, turn, at, stream, type, version] = row;
  const sum = sumOf(sealText(position, turn, at, stream, type, version, body));
  return [position, turn, at, stream, type, version, body, sum, linkOf(row) + ERASED_MARK];
};

/** What the order lists for an erased row. */
export const sealOfErased = (row: EventRow): string => erasureSealOf(textOf(row) as string);

/** Who looks at the bytes of a rewritten segment. */
export interface ByteCheck {
  /** True when what was to go is in the bytes of a file. */
  shows(path: string): boolean;
  /** True when rows that stay as they are hold it: then bytes prove nothing. */
  mustShow(path: string): boolean;
}

/** Puts rows in the place of those with their positions. */
export const rewriteSegment = async (
  path: string,
  rows: readonly EventRow[],
  check: ByteCheck,
): Promise<void> => {
  const draft = path + ERASING_SUFFIX;
  removeDatabase(draft);
  ownFile(draft);
  copyFileSync(path, draft);
  const put = (vacuum: boolean): void => {
    const db = new Database(draft, { fileMustExist: true });
    try {
      // Nobody else knows the draft, and a crash throws it away: no journal on the disk.
      db.pragma('journal_mode = MEMORY');
      db.pragma('synchronous = FULL');
      db.pragma('secure_delete = ON');
      db.pragma('temp_store = MEMORY');
      if (vacuum) db.exec('VACUUM');
      else replaceRows(db, rows);
    } finally {
      db.close();
    }
  };
  put(false);
  // Pages that were split long ago may hold copies that no row knows.
  if (check.shows(draft)) put(true);
  if (check.shows(draft) && !check.mustShow(draft)) {
    removeDatabase(draft);
    throw new Error(`segment ${basename(path)} could not be rewritten`);
  }
  dropSeal(path);
  renameSync(draft, path);
  syncDir(dirname(path));
  await sealFile(path);
};

const replaceRows = (db: Database.Database, rows: readonly EventRow[]): void => {
  const update = db.prepare(
    'UPDATE event SET body = ?, sum = ?, chain = unhex(?) WHERE position = ?',
  );
  db.transaction(() => {
    for (const row of rows) {
      const { changes } = update.run(row[6], row[7], row[8], row[0]);
      if (changes !== 1) throw new Error(`position ${row[0]} is not in its segment`);
    }
  })();
};
