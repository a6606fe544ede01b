/**
 * A disk in memory beneath the body store on files: it loses power, runs full and fails on demand.
 * What was not flushed when the power goes is kept, dropped or torn by the sector, each write for
 * itself and out of order; names not flushed are kept up to some point, as a journal does.
 * Deliberately unknown here: what the files hold.
 */

import { constants } from 'node:fs';
import type { BodyDisk, FileFacts } from '../../src/ports/node/bodies-disk.ts';

const SECTOR_BYTES = 512;

interface Change {
  readonly at: number;
  /** Undefined: the file was cut at `at`. */
  readonly bytes: Buffer | undefined;
}

class Inode {
  durable: Buffer = Buffer.alloc(0);
  current: Buffer = Buffer.alloc(0);
  changes: Change[] = [];

  apply(change: Change): void {
    this.current = changed(this.current, change);
    this.changes.push(change);
  }
}

type Names = Map<string, Inode>;
type Operation = keyof BodyDisk;
type Runner = <T>(
  operation: Operation,
  work: () => T,
  done: (error: NodeJS.ErrnoException | null, value: T) => void,
) => void;

/** A disk that keeps to what Node's calls promise, and no more. */
export class SimDisk {
  /** Bytes the disk holds; writes beyond get ENOSPC after what still fits. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Called before each operation; answers the code of the error it shall end with. */
  fault: (operation: Operation) => string | undefined = () => undefined;
  /** How many flushes have succeeded. */
  flushes = 0;
  #durableNames: Names = new Map();
  #names: Names = new Map();
  #nameChanges: ((names: Names) => void)[] = [];
  #open = new Map<number, Inode | 'directory'>();
  #lastFd = 2;
  #life = 0;

  /** The disk as the store takes it; it dies with the power. */
  calls(): BodyDisk {
    const life = this.#life;
    const run: Runner = (operation, work, done) => this.#run(life, operation, work, done);
    return {
      mkdir: (_path, _options, done) => run('mkdir', () => undefined, done),
      readdir: (_path, done) => run('readdir', () => [...this.#names.keys()].map(nameOf), done),
      lstat: (path, done) => run('lstat', () => this.#facts(path), done),
      open: (path, flags, _mode, done) => run('open', () => this.#openFile(path, flags), done),
      close: (fd, done) => run('close', () => void this.#open.delete(fd), done),
      rename: (from, to, done) => run('rename', () => this.#rename(from, to), done),
      unlink: (path, done) => run('unlink', () => this.#unlink(path), done),
      writev: (fd, buffers, position, done) =>
        run('writev', () => this.#write(fd, Buffer.concat(buffers), position), done),
      read: (fd, into, at, length, position, done) =>
        run('read', () => this.#file(fd).current.copy(into, at, position, position + length), done),
      ftruncate: (fd, bytes, done) =>
        run('ftruncate', () => this.#file(fd).apply({ at: bytes, bytes: undefined }), done),
      fdatasync: (fd, done) => run('fdatasync', () => this.#flush(fd), done),
      fsync: (fd, done) => run('fsync', () => this.#flush(fd), done),
    };
  }

  /** The power goes: nothing that was on its way answers, and the disk holds what it holds. */
  losePower(random: () => number): void {
    this.#life += 1;
    this.#open.clear();
    const inodes = new Set([...this.#names.values(), ...this.#durableNames.values()]);
    for (const inode of inodes) {
      const odds = [0, 1, random()][Math.floor(random() * 3)] as number;
      let left = inode.durable;
      for (const change of inode.changes) {
        for (const part of torn(change)) if (random() < odds) left = changed(left, part);
      }
      inode.durable = left;
      inode.current = left;
      inode.changes = [];
    }
    const kept = Math.floor(random() * (this.#nameChanges.length + 1));
    for (const change of this.#nameChanges.slice(0, kept)) change(this.#durableNames);
    this.#nameChanges = [];
    this.#names = new Map(this.#durableNames);
  }

  usedBytes(): number {
    return [...this.#names.values()].reduce((sum, { current }) => sum + current.length, 0);
  }

  #run<T>(
    life: number,
    operation: Operation,
    work: () => T,
    done: (error: NodeJS.ErrnoException | null, value: T) => void,
  ): void {
    setImmediate(() => {
      if (life !== this.#life) return;
      const code = this.fault(operation);
      let value: T;
      try {
        if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code });
        value = work();
      } catch (error) {
        if (!('code' in (error as object))) throw error;
        done(error as NodeJS.ErrnoException, undefined as T);
        return;
      }
      done(null, value);
    });
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return inode;
  }

  #facts(path: string): FileFacts {
    return { size: this.#inode(path).current.length, isFile: () => true };
  }

  #openFile(path: string, flags: number): number {
    this.#lastFd += 1;
    if ((flags & constants.O_DIRECTORY) !== 0) this.#open.set(this.#lastFd, 'directory');
    else {
      if ((flags & constants.O_CREAT) !== 0) {
        const fresh = new Inode();
        this.#rewrite((names) => names.set(path, fresh));
      }
      this.#open.set(this.#lastFd, this.#inode(path));
    }
    return this.#lastFd;
  }

  #rename(from: string, to: string): void {
    const inode = this.#inode(from);
    this.#rewrite((names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  #unlink(path: string): void {
    this.#inode(path);
    this.#rewrite((names) => names.delete(path));
  }

  #rewrite(change: (names: Names) => void): void {
    change(this.#names);
    this.#nameChanges.push(change);
  }

  #file(fd: number): Inode {
    const inode = this.#open.get(fd);
    if (inode === undefined || inode === 'directory') throw new Error(`bad descriptor ${fd}`);
    return inode;
  }

  #write(fd: number, bytes: Buffer, at: number): number {
    const inode = this.#file(fd);
    const growth = Math.max(0, at + bytes.length - inode.current.length);
    const lack = Math.max(0, growth - (this.capacityBytes - this.usedBytes()));
    const fits = bytes.subarray(0, Math.max(0, bytes.length - lack));
    if (fits.length === 0 && bytes.length > 0) {
      throw Object.assign(new Error('ENOSPC: simulated'), { code: 'ENOSPC' });
    }
    inode.apply({ at, bytes: Buffer.from(fits) });
    return fits.length;
  }

  #flush(fd: number): void {
    const inode = this.#open.get(fd);
    this.flushes += 1;
    if (inode === 'directory') {
      this.#durableNames = new Map(this.#names);
      this.#nameChanges = [];
    } else {
      const file = this.#file(fd);
      file.durable = file.current;
      file.changes = [];
    }
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function changed(content: Buffer, { at, bytes }: Change): Buffer {
  const end = bytes === undefined ? at : Math.max(content.length, at + bytes.length);
  const next = Buffer.alloc(end);
  content.copy(next);
  bytes?.copy(next, at);
  return next;
}

/** A write reaches the disk by the sector. */
function torn({ at, bytes }: Change): Change[] {
  if (bytes === undefined) return [{ at, bytes }];
  const parts: Change[] = [];
  for (let from = 0; from < bytes.length; ) {
    const upto = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES));
    parts.push({ at: at + from, bytes: bytes.subarray(from, upto) });
    from = upto;
  }
  return parts;
}
