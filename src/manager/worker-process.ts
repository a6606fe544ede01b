/**
 * The program of a worker: the channel to the manager on one side, the worker on the other. It
 * ends at once when the manager is gone, whatever it is doing: the log is made for that. Until it
 * is told to begin it only reads its program. Knows nothing of what a worker does.
 */
import { REPORT_FD } from './child.ts';
import type { BeginOrder, WorkerArguments, WorkerOrder, WorkerWord } from './messages.ts';
import { startWatchdog } from './watchdog.ts';

/** A last word that the manager does not take is not waited for longer, ms. */
const LAST_WORD_MS_MAX = 1_000;

// No order is lost while there is nobody yet to hear it.
const early: WorkerOrder[] = [];
let order = (one: WorkerOrder): unknown => early.push(one);

process.on('message', (message: BeginOrder | WorkerOrder) => {
  if (message.kind === 'begin') void begin(message.args);
  else order(message);
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The manager decides what a signal to the whole group means.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('SIGTERM', () => order({ kind: 'stop', drainMs: 0 }));

const say = (word: WorkerWord): void => {
  if (process.connected) process.send?.(word, undefined, undefined, () => {});
};

const program = import('./worker.ts');

async function begin(args: WorkerArguments): Promise<void> {
  const { runWorker } = await program;
  const exit = await runWorker(args, {
    say,
    hear: (listener) => {
      order = listener;
      for (const one of early.splice(0)) listener(one);
    },
    noteHandler: startWatchdog(REPORT_FD),
  });
  const leave = (): never => process.exit(exit.code);
  const word: WorkerWord = { kind: 'ending', ...exit };
  setTimeout(leave, LAST_WORD_MS_MAX);
  if (process.send === undefined) leave();
  else process.send(word, undefined, undefined, leave);
}
