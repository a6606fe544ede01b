/**
 * Runs commands under strace and tells whether that is possible here.
 * The one idea: a machine without strace, or one that forbids tracing, makes a test skip with the
 * reason printed; it never makes it pass.
 * Deliberately unknown here: what is run.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Call } from './trace.ts';
import { readTrace, traceCommand } from './trace.ts';

/** Why strace cannot be used here, or false: the value `node:test` takes for `skip`. */
export function whyNoStrace(): string | false {
  const tried = spawnSync('strace', ['-f', '--seccomp-bpf', '-e', 'trace=fsync', 'true']);
  if (tried.error !== undefined) return 'strace is not installed';
  if (tried.status !== 0) return `strace may not trace here: ${String(tried.stderr).slice(0, 200)}`;
  return false;
}

/** Runs a command to its end under strace and reads the calls. */
export function traceToEnd(file: string, command: readonly string[]): Call[] {
  const [name = '', ...args] = traceCommand(file, command);
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`the traced command ended with ${status}: ${stderr}`);
  return readTrace(readFileSync(file, 'latin1'));
}
