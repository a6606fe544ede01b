/**
 * The file with the cursors of readers: its table, and a copy beside it for the day it is damaged.
 * The one idea: it is lost more easily than the log, for losing it costs repeats and nothing else;
 * so damage never refuses a start, it only moves readers back to what the copy knows.
 * Deliberately unknown here: what a cursor is used for.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sumOf } from './log-chain.ts';
import { ownFileOnce, readNote, setAside, writeDurably } from './log-files.ts';
import { isDamage, sayCause } from './log-schema.ts';

/** Whether a reader goes on by itself, was stopped by an operator, or stopped itself. */
export type CursorState = 'running' | 'paused' | 'disabled';

/** What is kept of one reader. */
export interface Cursor {
  readonly name: string;
  /** Everything up to here is done with. */
  readonly position: number;
  /** When it was saved, ms since 1970. */
  readonly at: number;
  readonly state: CursorState;
  /** Why it does not run, or the last thing that failed; '' where there is nothing to say. */
  readonly error: string;
  /** Records taken by the receiver, dead-lettered, and positions of the log that fell off. */
  readonly shipped: number;
  readonly deadLettered: number;
  readonly fallenOff: number;
  /** The last position of a replay; absent in a reader that goes on for ever. */
  readonly until?: number;
}

/** How the file was found. */
export interface FoundCursors {
  readonly db: Database.Database;
  readonly cursors: readonly Cursor[];
  /** One sentence for each thing that was not as it should be. */
  readonly damage: readonly string[];
  /** True where a reader may have had a cursor that nobody knows any more. */
  readonly hasForgotten: boolean;
}

const FILE_NAME = 'cursors.db';
const COPY_NAME = 'cursors.copy';
const LOCK_WAIT_MS_MAX = 5_000;
const STATES: ReadonlySet<unknown> = new Set<CursorState>(['running', 'paused', 'disabled']);

const TABLE =
  'CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, body TEXT NOT NULL, ' +
  'sum INTEGER NOT NULL) WITHOUT ROWID';

/** What is sealed: name and body. */
export const cursorSum = (name: string, body: string): number =>
  sumOf(`${name.length} ${name}${body}`);

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const COUNTS = ['position', 'at', 'shipped', 'deadLettered', 'fallenOff'] as const;

function readCursor(name: unknown, body: unknown): Cursor | undefined {
  try {
    const found = JSON.parse(body as string) as Cursor;
    const isRight =
      found.name === name &&
      COUNTS.every((field) => isCount(found[field])) &&
      STATES.has(found.state) &&
      typeof found.error === 'string' &&
      (found.until === undefined || isCount(found.until));
    return isRight ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Opens the file, creating it where there is none; falls back to the copy where it is damaged. */
export function openCursorFile(dir: string): FoundCursors {
  const path = join(dir, FILE_NAME);
  const copied = readCopy(dir);
  const isMissing = !existsSync(path) && existsSync(join(dir, COPY_NAME));
  try {
    const db = openDatabase(path);
    if (isMissing) return fallBack(db, copied, `${FILE_NAME} is missing`);
    return { db, ...readRows(db, copied ?? []) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    setAside(path);
    const what = `${FILE_NAME} is damaged (${sayCause(error)}) and kept as ${FILE_NAME}.damaged`;
    return fallBack(openDatabase(path), copied, what);
  }
}

function fallBack(
  db: Database.Database,
  copied: readonly Cursor[] | undefined,
  what: string,
): FoundCursors {
  const from = copied === undefined ? 'from the beginning of the log' : 'from older cursors';
  const damage = [`${what}; readers go on ${from} and repeat what they sent since`];
  return { db, cursors: copied ?? [], damage, hasForgotten: true };
}

function openDatabase(path: string): Database.Database {
  ownFileOnce(path);
  const db = new Database(path, { timeout: LOCK_WAIT_MS_MAX });
  try {
    // Durable against a kill at once, against a power cut with the next flush: see the store.
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    db.exec(TABLE);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

type Row = readonly [name: unknown, body: unknown, sum: unknown];

function readRows(db: Database.Database, copied: readonly Cursor[]): Omit<FoundCursors, 'db'> {
  const cursors: Cursor[] = [];
  const damage: string[] = [];
  try {
    const rows = db.prepare('SELECT name, body, sum FROM cursor').raw().all() as Row[];
    for (const [name, body, sum] of rows) {
      const isWhole = cursorSum(String(name), String(body)) === sum;
      const cursor = isWhole ? readCursor(name, body) : undefined;
      const older = copied.find((one) => one.name === name);
      if (cursor === undefined) damage.push(sayLost(String(name), older));
      const known = cursor ?? older;
      if (known !== undefined) cursors.push(known);
    }
  } catch (error) {
    db.close();
    throw error;
  }
  return { cursors, damage, hasForgotten: damage.length > 0 };
}

function sayLost(name: string, older: Cursor | undefined): string {
  const from =
    older === undefined ? 'the beginning of the log' : `position ${older.position}, an older one`;
  return `the cursor of ${name} is damaged; it goes on from ${from} and repeats what it sent since`;
}

/** Writes the copy; durable when this returns. */
export function writeCopy(dir: string, cursors: readonly Cursor[]): void {
  const body = JSON.stringify(cursors);
  writeDurably(join(dir, COPY_NAME), `${cursorSum(COPY_NAME, body)}\n${body}\n`);
}

/** The cursors of the copy; undefined where it is not there or damaged. */
function readCopy(dir: string): readonly Cursor[] | undefined {
  const [sum, body = ''] = (readNote(join(dir, COPY_NAME)) ?? '').split('\n');
  if (sum !== String(cursorSum(COPY_NAME, body))) return undefined;
  const found = JSON.parse(body) as Cursor[];
  return found.filter((one) => readCursor(one.name, JSON.stringify(one)) !== undefined);
}
