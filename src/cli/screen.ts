/**
 * A full screen of text on a terminal: the alternate screen, keys as names, and only lines that
 * changed written anew. However the process ends, the terminal is left as it was found.
 * Deliberately unknown here: what is drawn.
 */
import process from 'node:process';
import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLEAR_LINE = '\u001b[K';

const KEYS: Readonly<Record<string, string>> = {
  '\t': 'tab',
  '\u001b[Z': 'backtab',
  '\r': 'enter',
  '\n': 'enter',
  '\u001b': 'escape',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'ctrl-c',
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001b[C': 'right',
  '\u001b[D': 'left',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
  '\u001bOC': 'right',
  '\u001bOD': 'left',
  '\u001b[5~': 'pageup',
  '\u001b[6~': 'pagedown',
  '\u001b[H': 'home',
  '\u001b[F': 'end',
  '\u001b[1~': 'home',
  '\u001b[4~': 'end',
};

// A sequence that begins with escape, or one character.
const KEY = /\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu;

/** The names of the keys in what a terminal sent; other keys by their character. */
export const readKeys = (text: string): string[] =>
  (text.match(KEY) ?? []).flatMap((key) => {
    const name = KEYS[key];
    if (name !== undefined) return [name];
    return /^[^\p{Cc}]$/u.test(key) ? [key] : [];
  });

/** What a screen tells. */
export interface ScreenListener {
  pressed(key: string): void;
  /** The size is another; everything is to be drawn anew. */
  resized(): void;
  /** The process is told to end. */
  ended(): void;
}

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

/** A terminal while it is ours. */
export class Screen {
  readonly #out: WriteStream;
  readonly #in: ReadStream;
  readonly #listener: ScreenListener;
  #shown: readonly string[] = [];
  #isOpen = false;

  constructor(out: WriteStream, keys: ReadStream, listener: ScreenListener) {
    this.#out = out;
    this.#in = keys;
    this.#listener = listener;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#out.columns, rows: this.#out.rows };
  }

  /** Takes the terminal over. */
  open(): void {
    this.#isOpen = true;
    this.#out.write(ENTER);
    this.#in.setRawMode(true);
    this.#in.setEncoding('utf8').on('data', this.#heard).resume();
    this.#out.on('resize', this.#resized);
    for (const name of SIGNALS) process.on(name, this.#told);
    // Before the trace of a failure is printed, or nobody would see it.
    process.on('uncaughtExceptionMonitor', this.close);
    process.on('exit', this.close);
  }

  /** Gives the terminal back; may be called again. */
  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#in.off('data', this.#heard).pause();
    this.#in.setRawMode(false);
    this.#out.off('resize', this.#resized);
    for (const name of SIGNALS) process.off(name, this.#told);
    process.off('uncaughtExceptionMonitor', this.close);
    process.off('exit', this.close);
    this.#out.write(LEAVE);
  };

  /** Shows lines from the top of the screen down; what did not change is not written. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const rows = Math.max(lines.length, this.#shown.length);
    let text = '';
    for (let row = 0; row < rows && row < this.#out.rows; row += 1) {
      const line = lines[row] ?? '';
      if (line === this.#shown[row]) continue;
      text += `\u001b[${row + 1};1H${line}${CLEAR_LINE}`;
    }
    this.#shown = [...lines];
    if (text !== '') this.#out.write(text);
  }

  readonly #heard = (text: string): void => {
    for (const key of readKeys(text)) this.#listener.pressed(key);
  };

  readonly #resized = (): void => {
    this.#shown = [];
    this.#out.write('\u001b[2J');
    this.#listener.resized();
  };

  readonly #told = (): void => this.#listener.ended();
}
