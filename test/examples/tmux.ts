/**
 * A terminal for tests: a shell in tmux, on a server of its own, with keys pressed and the screen
 * read back. Where tmux is missing tests skip themselves, unless WAYBILL_TERMINALS=required.
 * Deliberately unknown here: what runs in it.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { pause } from '../faults/scratch.ts';

const isThere = spawnSync('tmux', ['-V']).status === 0;

/** Why tests in a terminal cannot run; false: they can. */
export const noTerminal: string | false =
  isThere || process.env['WAYBILL_TERMINALS'] === 'required'
    ? false
    : 'no tmux; install it to have full screens tried';

/** The patience for a screen, ms: machines may be busy. */
const WAIT_MS_MAX = 60_000;

let count = 0;

/** One terminal. */
export class Terminal {
  readonly #server: string;

  constructor(columns: number, rows: number, shell = 'bash --norc --noprofile') {
    count += 1;
    this.#server = `waybill-test-${process.pid}-${count}`;
    const size = ['-x', String(columns), '-y', String(rows)];
    this.#run('-f', '/dev/null', 'new-session', '-d', ...size, shell);
  }

  /** Types text, and Enter. */
  line(text: string): void {
    // A semicolon at the end would end tmux's own command.
    this.#run('send-keys', '-l', text.replace(/;$/, '\\;'));
    this.keys('Enter');
  }

  /** Presses keys by tmux's names. */
  keys(...names: string[]): void {
    this.#run('send-keys', ...names);
  }

  /** What can be read on the screen. */
  screen(): string {
    return this.#run('capture-pane', '-p');
  }

  /** True while a program has the alternate screen. */
  get isAlternate(): boolean {
    return this.#run('display-message', '-p', '#{alternate_on}').trim() === '1';
  }

  /** Waits until the screen shows something; answers the screen. */
  async until(isShown: RegExp | (() => boolean)): Promise<string> {
    const endsAt = performance.now() + WAIT_MS_MAX;
    for (;;) {
      const screen = this.screen();
      if (typeof isShown === 'function' ? isShown() : isShown.test(screen)) return screen;
      assert.ok(performance.now() < endsAt, `never ${String(isShown)} on:\n${screen}`);
      await pause(100);
    }
  }

  resize(columns: number, rows: number): void {
    this.#run('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The process that the shell runs in the foreground; undefined at the prompt. */
  foreground(): number | undefined {
    const shell = this.#run('display-message', '-p', '#{pane_pid}').trim();
    const { stdout } = spawnSync('pgrep', ['-P', shell], { encoding: 'utf8' });
    return stdout.trim() === '' ? undefined : Number(stdout.trim().split('\n')[0]);
  }

  close(): void {
    this.#run('kill-server');
  }

  #run(...words: string[]): string {
    const env = { ...process.env, LC_ALL: 'C.UTF-8', PS1: '$ ' };
    return execFileSync('tmux', ['-u', '-L', this.#server, ...words], { encoding: 'utf8', env });
  }
}
