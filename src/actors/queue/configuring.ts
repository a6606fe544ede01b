/**
 * The configuration of a scheduled queue: asked for when it is opened, and again before it is acted
 * on once it is older than the newest epoch or, with `Ttl`, than its interval. What is in force is
 * what the log says: a new answer is an event first. A refresh that fails keeps it and is retried.
 * Knows neither ready queues nor connections beyond taking its rows back from there.
 */
import type { QueueRow } from '../../domain/books.ts';
import type { PoolConfig } from '../../domain/options-egress.ts';
import { UNSPECIFIED } from '../../domain/options-egress.ts';
import type { QueueConfig } from '../../domain/options-queue.ts';
import type { Answer } from '../../domain/policy-asker.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import { REFRESH_RETRY_MS } from '../answers.ts';
import type { Core, HeldQueue } from '../core.ts';
import { PLACE_OFFERED, PLACE_READY } from '../held-rows.ts';
import { isIncomplete, learnMembers, sharesText } from '../pools.ts';
import { endTurns } from '../room-turns.ts';
import { reshapeQueue } from '../shaping.ts';

/** Opens a queue with the policy's answers. */
export function openQueue(core: Core, stream: string, at: number): QueueRow {
  const answer = core.answers.queueConfig(parseQueueName(stream));
  // Where the policy never said anything mail waits: no address may send it that nobody chose.
  const isNobodys = answer.isDefault === true;
  const name = answer.value.egress_pool ?? UNSPECIFIED;
  const pool = isNobodys ? undefined : core.answers.pool(name, at);
  const isGood = answer.isStandIn === undefined && isWholePool(core, pool, at);
  const body = { answer: answer.key, pool: pool?.key ?? '' };
  core.turns.emit({ type: 'queue.opened', stream, body });
  const row = core.books.findQueue(stream) as QueueRow;
  noteInUse(core, row);
  if (!isGood) core.tallies.refreshesFailed += 1;
  noteAsked(core, row, answer.value, isGood, at);
  return row;
}

/** A queue rests on these answers: the sweep under way must not take them for unused. */
export function noteInUse({ sweep }: Core, { answer, pool }: QueueRow): void {
  sweep.answers.add(answer);
  sweep.pools.add(pool);
}

/** To be called before a queue's configuration is acted on: asks again where that is due. */
export function keepCurrent(core: Core, row: QueueRow, at: number): void {
  if (!core.asked.isCurrent(row.slot, core.epoch, at)) refreshQueue(core, row, at);
}

/** Asks the policy again; what is in force stays when it fails. */
export function refreshQueue(core: Core, row: QueueRow, at: number): void {
  const held = core.queues.get(row.slot);
  const before = core.answers.recordedQueueConfig(row.answer);
  const answer = core.answers.queueConfig(held?.name ?? parseQueueName(row.name));
  core.tallies.refreshes += 1;
  const pool = core.answers.pool(answer.value.egress_pool ?? UNSPECIFIED, at);
  if (answer.isStandIn || pool === undefined || !isWholePool(core, pool, at)) {
    core.tallies.refreshesFailed += 1;
    noteAsked(core, row, before, false, at);
    return;
  }
  noteAsked(core, row, answer.value, true, at);
  if (row.answer === answer.key && row.pool === pool.key) {
    completeMembers(core, row, at);
    return;
  }
  const poolBefore = row.pool;
  const body = { answer: answer.key, pool: pool.key };
  core.turns.emit({ type: 'queue.configured', stream: row.name, body });
  noteInUse(core, row);
  // What grew too old later than it now does hangs on the wheel too late; the other way round the
  // wheel rings and finds nothing to do.
  if (answer.value.max_age < before.max_age) core.sweep.armsLeft = core.books.rows.slotsUsed;
  const isMoved = textOf(before.protocol) !== textOf(answer.value.protocol);
  if (held !== undefined) {
    held.config = answer.value;
    reshapeQueue(core, held);
    if (isMoved) forgetRoute(held);
  }
  const isRepooled = poolBefore !== pool.key && changeMembers(core, row, held, poolBefore);
  if (isMoved || isRepooled) takeBackRows(core, row, isMoved, at);
}

function noteAsked(
  core: Core,
  row: QueueRow,
  config: QueueConfig,
  isGood: boolean,
  at: number,
): void {
  let nextAt = at + REFRESH_RETRY_MS;
  if (isGood) {
    const isTimed = config.refresh_strategy === 'Ttl';
    nextAt = isTimed ? at + config.refresh_interval : Number.POSITIVE_INFINITY;
  }
  core.asked.note(row.slot, core.epoch, nextAt);
}

/** False where the pool is unknown, or failed, or names a source of which that is true. */
function isWholePool(core: Core, pool: Answer<PoolConfig> | undefined, at: number): boolean {
  if (pool === undefined || pool.isStandIn) return false;
  // A member of weight 0 is not used; that nobody knows it harms nobody.
  return pool.value.entries.every(({ name, weight }) => {
    const source = weight > 0 ? core.answers.source(name, at) : null;
    return source === null || (source !== undefined && !source.isStandIn);
  });
}

const textOf = (value: unknown): string => JSON.stringify(value);

/** Whoever is being asked for the route is asked in vain: the answer has an old number. */
export function forgetRoute(queue: HeldQueue): void {
  queue.site = undefined;
  queue.siteExpiresAt = 0;
  queue.isRouting = false;
  queue.route += 1;
}

/** Adopts the members of another pool, unless they are the same: then the round robin goes on. */
function changeMembers(
  core: Core,
  row: QueueRow,
  held: HeldQueue | undefined,
  poolBefore: string,
): boolean {
  const before = core.answers.recordedPool(poolBefore);
  const after = core.answers.recordedPool(row.pool);
  if (sharesText(before?.entries ?? []) === sharesText(after?.entries ?? [])) return false;
  if (held !== undefined) {
    held.robin = undefined;
    reshapeQueue(core, held);
    for (const ready of held.waitsFor) ready.waiting.delete(held);
    held.waitsFor.clear();
    endTurns(core, held);
    core.touchedQueues.add(held);
  }
  if (row.state === 'resting') {
    core.turns.emit({ type: 'queue.woke', stream: row.name, body: {} });
  }
  return true;
}

/** A source that nobody knew when the queue was last looked at may be known by now. */
function completeMembers(core: Core, row: QueueRow, at: number): void {
  const pool = core.pools.find(row.pool);
  if (pool !== undefined && isIncomplete(pool)) learnMembers(core, pool, at);
}

/** Rows made ready for a source or a place that the queue has left are placed anew. */
function takeBackRows(core: Core, row: QueueRow, isMoved: boolean, at: number): void {
  const { rows } = core.books;
  const entries = core.answers.recordedPool(row.pool)?.entries ?? [];
  const sources = new Set(entries.filter(({ weight }) => weight > 0).map(({ name }) => name));
  // Of a million rows few are placed: behind the last of them there is nothing to look for.
  let placed = core.placed.of(row.slot);
  for (let slot = row.head; slot >= 0 && placed > 0; slot = rows.next[slot] as number) {
    core.sweep.rowsLeft -= 1;
    const place = core.held.placeOf(slot);
    if (place === PLACE_READY || place === PLACE_OFFERED) placed -= 1;
    if (place !== PLACE_READY) continue;
    const ready = core.readyOf.get(slot);
    if (isMoved || ready === undefined || !sources.has(ready.source.name)) core.requeue(slot, at);
  }
}
