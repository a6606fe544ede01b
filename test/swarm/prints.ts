/**
 * Prints of runs: a hash of all that a run wrote, said and sent, for each of some seeds of the
 * swarm, and for a simulated policy. The one idea: a hash in the repository lets any machine and
 * any Node prove that the same seed is the same run, byte for byte, without the other machine.
 * Deliberately unknown here: whether a run is right.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { definePolicy } from '../../src/policy/define.ts';
import type { Scenario } from '../../src/testing/testing.ts';
import { simulate } from '../../src/testing/testing.ts';
import type { World } from '../../src/testing/world/world.ts';
import { playSeed } from './swarm.ts';

/** Where the prints are kept. */
export const PRINTS_FILE = fileURLToPath(new URL('../property/same-run.json', import.meta.url));

/** What is run anew where they are renewed. */
export const RENEW = 'npm run same-run -- --renew';

/** Seeds of the swarm that are printed. */
export const PRINTED_SEEDS = Array.from({ length: 24 }, (_, at) => at + 1);

/** By name of the run: its hash. */
export type Prints = Readonly<Record<string, string>>;

/** A policy that draws from chance and asks for the time, as an operator's may. */
const policy = definePolicy({
  init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025' }),
  get_queue_config: () => ({
    egress_pool: 'main',
    retry_interval: Math.random() < 0.5 ? '4m' : '5m',
    max_age: new Date().getUTCHours() < 12 ? '3h' : '2h',
  }),
  get_egress_pool: () => ({
    entries: [
      { name: 'ip-1', weight: 2 },
      { name: 'ip-2', weight: 1 },
    ],
  }),
  get_egress_source: (name) => ({
    source_address: name === 'ip-1' ? '192.0.2.1' : '192.0.2.2',
    suspend_when_unplumbed: { duration: '5m' },
  }),
  get_egress_path_config: () => ({ connection_limit: 2, max_message_rate: '7/s' }),
});

const SCENARIO: Scenario = {
  faults: { reset: 0.02, dns: 0.1, stall: 0.01 },
  steps: [
    { do: 'send', to: ['u@a.test', 'v@b.test'], count: 40, tenant: 'acme' },
    { do: 'wait', ms: 500 },
    { do: 'source', source: 'ip-1', is: 'flapping', ms: 5_000 },
    { do: 'receiver', domain: 'a.test', is: 'greylisting', ms: 90_000 },
    { do: 'send', to: ['later@a.test', 'ü@b.test'], count: 10, bytes: 5_000 },
    { do: 'wait', ms: 120_000 },
    { do: 'kill' },
    { do: 'send', to: ['w@b.test'], headers: { Subject: 'after' } },
    { do: 'wait', ms: 400_000 },
    { do: 'restart' },
    { do: 'reload' },
  ],
};

/** Seeds of the simulation that are printed. */
const SIMULATED_SEEDS = [1, 2, 3];

const hashOf = (parts: readonly unknown[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${JSON.stringify(part)}\n`);
  return hash.digest('hex');
};

/** The log, what was dialled, what was told to the operator, and every copy that was kept. */
const printOf = (world: World): string =>
  hashOf([
    ...world.store.records,
    world.net.dialled,
    world.said,
    [...world.net.hosts.values()].map(({ exchanger }) => exchanger.copies),
  ]);

/** Runs everything that is printed. */
export async function printAll(): Promise<Prints> {
  const prints: Record<string, string> = {};
  for (const seed of PRINTED_SEEDS) {
    let world: World | undefined;
    const onWorld = (opened: World): void => {
      world = opened;
    };
    const { turns } = await playSeed(seed, { eyes: { onWorld } });
    if (world !== undefined) prints[`swarm ${seed}, ${turns} turns`] = printOf(world);
  }
  for (const seed of SIMULATED_SEEDS) {
    const result = await simulate(policy, SCENARIO, { seed });
    const { dialled, mailed, copies } = result.observed;
    prints[`simulate ${seed}`] = hashOf([result.log(), dialled, mailed, copies]);
  }
  return prints;
}
