/**
 * Why a start or a run ends: one sentence and an exit code of sysexits(3). Turns the errors of the
 * parts into that; what it does not know is our own mistake. Prints nothing.
 */

import { OptionError } from '../domain/option-error.ts';
import { RecordUnreadable } from '../events/codec.ts';
import { DataDirLocked } from '../events/data-lock.ts';
import { LogOpenError } from '../events/log-report.ts';
import { PolicyStoreError } from '../events/policy-schema.ts';
import { isPolicyError } from '../policy/policy-error.ts';

/** The arguments make no sense. */
export const EXIT_USAGE = 64;
/** An address or the data directory is in use. */
export const EXIT_UNAVAILABLE = 69;
/** Our own mistake. */
export const EXIT_SOFTWARE = 70;
/** The disk cannot be trusted. */
export const EXIT_IO = 74;
/** The data is of a newer version. */
export const EXIT_NEWER = 76;
/** The policy was refused. */
export const EXIT_POLICY = 78;

/** How a run ended. */
export interface Exit {
  readonly code: number;
  readonly sentence: string;
}

interface SystemError {
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
}

/** The exit that an error stands for. */
export function exitFor(error: unknown): Exit {
  const sentence = error instanceof Error ? error.message : String(error);
  if (error instanceof DataDirLocked) return { code: EXIT_UNAVAILABLE, sentence };
  if (error instanceof LogOpenError || error instanceof RecordUnreadable) {
    return { code: EXIT_NEWER, sentence };
  }
  if (error instanceof PolicyStoreError) {
    return { code: error.isNewer ? EXIT_NEWER : EXIT_IO, sentence };
  }
  if (error instanceof OptionError || isPolicyError(error)) return { code: EXIT_POLICY, sentence };
  const system = error as SystemError;
  if (system.syscall === 'listen') {
    const where = `${system.address}:${system.port}`;
    const why: Record<string, string> = {
      EADDRINUSE: `${where} is in use by another program; stop it or listen elsewhere`,
      EADDRNOTAVAIL: `${where} is not an address of this machine`,
      EACCES: `${where} needs privileges this user does not have; use a port above 1023`,
    };
    return { code: EXIT_UNAVAILABLE, sentence: why[system.code ?? ''] ?? sentence };
  }
  if (system.path !== undefined && system.code !== undefined) {
    return { code: EXIT_IO, sentence: `${system.path}: ${sentence}` };
  }
  return { code: EXIT_SOFTWARE, sentence: `internal error: ${sentence}` };
}
