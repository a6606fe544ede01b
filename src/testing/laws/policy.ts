/**
 * Laws about the policy's own answers: the loader takes it, its handlers answer, and no tenant uses
 * the pool of another. What belongs to whom only the author knows, so that law is made from what he
 * declares. Deliberately unknown here: what answers lead to.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import { recount } from '../history.ts';
import type { Breach, Law } from './law.ts';

/** The loader would take it. */
export const theLoaderAcceptsIt: Law = {
  name: 'the-loader-accepts-it',
  says: 'The policy-loader and the canary refuse nothing of the policy.',
  find: ({ policy, startedAt }) => {
    const [refusal] = policy.refusals;
    return refusal === undefined ? undefined : { says: refusal, at: startedAt, about: [] };
  },
};

/** No handler fails. */
export const handlersAnswer: Law = {
  name: 'handlers-answer',
  says: 'No handler throws, answers what cannot be read, or names a pool or source nobody knows.',
  find: ({ events }) => {
    for (const { type, at, body } of events) {
      if (type !== 'policy.faulted') continue;
      return { says: String(body['sentence']), at, about: ['policy'] };
    }
    return undefined;
  },
};

/** Pools by tenant, as the author declares them; '' for mail without a tenant. */
export type TenantPools = Readonly<Record<string, readonly string[]>>;

/** The law that tenants keep to their pools: to those declared for them, and out of all others'. */
export function tenantsKeepToTheirPools(pools: TenantPools): Law {
  const check = (queue: string, pool: string): string | undefined => {
    const { tenant = '' } = parseQueueName(queue);
    const own = Object.hasOwn(pools, tenant) ? pools[tenant] : undefined;
    if (own?.includes(pool) === true) return undefined;
    const who = tenant === '' ? 'mail without a tenant' : `the tenant ${tenant}`;
    if (own !== undefined) return `${who} uses the pool ${pool} (queue ${queue})`;
    const [other] = Object.entries(pools).find(([, list]) => list.includes(pool)) ?? [];
    return other === undefined ? undefined : `${who} uses the pool ${pool} of ${other} (${queue})`;
  };
  return {
    name: 'tenants-keep-to-their-pools',
    says: 'No tenant uses a pool that was declared for another, and none but its own.',
    find: ({ events }): Breach | undefined => {
      for (const [{ type, stream, at }, standing] of recount(events)) {
        if (type !== 'queue.opened' && type !== 'queue.configured') continue;
        const pool = standing.queues.get(stream)?.config.egress_pool ?? 'unspecified';
        const says = check(stream, pool);
        if (says !== undefined) return { says, at, about: [stream] };
      }
      return undefined;
    },
  };
}
