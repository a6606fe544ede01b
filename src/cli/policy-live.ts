/**
 * The queues, sources and sites that live in a data directory now, read from the newest picture of
 * the books and the records after it, without changing anything, also while an engine runs on it.
 * It knows no policy.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Books } from '../domain/books.ts';
import { decodeBooks } from '../domain/snapshot.ts';
import { DamageReports, LogOpenError } from '../events/log-report.ts';
import { isDamage } from '../events/log-schema.ts';
import type { SegmentInfo } from '../events/log-segments.ts';
import { inspectSegment, listSegments, refuseNewerFormat } from '../events/log-segments.ts';
import { findSnapshots, readSnapshot } from '../events/log-snapshots.ts';
import type { Standing } from '../events/log-views.ts';
import { toRecord, walkRows } from '../events/log-walk.ts';
import { Replay } from '../events/replay.ts';
import { CommandFailure } from './terminal.ts';

/** A queue that lives. */
export interface LiveQueue {
  readonly name: string;
  /** '' before it was first routed. */
  readonly site: string;
  readonly messages: number;
}

/** What lives. */
export interface Live {
  readonly queues: readonly LiveQueue[];
  readonly sources: readonly string[];
}

const NOTHING: Live = { queues: [], sources: [] };

const findSegments = (logDir: string): SegmentInfo[] =>
  listSegments(logDir).flatMap((name) => {
    try {
      return [inspectSegment(logDir, name)];
    } catch (error) {
      // A damaged segment is the start's business; what can be read is enough to compare with.
      if (isDamage(error)) return [];
      throw error;
    }
  });

// The newest picture that can be read; an engine may remove an old one meanwhile.
const findStart = (dir: string): { books: Books; position: number; chain: string | undefined } => {
  for (const position of findSnapshots(dir)) {
    const snapshot = readSnapshot(dir, position);
    const books = typeof snapshot === 'string' ? undefined : decodeBooks(snapshot.bytes);
    if (books === undefined || typeof snapshot === 'string') continue;
    return { books, position, chain: snapshot.chain };
  }
  return { books: new Books(), position: 0, chain: undefined };
};

const readBooks = (dir: string, logDir: string): Books => {
  refuseNewerFormat(logDir);
  const { books, position, chain } = findStart(dir);
  const segments = findSegments(logDir);
  const from = position === 0 ? (segments[0]?.first ?? 1) : position + 1;
  const upto = Math.max(0, ...segments.map(({ last }) => last));
  const reports = new DamageReports();
  const order = { segments, from, upto, previousChain: chain, reports };
  const replay = new Replay(books, () => reports.all.length > 0 || from > 1);
  for (const rows of walkRows(order)) for (const row of rows) replay.apply(toRecord(row));
  return replay.books;
};

const inWords = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};

/** Reads what lives in a data directory; nothing where there is no log yet. */
export const readLive = (dir: string): Live => {
  const logDir = join(dir, 'log');
  if (!existsSync(logDir)) return NOTHING;
  const books = inWords(() => readBooks(dir, logDir));
  const queues = books.queues.flatMap((queue) =>
    queue === undefined ? [] : [{ name: queue.name, site: queue.site, messages: queue.count }],
  );
  return { queues, sources: [...books.sources.keys()] };
};

/** The same queues and sources with how they stand. */
export const readStanding = (dir: string): { queues: Standing[]; sources: Standing[] } => {
  const books = inWords(() => readBooks(dir, join(dir, 'log')));
  const queues = books.queues.flatMap((queue) => {
    if (queue === undefined) return [];
    const { name, state, until, cause, answer, site, count: messages } = queue;
    return [{ name, state, until, cause, answer, site, messages }];
  });
  const sources = [...books.sources.values()].map(({ name, state, until, cause, answer }) => {
    return { name, state, until, cause, answer };
  });
  return { queues, sources };
};
