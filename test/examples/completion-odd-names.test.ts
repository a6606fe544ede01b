/**
 * Completion where names are odd: files with spaces, quotes, signs that shells read, and letters
 * beyond ASCII reach the command as they are called, and odd words before the cursor are neither
 * run nor in the way. Tried with real shells in tmux; the command they call only shows its words.
 * Deliberately unknown here: what is offered for each command (completion.test.ts).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bashCompletion } from '../../src/cli/completion-bash.ts';
import { fishCompletion } from '../../src/cli/completion-fish.ts';
import { readTree } from '../../src/cli/completion-tree.ts';
import { zshCompletion } from '../../src/cli/completion-zsh.ts';
import { loadTree } from '../../src/cli/program.ts';
import { noTerminal, Terminal } from './tmux.ts';

const dir = join(tmpdir(), `waybill-odd-names-${process.pid}`);

/** What is typed before Tab, and the file that is meant. */
const FILES: readonly (readonly [typed: string, name: string])[] = [
  ['a', 'a b.ts'],
  ['b', "b'c.ts"],
  ['c', 'c"d.ts'],
  ['d', 'd$HOME.ts'],
  ['e', 'e\\f.ts'],
  ['f', 'fün.ts'],
  ['g', 'g;h&i.ts'],
  ['h', 'h*(i).ts'],
  ['i', 'i$(touch run).ts'],
  ['./-', './-dash.ts'],
];

/** A word before the cursor that is no plain text in any of the shells, and what it is. */
const WORDS: readonly (readonly [typed: string, word: string])[] = [
  ["'sp ace'", 'sp ace'],
  ['"it\'s"', "it's"],
  ["'$(touch run)'", '$(touch run)'],
  ["'`touch run`'", '`touch run`'],
  ["'ca mpaign:te$nant@exämple.com'", 'ca mpaign:te$nant@exämple.com'],
  ["'*'", '*'],
  ["'-dash'", '-dash'],
];

const SHELLS = [
  {
    name: 'bash',
    run: 'bash --norc --noprofile',
    begin: "PS1='prompt> '; bind 'set enable-bracketed-paste off'",
    show: 'waybill() { printf "<%s>" "$@"; echo; }',
  },
  {
    name: 'zsh',
    run: 'zsh -f',
    begin: "PS1='prompt> '; unsetopt nomatch; autoload -Uz compinit; compinit -u -D",
    show: 'waybill() { printf "<%s>" "$@"; echo; }',
  },
  {
    name: 'fish',
    run: 'fish --no-config',
    begin: "function fish_prompt; echo 'prompt> '; end",
    show: 'function waybill; printf "<%s>" $argv; echo; end',
  },
] as const;

before(async () => {
  mkdirSync(dir);
  for (const [, name] of FILES) writeFileSync(join(dir, name), '');
  const tree = readTree(await loadTree());
  writeFileSync(`${dir}.bash`, bashCompletion(tree));
  writeFileSync(`${dir}.zsh`, zshCompletion(tree));
  writeFileSync(`${dir}.fish`, fishCompletion(tree));
});
after(() => {
  for (const end of ['', '.bash', '.zsh', '.fish']) rmSync(dir + end, { recursive: true });
});

const without = (shell: string): string | false =>
  spawnSync(shell, ['--version']).status === 0 ? noTerminal : `no ${shell}`;

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

for (const { name: shell, run, begin, show } of SHELLS) {
  test(`${shell}: odd names`, { skip: without(shell) }, async () => {
    const terminal = new Terminal(150, 30, run);
    /** Types, completes, and waits for the words that the command was given. */
    const complete = async (typed: string, words: readonly string[]): Promise<void> => {
      terminal.line('clear');
      terminal.keys('-l', typed);
      terminal.keys('Tab');
      await terminal.until(() => !terminal.screen().trimEnd().endsWith(typed));
      terminal.keys('Enter');
      const shown = words.map((word) => `<${word}>`).join('');
      await terminal.until(new RegExp(`^${literally(shown)}`, 'm'));
    };
    try {
      for (const line of [begin, `cd ${dir}`, `source ${dir}.${shell}`, show]) terminal.line(line);
      terminal.line('clear; echo ready');
      await terminal.until(/^ready$/m);
      for (const [typed, name] of FILES) {
        await complete(`waybill policy check ${typed}`, ['policy', 'check', name]);
      }
      for (const [typed, word] of WORDS) {
        // Behind a backquote, quoted or not, bash asks no function of any command.
        if (shell === 'bash' && word.includes('`')) continue;
        await complete(`waybill why ${typed} --js`, ['why', word, '--json']);
      }
      assert.equal(existsSync(join(dir, 'run')), false, 'nothing was run');
    } finally {
      terminal.close();
    }
  });
}
