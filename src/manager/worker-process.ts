/**
 * The program of a worker: the channel to the manager on one side, the worker on the other. It
 * ends at once when the manager is gone, whatever it is doing: the log is made for that. Knows
 * nothing of what a worker does.
 */
import type { WorkerOrder, WorkerWord } from './messages.ts';
import { startWatchdog } from './watchdog.ts';
import type { WorkerArguments } from './worker.ts';

/** A last word that the manager does not take is not waited for longer, ms. */
const LAST_WORD_MS_MAX = 1_000;

const args = JSON.parse(process.argv[2] ?? '{}') as WorkerArguments;

// Early, so that no order is lost while the rest of the program is read.
const early: WorkerOrder[] = [];
let order = (one: WorkerOrder): unknown => early.push(one);
process.on('message', (message) => order(message as WorkerOrder));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The manager decides what a signal to the whole group means.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('SIGTERM', () => order({ kind: 'stop' }));

const noteHandler = args.reportFd === undefined ? undefined : startWatchdog(args.reportFd);

const say = (word: WorkerWord): void => {
  if (process.connected) process.send?.(word, undefined, undefined, () => {});
};

const { runWorker } = await import('./worker.ts');
const exit = await runWorker(args, {
  say,
  hear: (listener) => {
    order = listener;
    for (const one of early.splice(0)) listener(one);
  },
  ...(noteHandler === undefined ? {} : { noteHandler }),
});
const leave = (): never => process.exit(exit.code);
const word: WorkerWord = { kind: 'ending', ...exit };
setTimeout(leave, LAST_WORD_MS_MAX);
if (process.send === undefined) leave();
else process.send(word, undefined, undefined, leave);
