/**
 * Parts of an HTTP listener for tests: desks behind which nobody is, each replaced where a test
 * plays it. Deliberately unknown here: what is tested.
 */
import type { AdminDesk } from '../../src/api/admin-routes.ts';
import type { HttpListener, HttpParts } from '../../src/api/http.ts';
import { startHttpListener } from '../../src/api/http.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { parseHttpListenerConfig } from '../../src/domain/options-http.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { createTimers } from '../../src/ports/node/timers.ts';
import { NO_HOOKS } from '../../src/projections/hook-status.ts';

/** Nobody sees to wishes. */
export const NO_DESK: AdminDesk = {
  allocateId: () => '',
  command: () => Promise.resolve('nobody is here'),
  listRules: () => Promise.resolve({ rules: [], at: 0 }),
  count: () => Promise.resolve({ messages: 0, queues: 0 }),
};

const NUMBERS = {
  turns: 1,
  commits: 1,
  turnsInFlight: 0,
  waitingSubmissions: 0,
  messages: 0,
  queues: 0,
  heldQueues: 0,
  readyQueues: 0,
  connections: 0,
  planning: 0,
  offers: 0,
  hotRows: 0,
  hotBodyBytes: 0,
  backlog: 0,
  bodiesMoving: 0,
};

/** All parts; `over` replaces some. */
export function httpParts(over: Partial<HttpParts> = {}): HttpParts {
  const facts = { nodeId: '00000001', hostname: 'test', version: '0.0.0', onlineSince: 0 };
  return {
    metrics: createMetrics(new WorkerMeters()),
    whyNotAlive: () => undefined,
    explain: () => 'nothing waits',
    admin: NO_DESK,
    look: {
      now: () => 0,
      message: () => Promise.resolve(undefined),
      queue: () => Promise.resolve(undefined),
      ready: () => undefined,
      states: () => Promise.resolve(new Map()),
      path: () => Promise.resolve('there is no such source'),
      top: () => Promise.resolve({ lines: [], looks: 0, messages: 0 }),
      sources: () => [],
      rates: () => [],
    },
    sources: { now: () => 0, suspended: () => [], suspend: () => {}, resume: () => {} },
    hooks: NO_HOOKS,
    policy: {
      versions: () => Promise.resolve([]),
      inForce: () => ({ version: 1, epoch: 1 }),
      requestBump: () => {},
    },
    machine: {
      facts: () => facts,
      timers: createTimers(),
      numbers: () => NUMBERS,
      bodies: () => ({ segments: 0 }),
      setLogLevel: () => {},
      compact: () => Promise.resolve(0),
    },
    auth: {
      judge: () => NO_JUDGE,
      timers: createTimers(),
    },
    note: (text) => {
      throw new Error(text);
    },
    ...over,
  };
}

const NO_JUDGE = {
  basic: () => Promise.resolve(false),
  bearer: () => Promise.resolve(false),
  acl: () => undefined,
};

/** A listener on a port of the system's choice. */
export async function openHttp(
  over: Partial<HttpParts> = {},
  options: Record<string, unknown> = {},
): Promise<{ readonly listener: HttpListener; readonly base: string }> {
  const config = parseHttpListenerConfig({ listen: '127.0.0.1:0', ...options }, 'test');
  const listener = await startHttpListener(config, httpParts(over));
  return { listener, base: `http://127.0.0.1:${listener.port}` };
}
