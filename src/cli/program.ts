/**
 * Puts the program together: all commands by name, and those that are asked for with their options.
 * Knows commands by their table only.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CommandEntry } from './commands.ts';
import { COMMANDS } from './commands.ts';

const readVersion = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

const openProgram = (): Command =>
  new Command('waybill')
    .description(
      'Looks at the Waybill mail engine, acts on its mail, and proves what became of it.',
    )
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('Run it with --help to see how it is used.')
    .exitOverride()
    .addHelpCommand(
      new Command('help')
        .argument('[command]', 'which')
        .description('print the help of a command')
        .helpOption(false)
        .helpGroup('Tools:'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ waybill top\n  $ waybill why example.com\n  $ waybill suspend --help',
    );

const addWhole = async (program: Command, entry: CommandEntry): Promise<void> => {
  const build = await entry.load();
  const command = build(loadTree).summary(entry.summary).helpGroup(entry.group);
  program.addCommand(command.copyInheritedSettings(program));
  for (const inner of command.commands) inner.copyInheritedSettings(program);
};

/** The program for one command line: only the command that is named is loaded. */
export const buildProgram = async (words: readonly string[]): Promise<Command> => {
  const program = openProgram();
  const plain = words.filter((word) => !word.startsWith('-'));
  const named = plain[0] === 'help' ? plain[1] : plain[0];
  for (const entry of COMMANDS) {
    if (entry.name === named) await addWhole(program, entry);
    else {
      const { name, summary, group } = entry;
      program.command(name).summary(summary).description(summary).helpGroup(group);
    }
  }
  return program;
};

/** The program with all options of all commands, for documents and completion. */
export const loadTree = async (): Promise<Command> => {
  const program = openProgram();
  for (const entry of COMMANDS) await addWhole(program, entry);
  return program;
};
