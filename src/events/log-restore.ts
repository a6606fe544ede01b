/**
 * A log written as a whole from records that come from somewhere else: one closed segment with a
 * chain of its own from position 1 on, and its high-water mark. The one idea: what is written is a
 * log like any other, so everything that reads one reads it.
 * Deliberately unknown here: where the records come from; running engines (the directory is new).
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { StoredRecord } from '../ports/ports.ts';
import { chainOf, chainOrigin, Salts, sealText, sumOf } from './log-chain.ts';
import { ownDir } from './log-files.ts';
import { HighWater } from './log-high-water.ts';
import { LogOpenError } from './log-report.ts';
import { LOG_FORMAT } from './log-schema.ts';
import { createSegment } from './log-segments.ts';

const NODE_ID_BYTES = 8;

/** A record that gets its position where it is written. */
export type RestoredRecord = Omit<StoredRecord, 'position'>;

/** Writes the log of a new data directory; answers how many records it has. */
export const restoreLog = async (
  dir: string,
  records: AsyncIterable<RestoredRecord>,
): Promise<number> => {
  const logDir = join(dir, 'log');
  if (existsSync(logDir)) throw new LogOpenError(`${dir} holds a log already`);
  ownDir(dir);
  ownDir(logDir);
  const node = randomBytes(NODE_ID_BYTES).toString('hex');
  let chain = chainOrigin(node);
  const meta = { format: LOG_FORMAT, node, first: 1, after: 0, chainBefore: chain };
  const salts = new Salts();
  const db = new Database(createSegment(logDir, meta), { fileMustExist: true });
  let [position, turn, at] = [0, 0, 0];
  try {
    db.pragma('synchronous = FULL');
    const insert = db.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, unhex(?))');
    db.exec('BEGIN IMMEDIATE');
    for await (const { stream, type, version, body, ...when } of records) {
      position += 1;
      ({ turn, at } = when);
      const text = sealText(position, turn, at, stream, type, version, body);
      const salt = salts.next();
      chain = chainOf(chain, text, salt);
      insert.run(position, turn, at, stream, type, version, body, sumOf(text), chain + salt);
    }
    db.exec('COMMIT');
  } finally {
    db.close();
  }
  new HighWater(dir, { position, turn, at, chain, first: 1 }).close();
  return position;
};
