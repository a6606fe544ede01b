/**
 * Starts `log-writer-process.ts` and listens to what it says.
 * The one idea: lines are awaited, never slept for.
 * Deliberately unknown here: what the lines mean.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./log-writer-process.ts', import.meta.url));

export interface Talker {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Waits until a line matches; rejects when the process ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Ends it at once and waits until it is gone and all it said was read. */
  kill(): Promise<void>;
}

/** `prefix` is a command that runs the rest, such as strace with its arguments. */
export const startWriter = (args: readonly string[], prefix: readonly string[] = []): Talker => {
  const command = [...prefix, process.execPath, '--import', 'tsx', SCRIPT, ...args];
  const [file = '', ...rest] = command;
  const child = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that a kill reaches the process under strace, too.
    detached: true,
  });
  const lines: string[] = [];
  const waits = new Set<() => void>();
  const reader = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
  let isOver = false;
  const wake = (): void => {
    for (const look of waits) look();
  };
  reader.on('line', (line) => {
    lines.push(line);
    wake();
  });
  void ended.then(() => {
    isOver = true;
    wake();
  });
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const line = lines.find((one) => pattern.test(one));
        if (line === undefined && !isOver) return;
        waits.delete(look);
        if (line !== undefined) found(line);
        else failed(new Error(`ended before ${pattern}: ${lines.slice(-3).join(' | ')}`));
      };
      waits.add(look);
      look();
    });
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  return { child, lines, until, kill };
};
