/**
 * The commands and options of the program as plain values, for those who print them: completion for
 * shells and documents. The one idea: all of it is read from the commands themselves, so it cannot
 * age. Knows no shell.
 */
import type { Command, Option } from 'commander';

/** An option. */
export interface OptionNode {
  /** `--long` and `-s`, those that it has. */
  readonly names: readonly string[];
  readonly says: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  /** Its value is a file or a folder. */
  readonly isFile: boolean;
}

/** A command at a place of the tree. */
export interface CommandNode {
  /** Words that lead to it, each behind a slash; empty for the program. */
  readonly at: string;
  readonly name: string;
  readonly says: string;
  readonly options: readonly OptionNode[];
  readonly inner: readonly CommandNode[];
  /** Its arguments may be files. */
  readonly takesFiles: boolean;
  /** What its first argument may be. */
  readonly choices: readonly string[];
}

const FILE = /<(file|dir|data|path)>|\[(file|dir)\]/;

const readOption = (option: Option): OptionNode => ({
  names: [option.long, option.short].filter((name) => name != null),
  says: option.description,
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
  isFile: FILE.test(option.flags),
});

/** Reads a command and all below it. */
export const readTree = (command: Command, above = ''): CommandNode => {
  const isTop = command.parent === null;
  const at = isTop ? '' : `${above}/${command.name()}`;
  const help = command.createHelp();
  const args = command.registeredArguments;
  return {
    at,
    name: command.name(),
    says: command.summary() || command.description(),
    options: help.visibleOptions(command).map(readOption),
    inner: command.commands.map((one) => readTree(one, at)),
    takesFiles: args.some((argument) => /^(file|dir|data)$/.test(argument.name())),
    choices: args[0]?.argChoices ?? [],
  };
};

/** A command and all below it, one after the other. */
export function* walkTree(node: CommandNode): Generator<CommandNode> {
  yield node;
  for (const inner of node.inner) yield* walkTree(inner);
}
