/**
 * A forked process of ours as a thing with few sides: it is sent plain data, is heard, and ends
 * once. The executable arguments of this process are handed on, so that children start from source
 * and from the build alike. Knows no message and no purpose.
 */
import { fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Lines at the report channel are short; more than this without an end is thrown away. */
const REPORT_CHARS_MAX = 4096;

/** How a process ended. */
export interface ChildEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a child is asked to do when something happens. */
export interface ChildEars {
  heard(message: unknown): void;
  /** A line that its watchdog thread wrote to the report channel. */
  reported?(line: string): void;
  ended(ending: ChildEnding): void;
}

/** A forked process. */
export interface Child {
  readonly pid: number;
  /** Lost when the child is gone already: its end is heard anyway. */
  send(message: object): void;
  kill(): void;
}

/** The file descriptor of the report channel inside a child. */
export const REPORT_FD = 4;

/** Our own program file beside `url`, in the form that is running now. */
export const programBeside = (url: string, name: string): string =>
  fileURLToPath(new URL(`./${name}${url.endsWith('.ts') ? '.ts' : '.js'}`, url));

/** Forks `file`; stdout and stderr are shared with it. */
function forkChild(file: string, flags: readonly string[], ears: ChildEars): Child {
  const child = fork(file, [], {
    execArgv: [...process.execArgv, ...flags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    serialization: 'json',
  });
  let hasEnded = false;
  const end = (ending: ChildEnding): void => {
    if (hasEnded) return;
    hasEnded = true;
    ears.ended(ending);
  };
  child.on('message', (message) => ears.heard(message));
  child.on('exit', (code, signal) => end({ code, signal }));
  // It could not be started, or the channel broke; an exit follows where there was a process.
  child.on('error', () => {
    if (child.pid === undefined) end({ code: 70, signal: null });
  });
  readLines(child.stdio[REPORT_FD] as Socket | null, (line) => ears.reported?.(line));
  return {
    pid: child.pid ?? 0,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

/** A child that nobody has asked anything of yet, so that whoever will need not wait for it. */
export class SpareChild {
  readonly #child: Child;
  #ears: ChildEars | undefined;
  #ending: ChildEnding | undefined;

  /** `flags` are for Node, besides those of this process. */
  constructor(file: string, flags: readonly string[] = []) {
    this.#child = forkChild(file, flags, {
      heard: (message) => this.#ears?.heard(message),
      reported: (line) => this.#ears?.reported?.(line),
      ended: (ending) => {
        this.#ending = ending;
        this.#ears?.ended(ending);
      },
    });
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** From here on `ears` hear it; also its end, if that came before. */
  take(ears: ChildEars): Child {
    this.#ears = ears;
    const ending = this.#ending;
    if (ending !== undefined) setImmediate(() => ears.ended(ending));
    return this.#child;
  }
}

function readLines(stream: Socket | null, each: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-REPORT_CHARS_MAX);
    for (const line of lines) if (line !== '') each(line);
  });
  stream?.on('error', () => {});
}
