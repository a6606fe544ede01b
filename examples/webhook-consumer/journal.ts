/**
 * Keeps each record once: a line of JSON in a file that only grows, flushed before the sender is
 * told that it is safe; what is there already is known by its event id.
 * The one idea: delivery is at least once, and "exactly once" is made here, where records are kept.
 * Deliberately unknown here: HTTP. A database with a unique key on the event id does the same.
 */
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
} from 'node:fs';

/** What is used of a record here; it has more fields. */
export interface WaybillRecord {
  readonly event_id: string;
  readonly type: string;
}

/** The file of records. */
export interface Journal {
  /** Keeps what is new of a batch, in order; answers how many were. */
  keep(records: readonly WaybillRecord[]): number;
  close(): void;
}

/** Opens the file, and learns which records it has. Half a line at its end is cut off. */
export function openJournal(path: string): Journal {
  const file = openSync(path, 'a+', 0o600);
  const bytes = readFileSync(path);
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  if (whole.length < bytes.length) truncateSync(path, whole.length);
  let { length } = whole;
  const lines = whole.toString('utf8').split('\n').filter(Boolean);
  const known = new Set(lines.map((line) => (JSON.parse(line) as WaybillRecord).event_id));
  return {
    keep(records) {
      const fresh = new Map<string, WaybillRecord>();
      for (const record of records) {
        if (!known.has(record.event_id)) fresh.set(record.event_id, record);
      }
      if (fresh.size === 0) return 0;
      const text = [...fresh.values()].map((record) => `${JSON.stringify(record)}\n`).join('');
      try {
        appendFileSync(file, text);
        fsyncSync(file);
      } catch (error) {
        // A full disk may have taken half a line, and the next must not run into it.
        ftruncateSync(file, length);
        throw error;
      }
      length += Buffer.byteLength(text);
      for (const id of fresh.keys()) known.add(id);
      return fresh.size;
    },
    close: () => closeSync(file),
  };
}
