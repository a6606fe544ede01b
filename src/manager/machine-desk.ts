/**
 * Process, machine and policy store as the routes for operators see them. The store is opened for
 * each question and closed again. Knows no HTTP.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MachineDesk } from '../api/machine-routes.ts';
import type { PolicyDesk } from '../api/policy-routes.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import { createTimers } from '../ports/node/timers.ts';
import type { DeferredUsage } from '../ports/ports.ts';
import { nodeIdOf } from '../projections/log-record/fields.ts';
import type { ListenerParts } from './listeners.ts';

/** What is kept of messages that are not written yet, beside what is stored. */
const inMemory = ({ bodies, bytes }: DeferredUsage) => ({
  deferredBodies: bodies,
  deferredBytes: bytes,
});

/** Process and machine, over a running engine. */
export function machineDesk(
  config: HttpListenerConfig,
  { opened, logger, version }: ListenerParts,
): MachineDesk {
  const { engine, bodies, clock } = opened;
  const facts = {
    nodeId: nodeIdOf(engine.inspect.node()),
    hostname: config.hostname ?? hostname(),
    version,
    onlineSince: clock.now(),
  };
  return {
    facts: () => facts,
    timers: createTimers(clock),
    numbers: () => engine.inspect.numbers(),
    bodies: () => ({ ...bodies.usage(), ...inMemory(bodies.deferred()) }),
    setLogLevel: (level) => {
      logger.level = level;
    },
    compact: () => new Promise((resolve) => engine.inspect.compact(resolve)),
  };
}

/** The policy and its store; the embedded policy has none. */
export const policyDesk = ({ dir, meters, requestBump }: ListenerParts): PolicyDesk => ({
  versions: async (max) => {
    if (!existsSync(join(dir, 'policy', 'policy.db'))) return [];
    const { openPolicyStore } = await import('../events/policy-store.ts');
    const store = openPolicyStore(dir, 'read');
    try {
      return store.list(max);
    } finally {
      store.close();
    }
  },
  inForce: () => ({ version: meters.version, epoch: meters.epoch }),
  requestBump,
});
