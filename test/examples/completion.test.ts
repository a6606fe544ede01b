/**
 * Completion as shells do it: the script that `waybill completion` prints is run by bash, and by
 * zsh and fish where they are. Deliberately unknown here: how the scripts are written.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bashCompletion } from '../../src/cli/completion-bash.ts';
import { fishCompletion } from '../../src/cli/completion-fish.ts';
import type { CommandNode } from '../../src/cli/completion-tree.ts';
import { readTree, walkTree } from '../../src/cli/completion-tree.ts';
import { zshCompletion } from '../../src/cli/completion-zsh.ts';
import { loadTree } from '../../src/cli/program.ts';
import { waybill } from './cli-run.ts';
import { noTerminal, Terminal } from './tmux.ts';

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const without = (shell: string): string | false => (isThere(shell) ? false : `no ${shell}`);
const place = (shell: string): string => join(tmpdir(), `waybill-complete-${process.pid}.${shell}`);

let tree: CommandNode;

before(async () => {
  tree = readTree(await loadTree());
  writeFileSync(place('bash'), bashCompletion(tree));
  writeFileSync(place('zsh'), zshCompletion(tree));
  writeFileSync(place('fish'), fishCompletion(tree));
});
after(() => {
  for (const shell of ['bash', 'zsh', 'fish']) rmSync(place(shell), { force: true });
});

/** What bash offers behind these words; the last is the one that is being typed. */
function inBash(...words: string[]): string[] {
  const list = ['waybill', ...words].map((word) => `'${word}'`).join(' ');
  const script = `source ${place('bash')}
compopt() { :; }
COMP_WORDS=(${list}); COMP_CWORD=${words.length}
_waybill; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash: commands, commands of commands, options, choices', () => {
  assert.deepEqual(inBash('suspend-r'), [
    'suspend-ready-q',
    'suspend-ready-q-list',
    'suspend-ready-q-cancel',
  ]);
  const all = inBash('');
  for (const { name } of tree.inner) assert.ok(all.includes(name), name);
  assert.deepEqual(inBash('policy', 'act'), ['activate']);
  assert.deepEqual(inBash('policy', 'list', '--m'), ['--max']);
  assert.deepEqual(inBash('suspend', '--domain', 'x.example', '--dry'), ['--dry-run']);
  assert.deepEqual(inBash('suspend', '--domain', ''), [], 'nobody knows which domain');
  assert.deepEqual(inBash('trace-smtp-client', '--color', ''), ['tty', 'yes', 'no']);
  assert.deepEqual(inBash('sink', '--defer-at', 'r'), ['rcpt']);
  assert.deepEqual(inBash('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(inBash('frobnicate'), []);
});

test('bash: every option of every command', () => {
  for (const { at, options } of walkTree(tree)) {
    const offered = inBash(...at.split('/').slice(1), '--');
    const long = options.flatMap(({ names }) => names).filter((name) => name.startsWith('--'));
    assert.deepEqual(offered.sort(), long.sort(), at);
  }
});

test('fish: the same, with what each does', { skip: without('fish') }, () => {
  const inFish = (line: string): string[] => {
    const script = `source ${place('fish')}; complete -C '${line}'`;
    const { stdout, stderr, status } = spawnSync('fish', ['--no-config', '-c', script], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
    return stdout.split('\n').filter((word) => word !== '');
  };
  assert.deepEqual(inFish('waybill suspend-ready-q-l'), [
    'suspend-ready-q-list\twhich ready queues are suspended',
  ]);
  assert.deepEqual(
    inFish('waybill policy act').map((one) => one.split('\t')[0]),
    ['activate'],
  );
  assert.deepEqual(inFish('waybill suspend --dry')[0]?.split('\t')[0], '--dry-run');
  const colours = inFish('waybill trace-smtp-client --color ').map((one) => one.split('\t')[0]);
  assert.deepEqual(colours, ['no', 'tty', 'yes']);
});

const noZsh = without('zsh') || noTerminal;

test('zsh: Tab writes the rest of the word', { skip: noZsh }, async () => {
  const terminal = new Terminal(100, 30, 'zsh -f');
  try {
    terminal.line(`PS1='prompt> '; autoload -Uz compinit; compinit -u -D; source ${place('zsh')}`);
    terminal.line('clear; echo ready');
    await terminal.until(/^ready\nprompt>/m);
    const tried: [typed: string, shown: RegExp][] = [
      ['waybill resolve-e', /waybill resolve-egress-path/],
      ['waybill policy act', /waybill policy activate/],
      ['waybill suspend --dry', /waybill suspend --dry-run/],
      ['waybill trace-smtp-client --color t', /--color tty/],
    ];
    for (const [typed, shown] of tried) {
      terminal.keys('-l', typed);
      terminal.keys('Tab');
      await terminal.until(shown);
      terminal.keys('C-u');
    }
  } finally {
    terminal.close();
  }
});

test('the command prints these scripts, and knows its shells', async () => {
  const [bash, wrong] = await Promise.all([
    waybill('completion', 'bash'),
    waybill('completion', 'tcsh'),
  ]);
  assert.equal(bash.out, bashCompletion(tree));
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /Allowed choices are bash, zsh, fish/);
});

test('every command has examples and exit codes, and its options are explained', async () => {
  const program = await loadTree();
  const { helpOf } = await import('../../scripts/docs/commands.ts');
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    if (command.name() === 'help') continue;
    const text = helpOf(command);
    assert.match(text, /\nExamples?:\n {2}\$ /, command.name());
    assert.match(text, /\nExit codes:\n {3}0 {2}done/, command.name());
    assert.notEqual(command.summary(), '', command.name());
    for (const option of command.options) assert.notEqual(option.description, '', option.flags);
    for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
  }
});
