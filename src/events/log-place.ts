/**
 * Where a log lies: in a data directory, in a folder of segments copied out of one, or in a single
 * segment. The one idea: whoever reads a log asks for its segments by path and first position, and
 * need not know how they came to lie there.
 * Deliberately unknown here: what segments hold, and whether somebody writes them.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LogOpenError } from './log-report.ts';
import { isDamage, openForReading, readMeta, sayCause } from './log-schema.ts';
import { firstOf, isSegmentName, listSegments } from './log-segments.ts';

/** A segment by name. */
export interface PlacedSegment {
  readonly name: string;
  readonly path: string;
  readonly first: number;
}

/** A log by its segments. */
export interface LogPlace {
  /** What it is: a data directory, a folder of segments, or one segment. */
  readonly kind: 'data' | 'folder' | 'segment';
  /** The folder or file. */
  readonly path: string;
  /** The segments that there are now, oldest first. */
  list(): readonly PlacedSegment[];
}

const segmentsIn = (logDir: string): readonly PlacedSegment[] =>
  listSegments(logDir).map((name) => ({ name, path: join(logDir, name), first: firstOf(name) }));

/** The log of a data directory. */
export const dataPlace = (dir: string): LogPlace => ({
  kind: 'data',
  path: dir,
  list: () => segmentsIn(join(dir, 'log')),
});

const folderPlace = (dir: string): LogPlace => ({
  kind: 'folder',
  path: dir,
  list: () => segmentsIn(dir),
});

const segmentPlace = (path: string): LogPlace => {
  const name = basename(path);
  const segment = { name, path, first: isSegmentName(name) ? firstOf(name) : askFirst(path) };
  return { kind: 'segment', path, list: () => [segment] };
};

/** The first position of a segment that was renamed: its own word. */
const askFirst = (path: string): number => {
  try {
    const db = openForReading(path);
    try {
      const meta = readMeta(db);
      if (meta !== undefined) return meta.first;
    } finally {
      db.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw new LogOpenError(`cannot read ${path}: ${sayCause(error)}`);
  }
  throw new LogOpenError(`${path} is no segment of a log`);
};

/** Finds the log at a path; throws LogOpenError where there is none. */
export const findLogPlace = (path: string): LogPlace => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new LogOpenError(`there is no ${path}`);
  if (!found.isDirectory()) return segmentPlace(path);
  if (existsSync(join(path, 'log'))) return dataPlace(path);
  if (listSegments(path).length > 0) return folderPlace(path);
  throw new LogOpenError(`${path} holds no log`);
};

/** The folder that belongs to a log, under a name of somebody who keeps something about it. */
export const folderBeside = ({ kind, path }: LogPlace, name: string): string =>
  kind === 'segment' ? `${path}.${name}` : join(path, name);
