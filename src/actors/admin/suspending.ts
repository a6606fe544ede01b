/**
 * Suspensions at work. Of scheduled queues: a queue that one is about is suspended when it would
 * act, so what nobody uses costs nothing, and a row that is about to be handed out is turned away.
 * Of ready queues: selection leaves them out (that their rows go back is serving's part). Purges
 * come before suspensions. Places and ends no rule.
 */
import type { AdminRule } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import { readyQueueName, SMTP_PROTOCOL } from '../../domain/site-name.ts';
import type { Core, HeldQueue, Member } from '../core.ts';
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
  const rows = named ?? [...core.queues.values()].map(({ row }) => row);
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
export function releaseQueues(core: Core, at: number): void {
  const { suspended } = core.books.rules;
  const isOrphan = (row: QueueRow): boolean => {
    const id = suspended.get(row.name);
    return id !== undefined && core.books.rules.find(id) === undefined;
  };
  const rows = [...suspended.keys()].map((name) => core.books.findQueue(name));
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
  walkQueues(core, rows, { isOn: () => true, visit }, at);
}

/** Members of a queue's pool whose ready queue is suspended, and until when. */
interface Shut {
  readonly revision: number;
  readonly members: readonly Member[];
  readonly site: string;
  readonly until: ReadonlyMap<string, number>;
}

const shutOf = new WeakMap<HeldQueue, Shut>();

/** Leaves out the members whose ready queue for this queue is suspended. */
export function leaveOutSuspended(
  core: Core,
  queue: HeldQueue,
  rotation: { readonly earliest: number; readonly open: readonly Member[] },
): { readonly earliest: number; readonly open: readonly Member[] } {
  if (queue.site === undefined || !core.rules.hasReady) return rotation;
  const { until } = shutMembers(core, queue, queue.site.site);
  if (until.size === 0) return rotation;
  let { earliest } = rotation;
  const open = rotation.open.filter(({ name }) => {
    const end = until.get(name);
    if (end !== undefined) earliest = Math.min(earliest, end);
    return end === undefined;
  });
  return { earliest, open };
}

// Kept until rules, members or site change: a pool of 500 sources is not named for each message.
function shutMembers(core: Core, queue: HeldQueue, site: string): Shut {
  const { revision } = core.rules;
  const { members } = queue;
  const known = shutOf.get(queue);
  const isFresh = known?.revision === revision && known.members === members && known.site === site;
  if (known !== undefined && isFresh) return known;
  const until = new Map<string, number>();
  for (const { name } of members) {
    const rule = core.rules.findReady(readyQueueName(name, site, SMTP_PROTOCOL));
    if (rule !== undefined) until.set(name, rule.until);
  }
  const shut = { revision, members, site, until };
  shutOf.set(queue, shut);
  return shut;
}
