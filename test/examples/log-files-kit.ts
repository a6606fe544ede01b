/**
 * What the stories of log files share: records to write, timers that stand still until told, and a
 * reader that is not ours (the zstd program) where the machine has it.
 * Deliberately unknown here: what is being shown.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { OutgoingRecord } from '../../src/ports/sink.ts';
import type { Timers } from '../../src/ports/timers.ts';
import type { LogRecord, RecordType } from '../../src/projections/log-record/record.ts';

/** A directory of its own, gone with the test. */
export const makeDir = (t: TestContext): string => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-log-files-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

/** A record on its way out. */
export const outgoing = (
  position: number,
  type: RecordType = 'Delivery',
  text?: string,
): OutgoingRecord => {
  const eventId = `${position}-0123456789abcdef`;
  const record = { type, event_id: eventId, queue: 'example.com' } as LogRecord;
  return { eventId, position, record, text: text ?? JSON.stringify(record), isReplay: false };
};

/** Records `first` to `last`. */
export const outgoingFrom = (first: number, last: number): OutgoingRecord[] =>
  Array.from({ length: last - first + 1 }, (_, at) => outgoing(first + at));

/** Timers whose time passes when `pass` says so. */
export class StillTimers implements Timers {
  #nowMs = Date.UTC(2026, 10, 22, 15, 4, 5, 678);
  readonly #waiting = new Set<{ readonly dueMs: number; readonly task: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  steadyMs(): number {
    return this.#nowMs;
  }

  after(waitMs: number, task: () => void): () => void {
    const entry = { dueMs: this.#nowMs + waitMs, task };
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const entry of [...this.#waiting]) {
      if (entry.dueMs > this.#nowMs) continue;
      this.#waiting.delete(entry);
      entry.task();
    }
  }
}

/** The files of a directory by name, hidden ones left out, with whether they are complete. */
export const listSegments = (dir: string): { name: string; path: string; isComplete: boolean }[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile() && !name.startsWith('.'))
    .sort()
    .map((name) => {
      const path = join(dir, name);
      return { name, path, isComplete: (statSync(path).mode & 0o222) === 0 };
    });

/** True where the zstd program is installed. */
export const hasZstd = (): boolean => spawnSync('zstd', ['--version']).status === 0;

/** What a segment holds, as the zstd program reads it; throws where it finds damage. */
export const readByZstd = (path: string): string =>
  execFileSync('zstd', ['-dc', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
