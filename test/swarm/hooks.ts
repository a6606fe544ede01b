/**
 * Log hooks for worlds of the swarm: one that takes all records, and one that takes failures only,
 * in batches that wait for company. The one idea: a world has them or not by its seed, and they
 * draw from dice of their own, so the mail of a play is to the byte what it is without them.
 * Deliberately unknown here: what must hold.
 */
import { definePolicy } from '../../src/policy/define.ts';
import type { TestPolicy } from '../../src/testing/load-policy.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';

const URL_HERE = 'http://127.0.0.1:4242/log';

const policy = definePolicy({
  init: (setup) => {
    setup.smtpListener({ listen: '127.0.0.1:2025' });
    setup.logHook({ name: 'all', url: URL_HERE, start: 'beginning' });
    setup.logHook({
      ...{ name: 'failures', url: URL_HERE, start: 'beginning' },
      ...{ batch_size: 5, min_batch_size: 3, max_batch_latency: '20s' },
      types: ['TransientFailure', 'Bounce', 'Expiration'],
    });
  },
  get_queue_config: () => ({ retry_interval: '5s', max_retry_interval: '1m' }),
  // So little is read ahead that a sink that is away meets the bound.
  get_egress_path_config: () => ({ max_ready: 2 }),
});

let loaded: TestPolicy | undefined;

/** The hooks of the world with this seed; undefined where it has none. */
export function hooksFor(seed: number): TestPolicy | undefined {
  if (seed % 2 === 0) return undefined;
  loaded ??= asTestPolicy(policy);
  return loaded;
}
