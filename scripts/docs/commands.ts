/**
 * Prints the reference of `waybill`: every command by its heading, and its help as the program
 * prints it. The one idea: the text is read from the commands, so it cannot age.
 * Deliberately unknown here: what commands do.
 */
import type { Command } from 'commander';
import { loadTree } from '../../src/cli/program.ts';
import { EXIT_CODES } from '../../src/cli/terminal.ts';

const WIDTH = 100;

/** The help of a command as it is printed, in a hundred columns and without colour. */
export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (piece) => {
      text += piece;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

const wholeName = (command: Command): string =>
  command.parent === null ? command.name() : `${wholeName(command.parent)} ${command.name()}`;

const isCommand = (command: Command): boolean => command.name() !== 'help';

const anchorOf = (command: Command): string => wholeName(command).replaceAll(' ', '-');

/** All commands in tables, by their headings. */
function drawOverview(program: Command): string {
  const groups = new Map<string, Command[]>();
  for (const command of program.commands.filter(isCommand)) {
    const group = command.helpGroup();
    groups.set(group, [...(groups.get(group) ?? []), command]);
  }
  return [...groups]
    .map(([group, commands]) => {
      const rows = commands.map(
        (one) => `| [\`${one.name()}\`](#${anchorOf(one)}) | ${one.summary()} |`,
      );
      return [`| ${group.replace(':', '')} | |`, '|---|---|', ...rows].join('\n');
    })
    .join('\n\n');
}

const drawCommand = (command: Command): string =>
  [
    `### ${wholeName(command)}`,
    '',
    '```',
    helpOf(command),
    '```',
    ...command.commands.filter(isCommand).flatMap((inner) => ['', drawCommand(inner)]),
  ].join('\n');

/** The whole reference. */
export async function drawCommands(): Promise<string> {
  const program = await loadTree();
  const all = program.commands.filter(isCommand).map(drawCommand);
  return [drawOverview(program), '', ...all.flatMap((text) => [text, ''])].join('\n').trimEnd();
}

/** What each exit code means. */
export const drawExitCodes = (): string =>
  [
    '| Code | Name in sysexits.h | Means |',
    '|---|---|---|',
    ...EXIT_CODES.map(({ code, name, says }) => `| ${code} | ${name} | ${says} |`),
  ].join('\n');
