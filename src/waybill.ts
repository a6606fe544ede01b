#!/usr/bin/env node
/**
 * The `waybill` program: finds the command, loads the one file it lives in, and turns every ending
 * into an exit code and at most one sentence. A command's file is loaded only when it is named, so
 * `waybill --help` stays quick. Deliberately knows nothing of what the commands do.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { CommandFailure, EXIT, explain, paint, remark } from './cli/terminal.ts';

interface CommandFile {
  /** The command with its options, help and action. */
  readonly build: () => Command;
}

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandFile>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'sink',
    summary: 'receive mail and throw it away, with chosen faults',
    load: () => import('./cli/sink.ts'),
  },
  {
    name: 'traffic',
    summary: 'send generated mail to a server and measure it',
    load: () => import('./cli/traffic.ts'),
  },
  {
    name: 'status',
    summary: 'show what a running waybilld does',
    load: () => import('./cli/status.ts'),
  },
  {
    name: 'why',
    summary: 'say why a queue, a message, a source or a path waits',
    load: () => import('./cli/why.ts'),
  },
  {
    name: 'tail',
    summary: 'follow log files and print their records',
    load: () => import('./cli/tail.ts'),
  },
  {
    name: 'hooks',
    summary: 'show log hooks; pause, resume, skip and replay them',
    load: () => import('./cli/hooks.ts'),
  },
  {
    name: 'policy',
    summary: 'look at, compare, check and activate versions of the policy',
    load: () => import('./cli/policy.ts'),
  },
  {
    name: 'verify',
    summary: 'prove from the log that no accepted recipient was lost',
    load: () => import('./cli/verify.ts'),
  },
];

const readVersion = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

const buildProgram = async (words: readonly string[]): Promise<Command> => {
  const program = new Command('waybill')
    .description('Tools around the Waybill mail engine.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('Run it with --help to see how it is used.')
    .exitOverride()
    .addHelpText('after', '\nExample:\n  $ waybill sink --help');
  const plain = words.filter((word) => !word.startsWith('-'));
  const named = plain[0] === 'help' ? plain[1] : plain[0];
  for (const entry of COMMANDS) {
    if (entry.name === named) {
      const command = (await entry.load()).build().summary(entry.summary);
      program.addCommand(command.copyInheritedSettings(program));
      for (const inner of command.commands) inner.copyInheritedSettings(program);
    } else {
      program.command(entry.name).summary(entry.summary).description(entry.summary);
    }
  }
  return program;
};

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
