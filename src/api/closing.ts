/**
 * The end of an HTTP listener in two steps: first only health and metrics are answered, so that
 * whoever watches sees a daemon that ends in good order; later the listener goes.
 * Deliberately unknown here: what requests do, and why it ends.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Timers } from '../ports/timers.ts';
import { Refused } from './refusals.ts';

/** What is answered to the last: it asks nobody who may have ended. */
const TO_THE_LAST: ReadonlySet<string> = new Set([
  '/api/check-liveness/v1',
  '/readyz',
  '/livez',
  '/startupz',
  '/metrics',
  '/metrics.json',
]);

/** Lets requests in, until it is closed. */
export interface Gate {
  /** Refuses all but health and metrics; resolves when other requests are through, or in time. */
  close(graceMs: number): Promise<void>;
}

/** Puts a gate before the routes of a server. */
export function addGate(server: FastifyInstance, timers: Pick<Timers, 'after'>): Gate {
  let inside = 0;
  let isClosed = false;
  let emptied = (): void => {};
  server.addHook('onRequest', async (request, reply) => {
    if (isToTheLast(request)) return;
    if (isClosed) {
      reply.header('connection', 'close');
      throw new Refused(503, 'the service stops; ask another one, or again in a minute');
    }
    inside += 1;
    reply.raw.once('close', () => {
      inside -= 1;
      if (inside === 0) emptied();
    });
  });
  return {
    close: async (graceMs) => {
      isClosed = true;
      if (inside === 0) return;
      await new Promise<void>((resolve) => {
        const cancel = timers.after(graceMs, resolve);
        emptied = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}

/** Who watches conversations may see the last ones; websockets end with the listener. */
const isToTheLast = ({ routeOptions, ws }: FastifyRequest): boolean =>
  ws || TO_THE_LAST.has(routeOptions.url ?? '');
