/**
 * Runs the `waybill` program as a person would, built or from source, and gathers what it said.
 * Deliberately unknown here: what any command does.
 */
import { spawn } from 'node:child_process';
import { programCommand } from '../faults/daemon.ts';

/** How a command ended. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const [PROGRAM = '', ...ARGUMENTS] = programCommand('waybill');

/** The words that run a command line in a shell. */
export const commandLine = (...words: string[]): string =>
  [PROGRAM, ...ARGUMENTS, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

/** A command that goes on until it is told to end. */
export class RunningCommand {
  readonly ended: Promise<number | null>;
  out = '';
  err = '';
  readonly #child;

  constructor(...words: string[]) {
    this.#child = spawn(PROGRAM, [...ARGUMENTS, ...words], {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', resolve);
    });
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }
}

/** Runs one command line to its end. */
export const waybill = (...words: string[]): Promise<Outcome> => {
  const child = spawn(PROGRAM, [...ARGUMENTS, ...words], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve) => {
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
};
