/**
 * Reading a log that lies somewhere: a data directory (its daemon may run or not), a folder of
 * segments copied out of one, or a single segment. The one idea: what is read is the log as it was
 * when it was opened, and nothing in it is changed; an index beside it is used, and made where it
 * is missing.
 * Deliberately unknown here: what is asked of the log, and how answers are shown.
 */

import { readMark } from '../events/log-high-water.ts';
import type { LogPlace } from '../events/log-place.ts';
import { findLogPlace, folderBeside } from '../events/log-place.ts';
import type { DamageReport } from '../events/log-report.ts';
import type { LogTail } from '../events/log-tail.ts';
import { openLogPicture } from '../events/log-tail.ts';
import type { CommittedRecord } from '../ports/committed-log.ts';
import { eventsOf } from './journey/journey.ts';
import { JourneyIndex } from './journey/journey-index.ts';
import { LogLook } from './journey/log-look.ts';
import type { RunFolder } from './journey/run-files.ts';
import { openRunFolder } from './journey/run-files.ts';
import { findShortened } from './replay-walk.ts';

/** The name of the folder of the index, beside the log. */
export const JOURNEY_FOLDER = 'journey';
/** Records indexed at a time. */
const STEP_RECORDS = 4_096;
/** An index that grew by so much is worth being kept. */
const KEEP_RECORDS_MIN = 10_000;

/** A log, open for reading; `close` lets go of its files. */
export interface LogReading {
  readonly log: LogTail;
  /** Finds records by key. */
  readonly look: LogLook;
  /** What was found damaged so far; damaged records are passed over. */
  readonly damage: readonly DamageReport[];
  /** The whole records of one message, in order; none where the log has none of it. */
  recordsOf(id: string): readonly CommittedRecord[];
  close(): void;
}

/** Hears how many of the positions that had no index have one by now. */
export type IndexingShown = (done: number, total: number) => void;

/** Opens the log at a path; throws LogOpenError with a sentence where there is none. */
export function openReading(path: string, shown: IndexingShown = () => undefined): LogReading {
  const place = findLogPlace(path);
  const damage: DamageReport[] = [];
  // Read first, so that it is never ahead of a log that grows meanwhile.
  const marked = place.kind === 'data' ? (readMark(place.path).mark?.position ?? 0) : 0;
  const log = openLogPicture(place, (report) => damage.push(report));
  const index = new JourneyIndex(log, openFolder(place));
  const total = index.remaining();
  for (let left = total; left > 0; left = index.remaining()) {
    if (!index.step(STEP_RECORDS)) break;
    shown(total - left, total);
  }
  if (total >= KEEP_RECORDS_MIN) index.keep();
  damage.push(...findShortened(log.upto(), marked));
  const look = new LogLook(log, index);
  return {
    log,
    look,
    damage,
    recordsOf: (id) => eventsOf(look, id).map(({ record }) => record),
    close: () => log.close(),
  };
}

/** An index that cannot be written down serves this time alone. */
function openFolder(place: LogPlace): RunFolder {
  const folder = openRunFolder(folderBeside(place, JOURNEY_FOLDER));
  return {
    key: folder.key,
    isKept: folder.isKept,
    load: () => folder.load(),
    remove: (run) => folder.remove(run),
    sweep: (used) => folder.sweep(used),
    write: (data) => {
      try {
        return folder.write(data);
      } catch {
        return undefined;
      }
    },
  };
}
