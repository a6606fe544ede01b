/**
 * A log as those find it who only read: where it lies, and which segments there are, also beside a
 * writer. Nothing is mended; a segment that cannot be read stands there empty.
 * Deliberately unknown here: what is read from it, and what becomes of damage.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LogOpenError } from './log-report.ts';
import { isDamage, sayCause } from './log-schema.ts';
import type { SegmentInfo } from './log-segments.ts';
import { firstOf, inspectSegment, listSegments, refuseNewerFormat } from './log-segments.ts';

/** The folder of the log in a data directory; throws LogOpenError where there is none to read. */
export const findLogDir = (dir: string): string => {
  const logDir = join(dir, 'log');
  if (!existsSync(logDir)) throw new LogOpenError(`${dir} holds no log`);
  refuseNewerFormat(logDir);
  return logDir;
};

/** A segment that cannot even be looked at; a walk will say why. */
const unreadable = (logDir: string, name: string): SegmentInfo => ({
  name,
  path: join(logDir, name),
  first: firstOf(name),
  last: firstOf(name) - 1,
  lastTurn: 0,
  lastAt: 0,
  lastChain: '',
  meta: undefined,
  isEndDamaged: true,
});

const look = (logDir: string, name: string): SegmentInfo => {
  try {
    return inspectSegment(logDir, name);
  } catch (error) {
    if (!isDamage(error)) throw new LogOpenError(`cannot read log/${name}: ${sayCause(error)}`);
    return unreadable(logDir, name);
  }
};

/** The segments of a log, oldest first. */
export const lookAtSegments = (logDir: string): SegmentInfo[] =>
  listSegments(logDir).map((name) => look(logDir, name));
