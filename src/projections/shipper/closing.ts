/**
 * The end of a connection: wanted, or given up where the sink does not come back.
 * Deliberately unknown here: why it is closed, and what a sink's connection is.
 */
import type { Ms } from '../../ports/ports.ts';
import type { Sink } from '../../ports/sink.ts';
import type { Held } from './held.ts';
import { awaitMs } from './held.ts';

/** How long closing a connection may take. */
export const CLOSE_MS_MAX: Ms = 5_000;

/** Ends the connection, bounded; the next batch opens another. */
export function closeSink(held: Held): void {
  const { sink } = held;
  if (sink === undefined) return held.signal('sink.closed');
  awaitMs(held, CLOSE_MS_MAX, 'deadline.passed');
  const done = (): void => {
    if (held.sink === sink) held.signal('sink.closed');
  };
  closeQuietly(sink).then(done, done);
}

/** The connection is gone. */
export function noteClosed(held: Held): void {
  held.isConnected = false;
  held.deliveries = 0;
}

/** A sink that does not come back is not waited for. */
export function abandonSink(held: Held): void {
  const { sink } = held;
  held.sink = undefined;
  noteClosed(held);
  if (sink !== undefined) closeQuietly(sink).catch(() => {});
}

// A sink that throws while it closes has closed as well as it can.
async function closeQuietly(sink: Sink): Promise<void> {
  await sink.close();
}
