/**
 * The few file calls the body store makes, as an interface, so that tests can put a disk beneath it
 * that loses power, runs full or fails; and what the system's refusals mean to the store.
 * Deliberately unknown here: what the files hold.
 */

import fs from 'node:fs';
import type { Fault, FaultCode } from '../ports.ts';

type Failure = NodeJS.ErrnoException | null;
type Done = (error: Failure) => void;

/** What `lstat` must tell. */
export interface FileFacts {
  readonly size: number;
  isFile(): boolean;
}

/** The disk beneath the store, in the shape of Node's callback calls. */
export interface BodyDisk {
  mkdir(path: string, options: { recursive: true; mode: number }, done: Done): void;
  readdir(path: string, done: (error: Failure, names: string[]) => void): void;
  lstat(path: string, done: (error: Failure, facts: FileFacts) => void): void;
  open(path: string, flags: number, mode: number, done: (e: Failure, fd: number) => void): void;
  close(fd: number, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  unlink(path: string, done: Done): void;
  writev(
    fd: number,
    buffers: readonly Buffer[],
    position: number,
    done: (error: Failure, written: number) => void,
  ): void;
  read(
    fd: number,
    into: Buffer,
    at: number,
    length: number,
    position: number,
    done: (error: Failure, bytes: number) => void,
  ): void;
  ftruncate(fd: number, bytes: number, done: Done): void;
  fdatasync(fd: number, done: Done): void;
  fsync(fd: number, done: Done): void;
}

/** The real disk. */
export const nodeDisk: BodyDisk = fs;

const { constants } = fs;
/** Never follows a symbolic link: nothing outside the directory is ever touched. */
export const OPEN_READ = constants.O_RDONLY | constants.O_NOFOLLOW;
/** For a recycled segment: the file is there. */
export const OPEN_WRITE = constants.O_RDWR | constants.O_NOFOLLOW;
/** For a new segment: the file must not be there. */
export const OPEN_CREATE = OPEN_WRITE | constants.O_CREAT | constants.O_EXCL;
/** For flushing the directory itself. */
export const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const SHORT = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** Turns the system's refusal of a write into a fault. */
export function faultOfWrite(error: Error, where: string): Fault {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (FULL.has(code)) return makeFault('FAULT_DISK_FULL', where, error.message, true);
  if (SHORT.has(code)) return makeFault('FAULT_OVERLOADED', where, error.message, true);
  return makeFault('FAULT_DISK_IO', where, error.message, true);
}

/** Turns the system's refusal of a read into a fault; only a passing one may be tried again. */
export function faultOfRead(error: Error, where: string): Fault {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return makeFault('FAULT_BODY_MISSING', where, error.message, false);
  if (code === 'ELOOP') {
    const cause = 'a symbolic link stands where the segment was';
    return makeFault('FAULT_BODY_MISSING', where, cause, false);
  }
  if (SHORT.has(code)) return makeFault('FAULT_OVERLOADED', where, error.message, true);
  return makeFault('FAULT_DISK_IO', where, error.message, true);
}

/** A fault with its cause on one line of printable text. */
export function makeFault(
  code: FaultCode,
  where: string,
  cause: string,
  retryable: boolean,
): Fault {
  return { code, where, cause: cause.replace(/[\p{Cc}\u2028\u2029]+/gu, ' '), retryable };
}

/** Awaits one of the disk's calls; for what is not on the path of every message. */
export function settled<T>(call: (done: (error: Failure, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

/** Awaits a disk call that answers nothing but success. */
export function finished(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    // Node answers some calls with undefined and some with null.
    call((error) => (error ? reject(error) : resolve()));
  });
}
