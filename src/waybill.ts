#!/usr/bin/env node
/**
 * The `waybill` program: arguments in, exit code out. Every ending becomes an exit code and at most
 * one sentence. Deliberately knows nothing of what the commands do.
 */
import process from 'node:process';
import { CommanderError } from 'commander';
import { buildProgram } from './cli/program.ts';
import { CommandFailure, EXIT, explain, paint, remark } from './cli/terminal.ts';

/** Runs one command line and answers with the exit code. */
const run = async (words: readonly string[]): Promise<number> => {
  try {
    const program = await buildProgram(words);
    if (words.length === 0) {
      program.outputHelp();
      return EXIT.usage;
    }
    await program.parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? EXIT.fine);
  } catch (error) {
    // Commander has already printed its sentence.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    remark(`${paint(process.stderr, 'red', 'waybill:')} ${explain(error)}`);
    return error instanceof CommandFailure ? error.exitCode : EXIT.failed;
  }
};

process.stdout.on('error', () => process.exit(EXIT.fine)); // The reader (head, less) has left.
process.exitCode = await run(process.argv.slice(2));
