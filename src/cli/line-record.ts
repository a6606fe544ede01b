/**
 * Appends JSON lines to a file in batches: one write in flight, and everything that arrived
 * meanwhile goes into the next. With `sync` a batch counts as written only after fdatasync, so many
 * connections share one flush (group commit). Knows nothing of what the lines mean.
 */
import { closeSync, fdatasync, openSync, write } from 'node:fs';

/** A file of lines that grows at its end. */
export class LineRecord {
  private readonly file: number;
  private readonly sync: boolean;
  private readonly failed: (error: Error) => void;
  private lines: string[] = [];
  private waiting: (() => void)[] = [];
  private isWriting = false;
  private isScheduled = false;
  private closing: (() => void) | undefined;

  /** Opens for appending; throws what the file system says. */
  constructor(path: string, sync: boolean, failed: (error: Error) => void) {
    this.file = openSync(path, 'a');
    this.sync = sync;
    this.failed = failed;
  }

  /** Adds a line; `written` is called once it is in the file (with `sync`: on the disk). */
  push(line: string, written?: () => void): void {
    this.lines.push(line);
    if (written !== undefined) this.waiting.push(written);
    this.schedule();
  }

  /** Writes what is left and closes the file. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.closing = resolve;
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled || this.isWriting) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.writeBatch();
    });
  }

  private writeBatch(): void {
    if (this.lines.length === 0) {
      if (this.closing !== undefined) this.finish(this.closing);
      return;
    }
    const bytes = Buffer.from(`${this.lines.join('\n')}\n`);
    const { waiting } = this;
    this.lines = [];
    this.waiting = [];
    this.isWriting = true;
    this.writeAll(bytes, 0, () => {
      this.isWriting = false;
      for (const written of waiting) written();
      if (this.lines.length > 0 || this.closing !== undefined) this.writeBatch();
    });
  }

  /** A write may be short (a full disk, a signal): it goes on from where it stopped. */
  private writeAll(bytes: Buffer, from: number, done: () => void): void {
    write(this.file, bytes, from, bytes.length - from, null, (error, count) => {
      if (error !== null) this.failed(error);
      else if (from + count < bytes.length) this.writeAll(bytes, from + count, done);
      else if (this.sync) fdatasync(this.file, (fault) => (fault ? this.failed(fault) : done()));
      else done();
    });
  }

  private finish(closed: () => void): void {
    this.closing = undefined;
    closeSync(this.file);
    closed();
  }
}
