/**
 * What the engine's thread and the log thread say to each other.
 * The one idea: a turn travels as one flat array of strings and numbers; a structured clone of
 * objects costs about half as much again (bench/log.ts).
 * Deliberately unknown here: who sends and who answers.
 */
import type { At, Fault, Ms, RecordDraft, StoredRecord } from '../ports/ports.ts';
import type { EventRow } from './log-chain.ts';
import type { DamageReport } from './log-report.ts';

/** How the log behaves; every field has a default in `sqlite-log.ts`. */
export interface LogSettings {
  readonly dir: string;
  /** A segment is closed when it has grown this large… */
  readonly segmentBytesMax: number;
  /** …or when its first record is this old. */
  readonly segmentAgeMsMax: Ms;
  /** A released segment stays at least this long after its last record. */
  readonly keepMs: Ms;
  /** Pages in the write-ahead log that call for a checkpoint. */
  readonly checkpointPages: number;
  /** How often a turn that found the disk full is tried again. */
  readonly retryMs: Ms;
  /** Below this much free space there is no room for new mail. */
  readonly freeBytesMin: number;
  /** Shared with readers: see log-mark.ts. */
  readonly mark?: SharedArrayBuffer;
}

/** Columns per record in a turn's flat array. */
export const DRAFT_COLUMNS = 4;
/** Columns per record in a replayed chunk. */
export const RECORD_COLUMNS = 7;

/** What fills those columns. */
export type Cell = string | number;

/** A turn as it travels. */
export interface WireBatch {
  readonly kind: 'append';
  readonly turn: number;
  readonly at: At;
  readonly position: number;
  /** stream, type, version, body; again for each record. */
  readonly cells: readonly Cell[];
}

/** Everything the log thread hears. */
export type ToLog =
  | WireBatch
  | { readonly kind: 'read'; readonly id: number; readonly positions: readonly number[] }
  | {
      readonly kind: 'snapshot';
      readonly id: number;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'release'; readonly position: number }
  | { readonly kind: 'replay'; readonly from: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'close' };

/** What opening found. */
export interface Recovered {
  readonly snapshot?: { readonly position: number; readonly bytes: Uint8Array };
  readonly lastPosition: number;
  readonly lastTurn: number;
  readonly lastAt: At;
}

/** Everything the log thread says. */
export type FromLog =
  | { readonly kind: 'opened'; readonly recovered: Recovered }
  | { readonly kind: 'refused'; readonly sentence: string }
  | { readonly kind: 'durable'; readonly turn: number; readonly commitMs: Ms }
  | { readonly kind: 'failed'; readonly fault: Fault }
  | { readonly kind: 'room'; readonly hasRoom: boolean }
  | {
      readonly kind: 'records';
      readonly id: number;
      readonly records: readonly (StoredRecord | undefined)[];
    }
  | { readonly kind: 'saved'; readonly id: number; readonly fault?: Fault }
  | { readonly kind: 'chunk'; readonly cells: readonly Cell[] }
  | { readonly kind: 'replayed'; readonly cause?: string }
  | { readonly kind: 'report'; readonly report: DamageReport }
  | { readonly kind: 'closed' };

/** Drafts as they travel. */
export const flatten = (drafts: readonly RecordDraft[]): Cell[] => {
  const cells: Cell[] = new Array(drafts.length * DRAFT_COLUMNS);
  let at = 0;
  for (const draft of drafts) {
    cells[at++] = draft.stream;
    cells[at++] = draft.type;
    cells[at++] = draft.version;
    cells[at++] = draft.body;
  }
  return cells;
};

/** Rows as they travel: without their seals, which the walk has checked. */
export const flattenRows = (rows: readonly EventRow[]): Cell[] => {
  const cells: Cell[] = new Array(rows.length * RECORD_COLUMNS);
  let at = 0;
  for (const row of rows) {
    for (let column = 0; column < RECORD_COLUMNS; column++) cells[at++] = row[column] as Cell;
  }
  return cells;
};

/** The records of a replayed chunk. */
export const unflatten = (cells: readonly Cell[]): StoredRecord[] => {
  const records: StoredRecord[] = new Array(cells.length / RECORD_COLUMNS);
  for (let index = 0, at = 0; at < cells.length; index++, at += RECORD_COLUMNS) {
    records[index] = {
      position: cells[at] as number,
      turn: cells[at + 1] as number,
      at: cells[at + 2] as number,
      stream: cells[at + 3] as string,
      type: cells[at + 4] as string,
      version: cells[at + 5] as number,
      body: cells[at + 6] as string,
    };
  }
  return records;
};
