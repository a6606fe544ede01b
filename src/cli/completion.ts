/**
 * `waybill completion`: prints a script that completes commands, options and their choices in a
 * shell. Made from the commands themselves. Knows no single command.
 */
import { Argument, Command } from 'commander';
import type { LoadTree } from './commands.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { readTree } from './completion-tree.ts';
import { zshCompletion } from './completion-zsh.ts';
import { exitCodeHelp, print } from './terminal.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
type Shell = keyof typeof SHELLS;

const HELP = `
For all sessions to come: write it to where the shell looks, or load it in the shell's start file.

Examples:
  $ source <(waybill completion bash)
  $ waybill completion bash > ~/.local/share/bash-completion/completions/waybill
  $ waybill completion zsh > "\${fpath[1]}/_waybill"
  $ waybill completion fish > ~/.config/fish/completions/waybill.fish`;

/** The `completion` command. */
export const build = (loadTree: LoadTree): Command =>
  new Command('completion')
    .description('Prints a script that completes the words of waybill in a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', () => `${HELP}\n${exitCodeHelp()}`)
    .action(async (shell: Shell) => {
      print(SHELLS[shell](readTree(await loadTree())).trimEnd());
    });
