/**
 * A worker as the manager sees it: orders go in, words come out, and it ends once, with an exit
 * code and a sentence. Forked it can be killed and is watched from beside; inside this process it
 * is the same without that. Knows no mail.
 */
import type { SpareChild } from './child.ts';
import type { Exit } from './exit.ts';
import { EXIT_SOFTWARE } from './exit.ts';
import type { BeginOrder, WorkerArguments, WorkerOrder, WorkerWord } from './messages.ts';
import { forkWorker } from './spare-worker.ts';

/** One life of a worker. */
export interface WorkerLink {
  readonly pid: number;
  /** False where it cannot be killed alone. */
  readonly isApart: boolean;
  send(order: WorkerOrder): void;
  kill(): void;
}

/** What hears a worker. */
export interface WorkerEars {
  heard(word: WorkerWord): void;
  /** The handler of the policy that it is in, or '', and since when at least. */
  runs(handler: string, sinceMs: number): void;
  ended(exit: Exit): void;
}

/** Starts one life. */
export type StartWorker = (ears: WorkerEars) => WorkerLink;

/** Workers as processes of their own; the first life is that of `spare`, where there is one. */
export const forkedWorker =
  (args: WorkerArguments, spare: SpareChild | undefined): StartWorker =>
  (ears) => {
    let last: Exit | undefined;
    const life = spare ?? forkWorker();
    spare = undefined;
    const child = life.take({
      heard: (message) => {
        const word = message as WorkerWord;
        if (word.kind === 'ending') last = { code: word.code, sentence: word.sentence };
        else ears.heard(word);
      },
      reported: (line) => {
        const { handler, sinceMs } = JSON.parse(line) as { handler: string; sinceMs: number };
        ears.runs(handler, sinceMs);
      },
      ended: ({ code, signal }) => {
        const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
        ears.ended(last ?? { code: code ?? EXIT_SOFTWARE, sentence: `it ${how}` });
      },
    });
    child.send({ kind: 'begin', args } satisfies BeginOrder);
    return { ...child, isApart: true };
  };

/** The worker inside this process. */
export const ownWorker =
  (args: WorkerArguments): StartWorker =>
  (ears) => {
    // Orders given before the worker listens wait here.
    const early: WorkerOrder[] = [];
    let order = (one: WorkerOrder): unknown => early.push(one);
    const running = import('./worker.ts').then(({ runWorker }) =>
      runWorker(args, {
        say: (word) => ears.heard(word),
        hear: (listener) => {
          order = listener;
          for (const one of early) listener(one);
        },
      }),
    );
    running.then(
      (exit) => ears.ended(exit),
      (error: unknown) => {
        console.error(error);
        ears.ended({ code: EXIT_SOFTWARE, sentence: `internal error: ${String(error)}` });
      },
    );
    return {
      pid: process.pid,
      isApart: false,
      send: (one) => {
        order(one);
      },
      kill: () => process.exit(1),
    };
  };
