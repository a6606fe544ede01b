/**
 * Sorts what SQLite or the file system threw at a commit.
 * The one idea: only a turn that certainly was not committed may be tried again. A failed fsync, or
 * anything unknown, leaves the outcome open (reliability.md M4), and then the process must end.
 * Deliberately unknown here: retries, turns.
 */
import type { Fault, FaultCode } from '../ports/ports.ts';
import { isFull, isNoRoom } from './log-files.ts';
import { sayCause } from './log-schema.ts';
import { LogDisplaced } from './log-writer.ts';

/** `full`: keep and try again. `corrupt`: nothing was committed, another segment will do. */
export interface Failure {
  readonly kind: 'full' | 'corrupt' | 'fatal';
  readonly fault: Fault;
}

/** SQLite hides a quota or a file size limit behind these; both come before any commit frame. */
const WRITE_FAILURES = new Set(['SQLITE_IOERR_WRITE', 'SQLITE_IOERR_SHMSIZE']);

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? '';

const kindOf = (error: unknown, path: string): Failure['kind'] => {
  const code = codeOf(error);
  if (code === 'SQLITE_FULL' || isNoRoom(error)) return 'full';
  if (WRITE_FAILURES.has(code) && isFull(`${path}-wal`)) return 'full';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'corrupt';
  return 'fatal';
};

const faultCodeOf = (error: unknown, kind: Failure['kind']): FaultCode => {
  if (kind === 'full') return 'FAULT_DISK_FULL';
  const isDisk = codeOf(error).startsWith('SQLITE_IOERR') || codeOf(error) === 'EIO';
  return isDisk && !(error instanceof LogDisplaced) ? 'FAULT_DISK_IO' : 'FAULT_LOG_UNWRITABLE';
};

/** What a failed commit means. `path` is the segment it was meant for. */
export const classify = (error: unknown, path: string): Failure => {
  const kind = kindOf(error, path);
  const code = faultCodeOf(error, kind);
  const prefix = codeOf(error) === '' ? '' : `${codeOf(error)}: `;
  const cause = prefix + sayCause(error);
  return { kind, fault: { code, where: 'log', cause, retryable: kind === 'full' } };
};
