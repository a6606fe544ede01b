/**
 * Watches the main thread of a worker from beside it. The main thread writes down in shared memory
 * which handler of the policy it is in; a thread reads that and tells the manager when a handler
 * does not come back, since a thread that loops cannot say so itself. The same thread ends the
 * worker when the manager is gone. Decides nothing about handlers.
 */
import { startThread } from '../events/log-start.ts';
import type { HandlerName } from '../policy/hooks.ts';
import { HANDLERS } from '../policy/hooks.ts';

/** The slot with the number of the handler that runs; 0 for none. */
export const SLOT_HANDLER = 0;
/** Counts calls, so that two calls of one handler are told apart. */
export const SLOT_CALL = 1;
const SLOTS = 2;

/** The names of handlers, by the number that stands in the slot less one. */
export const HANDLER_NAMES = Object.keys(HANDLERS) as HandlerName[];

/** Told the name before a handler runs, and '' after it. */
export type NoteHandler = (handler: HandlerName | '') => void;

/** Starts a thread that reports to the other end of `reportFd`; ends this process with it. */
export function startWatchdog(reportFd: number): NoteHandler {
  const slots = new Int32Array(new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT));
  const thread = startThread('./watchdog-thread', import.meta.url, {
    workerData: { slots, reportFd },
  });
  thread.unref();
  // Without it the worker would run unwatched; the manager starts another.
  thread.on('error', (error) => {
    console.error(error);
    process.exit(70);
  });
  const numberOf = new Map<string, number>(HANDLER_NAMES.map((name, at) => [name, at + 1]));
  return (handler) => {
    if (handler !== '') Atomics.add(slots, SLOT_CALL, 1);
    Atomics.store(slots, SLOT_HANDLER, numberOf.get(handler) ?? 0);
  };
}
