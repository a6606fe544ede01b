/**
 * The log of production: SQLite segments in `<data>/log`, written by a thread of its own.
 * The one idea: this side only hands turns over and passes answers on; it never waits.
 * Deliberately unknown here: tables, files and damage, which live behind `log-thread.ts`.
 */
import type { Worker } from 'node:worker_threads';
import type { At, Fault, Log, LogListener, StoredRecord, TurnBatch } from '../ports/ports.ts';
import { createMark } from './log-mark.ts';
import type { FromLog, LogSettings, ToLog } from './log-messages.ts';
import { flatten, unflatten } from './log-messages.ts';
import type { DamageReport } from './log-report.ts';
import { LogOpenError } from './log-report.ts';
import { startThread } from './log-start.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

const DEFAULTS = {
  segmentBytesMax: 256 * MIB,
  segmentAgeMsMax: DAY_MS,
  keepMs: 7 * DAY_MS,
  checkpointPages: 1_000,
  retryMs: 200,
  freeBytesMin: 64 * MIB,
} as const;

/** Where the log lies, who hears of it, and what differs from the defaults. */
export interface SqliteLogOptions extends Partial<Omit<LogSettings, 'dir' | 'mark'>> {
  readonly dir: string;
  readonly listener: LogListener;
  /** Hears each finding as it is made; they are also in `recovery.reports`. */
  readonly reported?: (report: DamageReport) => void;
}

/** What opening found, and the way to all of it. */
export interface LogRecovery {
  readonly snapshot?: { readonly position: number; readonly bytes: Uint8Array };
  /** The next turn begins at the position after this one. */
  readonly lastPosition: number;
  readonly lastTurn: number;
  readonly lastAt: At;
  /** Grows while `replay` runs. */
  readonly reports: readonly DamageReport[];
  /** Hands over every whole record there was at opening, in order; the damaged are reported. */
  replay(from: number, each: (records: StoredRecord[]) => void): Promise<void>;
}

/** An open log and what its opening found. */
export interface OpenedLog {
  readonly log: Log;
  readonly recovery: LogRecovery;
  /** How far it is durable, for readers on other threads (log-mark.ts). */
  readonly mark: SharedArrayBuffer;
}

interface Replay {
  readonly each: (records: StoredRecord[]) => void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** The engine's end of the log thread. */
class SqliteLog implements Log {
  readonly reports: DamageReport[] = [];
  readonly #worker: Worker;
  readonly #listener: LogListener;
  readonly #reported: (report: DamageReport) => void;
  readonly #reads = new Map<number, (records: readonly (StoredRecord | undefined)[]) => void>();
  readonly #saves = new Map<number, (fault?: Fault) => void>();
  #lastId = 0;
  #replay: Replay | undefined;
  #closed: (() => void) | undefined;
  #hasFailed = false;

  constructor(worker: Worker, { listener, reported }: SqliteLogOptions) {
    this.#worker = worker;
    this.#listener = listener;
    this.#reported = reported ?? (() => {});
  }

  append({ turn, at, position, drafts }: TurnBatch): void {
    this.#send({ kind: 'append', turn, at, position, cells: flatten(drafts) });
  }

  read(
    positions: readonly number[],
    answered: (records: readonly (StoredRecord | undefined)[]) => void,
  ): void {
    this.#reads.set(++this.#lastId, answered);
    this.#send({ kind: 'read', id: this.#lastId, positions });
  }

  saveSnapshot(position: number, bytes: Uint8Array, answered: (fault?: Fault) => void): void {
    this.#saves.set(++this.#lastId, answered);
    this.#send({ kind: 'snapshot', id: this.#lastId, position, bytes });
  }

  releaseBefore(position: number): void {
    this.#send({ kind: 'release', position });
  }

  close(answered: () => void): void {
    if (this.#hasFailed) {
      void this.#worker.terminate().then(answered);
      return;
    }
    this.#closed = answered;
    this.#send({ kind: 'close' });
  }

  replay(from: number, each: (records: StoredRecord[]) => void): Promise<void> {
    return new Promise((done, failed) => {
      this.#replay = { each, done, failed };
      this.#send({ kind: 'replay', from });
    });
  }

  #send(message: ToLog): void {
    this.#worker.postMessage(message);
  }

  hear(message: FromLog): void {
    switch (message.kind) {
      case 'durable':
        return this.#listener.durable(message.turn, message.commitMs);
      case 'failed':
        return this.#fail(message.fault);
      case 'room':
        return this.#listener.room?.(message.hasRoom);
      case 'records':
        this.#reads.get(message.id)?.(message.records);
        this.#reads.delete(message.id);
        return;
      case 'saved':
        if (message.fault === undefined) this.#saves.get(message.id)?.();
        else this.#saves.get(message.id)?.(message.fault);
        this.#saves.delete(message.id);
        return;
      case 'chunk':
        return this.#fold(message.cells);
      case 'replayed':
        this.#replay?.done();
        this.#replay = undefined;
        return;
      case 'report':
        this.reports.push(message.report);
        return this.#reported(message.report);
    }
  }

  #fold(cells: readonly (string | number)[]): void {
    try {
      this.#replay?.each(unflatten(cells));
      this.#send({ kind: 'more' });
    } catch (error) {
      this.#replay?.failed(error);
      this.#replay = undefined;
    }
  }

  #fail(fault: Fault): void {
    if (!fault.retryable) {
      this.#hasFailed = true;
      this.#replay?.failed(new LogOpenError(`the log cannot be read: ${fault.cause}`));
      this.#replay = undefined;
    }
    this.#listener.failed(fault);
  }

  /** The thread ended: as asked, or because something in it broke. */
  ended(cause: string): void {
    if (this.#closed !== undefined) return this.#closed();
    if (this.#hasFailed) return;
    this.#fail({ code: 'FAULT_LOG_UNWRITABLE', where: 'log', cause, retryable: false });
  }
}

/**
 * Opens the log of a data directory, creating what is not there. Rejects with a `LogOpenError`
 * whose message is one clear sentence; damage is no reason to reject.
 */
export const openSqliteLog = (options: SqliteLogOptions): Promise<OpenedLog> => {
  const { listener: _listener, reported: _reported, ...given } = options;
  const mark = createMark();
  const workerData: LogSettings = { ...DEFAULTS, ...given, mark };
  const worker = startThread('./log-thread', import.meta.url, { workerData, name: 'log' });
  const log = new SqliteLog(worker, options);
  return new Promise((opened, refused) => {
    let isOpen = false;
    let cause = 'the log thread ended';
    worker.on('message', (message: FromLog) => {
      if (message.kind === 'refused') cause = message.sentence;
      if (message.kind !== 'opened') return log.hear(message);
      isOpen = true;
      const { reports } = log;
      const replay = log.replay.bind(log);
      opened({ log, mark, recovery: { ...message.recovered, reports, replay } });
    });
    worker.on('error', (error) => {
      cause = error.message;
    });
    worker.on('exit', () => (isOpen ? log.ended(cause) : refused(new LogOpenError(cause))));
  });
};
