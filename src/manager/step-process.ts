/**
 * The frame of a one-shot process between fork and verdict: it waits for its order, perhaps for
 * long, works once, says the verdict on the channel and ends with an exit code that says the same.
 * When its manager is gone it ends at once. Does not know the work.
 */
import process from 'node:process';
import { EXIT_SOFTWARE, exitFor } from './exit.ts';

/** EX_DATAERR of sysexits(3): the policy was refused. */
export const EXIT_REFUSED = 65;

interface Verdict {
  readonly kind: string;
}

/** Waits for one order and answers it with what `work` makes of it. */
export const serveStep = <Order>(work: (order: Order) => Promise<Verdict>): void => {
  const end = (verdict: Verdict, code: number): void => {
    if (process.send === undefined || !process.connected) process.exit(code);
    process.send(verdict, () => process.exit(code));
  };
  // The manager decides what a signal to the whole group means; it ends a step that it gave up.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit(EXIT_SOFTWARE));
  process.once('message', (order: Order) => {
    work(order).then(
      (verdict) => end(verdict, verdict.kind === 'refused' ? EXIT_REFUSED : 0),
      (error: unknown) => {
        const exit = exitFor(error);
        if (exit.code === EXIT_SOFTWARE) console.error(error);
        end({ kind: 'failed', ...exit }, exit.code);
      },
    );
  });
};
