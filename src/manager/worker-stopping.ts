/**
 * How a worker ends: intake first, then readers of the log, then what is in hand, then the log; and
 * health is told over HTTP nearly to the last, so that whoever watches sees the end and not a loss.
 * All of it within a bound. It does not know why the worker ends.
 */
import type { ProcessWatch } from '../ports/node/process-figures.ts';
import type { Exit } from './exit.ts';
import { EXIT_IO, EXIT_SOFTWARE } from './exit.ts';
import type { OpenedListeners } from './listeners.ts';
import { STOP_GRACE_MS, STOP_MS_MAX } from './messages.ts';
import type { OpenedEngine } from './open.ts';
import type { OpenNdrs } from './open-ndrs.ts';
import type { SigningLoan } from './signing-loan.ts';

/** What is open, as far as it came. */
export interface Stopping {
  readonly opened: OpenedEngine | undefined;
  readonly listeners?: OpenedListeners;
  readonly process: ProcessWatch | undefined;
  readonly ndrs: OpenNdrs | undefined;
  readonly signing: SigningLoan;
}

/** A disk that stays full must not keep the end waiting; what is unrecorded was no promise. */
export async function stopInTime(parts: Stopping): Promise<Exit> {
  let isWriting = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Exit>((resolve) => {
    timer = setTimeout(() => resolve(whatHangs(isWriting)), STOP_MS_MAX);
  });
  const stopped = stopWorker(parts, STOP_GRACE_MS, () => {
    isWriting = true;
  }).then(() => ({ code: 0, sentence: '' }));
  const exit = await Promise.race([stopped, tooLate]);
  clearTimeout(timer);
  return exit;
}

const whatHangs = (isWriting: boolean): Exit =>
  isWriting
    ? { code: EXIT_IO, sentence: 'the disk is full: ended with turns that could not be written' }
    : { code: EXIT_SOFTWARE, sentence: 'ended with listeners or readers that would not stop' };

/** Ends all of it; `writing` hears when only the log is left. */
export async function stopWorker(
  { opened, listeners, process, ndrs, signing }: Stopping,
  graceMs: number,
  writing: () => void = () => {},
): Promise<void> {
  process?.stop();
  // Readers let go of the log before it is closed: what comes after waits for the next start.
  await Promise.all([
    listeners?.closeIntake(graceMs),
    opened?.projections.stop(graceMs),
    opened?.journeys.stop(graceMs),
    ndrs?.stop(),
  ]);
  writing();
  if (opened !== undefined) {
    await new Promise<void>((resolve) => opened.engine.stop(graceMs, resolve));
  }
  await listeners?.stop();
  await signing.end();
  await opened?.close();
}
