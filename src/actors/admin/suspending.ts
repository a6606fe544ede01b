/**
 * Suspensions at work. Of scheduled queues: a queue that one is about is suspended when it would
 * act, so what nobody uses costs nothing, and a row that is about to be handed out is turned away.
 * Of ready queues: selection leaves them out (that their rows go back is serving's part). Purges
 * come before suspensions. Places and ends no rule.
 */
import type { AdminRule } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import { readyQueueName, SMTP_PROTOCOL } from '../../domain/site-name.ts';
import type { Core, HeldQueue } from '../core.ts';
import type { Member, PoolMembers } from '../pools.ts';
import { purgeDue, purgeRow } from './purging.ts';
import { walkQueues } from './walking.ts';

/** True where a rule keeps a queue's due rows from being placed; it has been acted on then. */
export function obeyRules(core: Core, queue: HeldQueue): boolean {
  const { purge, suspension } = core.rules.verdictOf(queue.row);
  if (purge !== undefined) {
    purgeDue(core, queue, purge);
    return true;
  }
  if (suspension === undefined) return false;
  if (queue.row.state !== 'suspended') suspendQueue(core, queue.row, suspension);
  return true;
}

/** True where a row must not be handed to a connection; it has been seen to then. */
export function turnAway(core: Core, slot: number, at: number): boolean {
  const { purge, suspension } = core.rules.verdictOf(core.books.queueOfRow(slot));
  if (purge !== undefined) purgeRow(core, slot, purge);
  else if (suspension !== undefined) core.requeue(slot, at);
  else return false;
  return true;
}

function suspendQueue(core: Core, row: QueueRow, { id: rule, until, cause }: AdminRule): void {
  core.adminLeft -= 1;
  core.turns.emit({ type: 'queue.suspended', stream: row.name, body: { until, cause, rule } });
}

/** The queues a suspension is about follow it: those it names, else those that are in use. */
export function spreadSuspension(core: Core, rule: AdminRule, at: number): void {
  const { queue_names: names } = rule.criteria;
  const named = names?.map((name) => core.books.findQueue(name));
  const held = named === undefined ? [...core.queues.values()] : [];
  const rows = named ?? { length: held.length, at: (index: number) => held[index]?.row };
  const visit = (row: QueueRow): boolean => {
    const { suspension, purge } = core.rules.verdictOf(row);
    const isIdle = named === undefined && row.count === 0;
    if (suspension === undefined || purge !== undefined || isIdle) return true;
    if (row.state !== 'suspended' || row.until < suspension.until) {
      suspendQueue(core, row, suspension);
    }
    return true;
  };
  const isOn = (): boolean => core.books.rules.find(rule.id) === rule;
  walkQueues(core, rows, { isOn, visit }, at);
}

/** Queues suspended by rules that are gone go on, or follow another rule. */
export function releaseQueues(core: Core, now: number): void {
  const { suspended } = core.books.rules;
  const isOrphan = (row: QueueRow): boolean => {
    const id = suspended.get(row.name);
    return id !== undefined && core.books.rules.find(id) === undefined;
  };
  const names = [...suspended.keys()];
  const at = (index: number): QueueRow | undefined => core.books.findQueue(names[index] as string);
  const visit = (row: QueueRow): boolean => {
    if (!isOrphan(row)) return true;
    const { suspension } = core.rules.verdictOf(row);
    if (suspension !== undefined) suspendQueue(core, row, suspension);
    else {
      core.adminLeft -= 1;
      core.turns.emit({ type: 'queue.resumed', stream: row.name, body: {} });
    }
    return true;
  };
  walkQueues(core, { length: names.length, at }, { isOn: () => true, visit }, now);
}

/** Members of a pool whose ready queue towards a site is suspended, and until when. */
interface Shut {
  readonly revision: number;
  readonly members: readonly Member[];
  readonly until: ReadonlyMap<string, number>;
}

const shutOf = new WeakMap<PoolMembers, Map<string, Shut>>();
/** Sites for which that is kept; past it all are looked up anew. */
const SITES_MAX = 1_024;

/**
 * Leaves the members whose ready queue towards a site is suspended out of the selection that has
 * begun; answers the earliest end of these suspensions, Infinity where there is none.
 */
export function leaveOutSuspended(core: Core, pool: PoolMembers, site: string): number {
  let earliest = Number.POSITIVE_INFINITY;
  if (!core.rules.hasReady) return earliest;
  const { until } = shutMembers(core, pool, site);
  if (until.size === 0) return earliest;
  for (const [index, { name }] of pool.ring.members.entries()) {
    const end = until.get(name);
    if (end === undefined) continue;
    pool.ring.refuse(index);
    earliest = Math.min(earliest, end);
  }
  return earliest;
}

// Kept until rules or members change: a pool of 500 sources is not named for each message.
function shutMembers(core: Core, pool: PoolMembers, site: string): Shut {
  const { revision } = core.rules;
  const members = pool.known;
  const sites = shutOf.get(pool) ?? new Map<string, Shut>();
  shutOf.set(pool, sites);
  const known = sites.get(site);
  if (known?.revision === revision && known.members === members) return known;
  const until = new Map<string, number>();
  for (const { name } of members) {
    const rule = core.rules.findReady(readyQueueName(name, site, SMTP_PROTOCOL));
    if (rule !== undefined) until.set(name, rule.until);
  }
  if (sites.size >= SITES_MAX) sites.clear();
  const shut = { revision, members, until };
  sites.set(site, shut);
  return shut;
}
