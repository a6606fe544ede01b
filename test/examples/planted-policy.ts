/**
 * A policy in good order, and ten mistakes that may be planted in it, each of a kind that the
 * loader cannot see because it shows only for some mail or only in time. Knows no check.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The parts of the policy that a mistake may replace, each an expression. */
export interface Parts {
  readonly queue: string;
  readonly pools: string;
  readonly source: string;
  readonly path: string;
}

const GOOD: Parts = {
  queue: `{
    egress_pool: tenant === 'acme' ? 'acme-pool' : domain === 'bulk.example' ? 'bulk' : 'main',
    retry_interval: '10m',
    max_age: '1 day',
  }`,
  pools: `{
    main: [{ name: 'ip-1', weight: 2 }, { name: 'ip-2', weight: 1 }],
    bulk: [{ name: 'ip-2', weight: 1 }],
    'acme-pool': [{ name: 'ip-3', weight: 1 }],
  }`,
  source: "{ source_address: addresses[name], suspend_when_unplumbed: { duration: '5m' } }",
  path: "{ connection_limit: domain === 'big.example' ? 4 : 8, max_message_rate: '50/s' }",
};

/** A mistake: what stands in the policy instead, and the law by which it is found. */
export interface Mistake {
  readonly what: string;
  readonly parts: Partial<Parts>;
  readonly law: string;
  /** What the counterexample must speak of. */
  readonly names: RegExp;
}

const queueWith = (options: string, when = "domain === 'bulk.example'"): string =>
  `{ ...${GOOD.queue}, ...(${when} ? { ${options} } : {}) }`;

/** The ten. */
export const MISTAKES: readonly Mistake[] = [
  {
    what: 'a pool entry that names no source',
    parts: { pools: GOOD.pools.replace("bulk: [{ name: 'ip-2'", "bulk: [{ name: 'ip-9'") },
    law: 'handlers-answer',
    names: /ip-9/,
  },
  {
    what: 'a retry cap under the interval',
    parts: { queue: queueWith("max_retry_interval: '1m'") },
    law: 'retries-follow-the-schedule',
    names: /bulk\.example/,
  },
  {
    what: 'a suspend duration longer than max_age',
    parts: { source: GOOD.source.replace("'5m'", "'10 days'") },
    law: 'suspensions-end-before-the-mail',
    names: /ip-\d is suspended/,
  },
  {
    what: 'a connection limit of zero',
    parts: { path: GOOD.path.replace('? 4', '? 0') },
    law: 'handlers-answer',
    names: /big\.example: connection_limit: 0/,
  },
  {
    what: 'an egress pool chosen for a wrong tenant',
    parts: { queue: queueWith("egress_pool: 'acme-pool'", "campaign === 'spring'") },
    law: 'tenants-keep-to-their-pools',
    names: /acme-pool/,
  },
  {
    what: 'a handler that throws for mail without a campaign',
    parts: { queue: queueWith("max_age: '2h'", "tenant === 'acme' && campaign.startsWith('x')") },
    law: 'handlers-answer',
    names: /campaign|undefined/,
  },
  {
    what: 'a pool whose sources all have weight 0',
    parts: {
      pools: GOOD.pools.replace(
        "bulk: [{ name: 'ip-2', weight: 1",
        "bulk: [{ name: 'ip-2', weight: 0",
      ),
    },
    law: 'every-queue-has-an-exit',
    names: /bulk\.example/,
  },
  {
    what: 'a retry interval longer than max_age',
    parts: { queue: queueWith("retry_interval: '2 days'") },
    law: 'deferred-mail-is-tried-again',
    names: /bulk\.example/,
  },
  {
    what: 'a rate so slow that mail expires of it',
    parts: {
      path: `domain === 'big.example' ? { max_message_rate: '1/30d' } : ${GOOD.path}`,
    },
    law: 'every-queue-has-an-exit',
    names: /big\.example/,
  },
  {
    what: 'a smart host that does not exist',
    parts: { queue: queueWith("protocol: { smtp: { mx_list: ['smarthost'] } }") },
    law: 'every-queue-has-an-exit',
    names: /bulk\.example/,
  },
];

/** The text of the policy with a mistake in it. */
export function plantedText(parts: Partial<Parts> = {}): string {
  const { queue, pools, source, path } = { ...GOOD, ...parts };
  return `import { definePolicy } from 'waybill/policy';

const addresses = { 'ip-1': '192.0.2.1', 'ip-2': '192.0.2.2', 'ip-3': '192.0.2.3' };
const pools = ${pools};

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1'] });
  },
  get_queue_config: (domain, tenant, campaign) => (${queue}),
  get_egress_pool: (name) => (pools[name] && { entries: pools[name] }),
  get_egress_source: (name) => (addresses[name] && ${source}),
  get_egress_path_config: (domain) => (${path}),
});
`;
}

/** Writes the policy into a folder of its own. */
export async function writePlanted(parts: Partial<Parts> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-planted-'));
  const file = join(folder, 'policy.ts');
  await writeFile(file, plantedText(parts));
  return file;
}
