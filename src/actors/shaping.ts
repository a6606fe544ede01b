/**
 * What is held of a path's rates and limits, and of a queue's rate: made with a ready queue or a
 * held queue, made anew where the configuration changes them. Names under which rates and limits
 * are counted are given here. Asks for nothing itself.
 */
import type { PathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { NamedRate } from '../domain/throttle.ts';
import type { ThrottleSpec } from '../domain/throttle-spec.ts';
import type { NamedLimit } from '../ports/quotas.ts';
import type { Core, HeldQueue, ReadyQueue, Session } from './core.ts';
import type { Member } from './pools.ts';
import type { Binding, Waiter } from './quota-lines.ts';
import { makeWaiter } from './quota-lines.ts';
import type { Ration } from './rationing.ts';
import { makeRation, renewRation } from './rationing.ts';

/** Rates and limits of a ready queue. */
export interface PathShaping {
  /** Messages: one token for each transaction. */
  sending: Ration;
  readonly sender: Waiter;
  /** Its rate is slow: it has room for one row at a time; see slow-rates.ts. */
  isSlow: boolean;
  /** Tokens spent since the last no. */
  spentInRow: number;
  /** The queue that was called for the row of the next token, until it has come. */
  called: HeldQueue | undefined;
  /** Connections that need another token for the message they have, at the next host. */
  readonly resending: Session[];
  /** New links: one token for each dial. */
  dialing: Ration;
  readonly dialer: Waiter;
  /** Connections that wait to dial. */
  readonly dialers: Session[];
  /** Choices of the source for this ready queue. */
  choosing: Ration;
  /** Queues that were told no by those; they look again when the rates change. */
  readonly refused: Set<HeldQueue>;
  /** Limits that need a lease, the lowest first. */
  limits: readonly NamedLimit[];
  limitKeys: readonly string[];
  readonly leaser: Waiter;
  isLeasing: boolean;
}

/** The rate of a queue, and its wait for a source. */
export interface QueueShaping {
  promoting: Ration;
  readonly promoter: Waiter;
  /** Waits where no source may be chosen just now. */
  readonly chooser: Waiter;
  /** The member that was picked while its ready queue was being told. */
  picked: Member | undefined;
  /** Ready queues whose source may not be chosen just now; the other side of their `refused`. */
  readonly refusedBy: Set<ReadyQueue>;
  /** The head of the due rows is being counted for rates that the policy names for it. */
  isPassing: boolean;
}

const named = (name: string, spec: ThrottleSpec | undefined): NamedRate[] =>
  spec === undefined ? [] : [{ name, spec }];

const namedAll = (specs: Readonly<Record<string, ThrottleSpec>>): NamedRate[] =>
  Object.entries(specs).map(([name, spec]) => ({ name, spec }));

/** The rates of messages on a path. */
export const sendingRates = (name: string, path: PathConfig): NamedRate[] => [
  ...named(`kumomta.max_message_rate.${name}`, path.max_message_rate),
  ...namedAll(path.additional_message_rate_throttles),
];

/** The rates of new connections. */
export const dialingRates = (name: string, path: PathConfig): NamedRate[] =>
  named(`${name}-connection-rate`, path.max_connection_rate);

/** The rates of choosing a source. */
export const choosingRates = (name: string, source: string, path: PathConfig): NamedRate[] => [
  ...named(`kumomta.source_selection_rate.${name}.${source}`, path.source_selection_rate),
  ...namedAll(path.additional_source_selection_rates),
];

/** The rates of a scheduled queue. */
export const promotingRates = (name: string, config: QueueConfig): NamedRate[] =>
  named(`schedq-${name}-message-rate`, config.max_message_rate);

/** The limits a connection needs a lease on; who alone uses a name counts its own connections. */
export function leasedLimits(
  core: { readonly ports: { readonly quotas: Pick<Core['ports']['quotas'], 'isShared'> } },
  name: string,
  path: PathConfig,
): NamedLimit[] {
  const own = { name: `kumomta.connection_limit.${name}`, spec: path.connection_limit };
  const more = Object.entries(path.additional_connection_limits).map(([other, spec]) => ({
    name: other,
    spec,
  }));
  const all = core.ports.quotas.isShared(own) ? [own, ...more] : more;
  return all.sort((a, b) => a.spec.limit - b.spec.limit);
}

const keyOfLimit = ({ name }: NamedLimit): string => `limit ${name}`;

/** What a new ready queue holds; `wake` has it served in this turn. */
export function makePathShaping(
  core: Core,
  about: { readonly name: string; readonly source: string; readonly path: PathConfig },
  wake: () => void,
): PathShaping {
  const { name, source, path } = about;
  const limits = leasedLimits(core, name, path);
  return {
    sending: makeRation(sendingRates(name, path)),
    sender: makeWaiter(wake),
    isSlow: false,
    spentInRow: 0,
    called: undefined,
    resending: [],
    dialing: makeRation(dialingRates(name, path)),
    dialer: makeWaiter(wake),
    dialers: [],
    choosing: makeRation(choosingRates(name, source, path)),
    refused: new Set(),
    limits,
    limitKeys: limits.map(keyOfLimit),
    leaser: makeWaiter(wake),
    isLeasing: false,
  };
}

/** The path has changed: what it says of rates and limits is in force from here on. */
export function reshapePath(core: Core, ready: ReadyQueue): { readonly isRelimited: boolean } {
  const { name, path, shaping } = ready;
  const { lines } = core;
  shaping.sending = renewRation(core, shaping.sending, sendingRates(name, path));
  shaping.dialing = renewRation(core, shaping.dialing, dialingRates(name, path));
  renewChoosing(core, ready);
  for (const waiter of [shaping.sender, shaping.dialer, shaping.leaser]) lines.leave(waiter);
  // Should it still be slow, the next no says so.
  shaping.isSlow = false;
  shaping.spentInRow = 0;
  const before = shaping.limits;
  shaping.limits = leasedLimits(core, name, path);
  shaping.limitKeys = shaping.limits.map(keyOfLimit);
  // A raised limit has room for those who wait for it elsewhere, too.
  for (const key of shaping.limitKeys) lines.wakeFirst(key);
  return { isRelimited: isTighter(before, shaping.limits) };
}

/** Other rates of the choice: who was told no by the old ones asks anew, and does not wait. */
function renewChoosing(core: Core, ready: ReadyQueue): void {
  const { name, path, source, shaping } = ready;
  const before = shaping.choosing;
  shaping.choosing = renewRation(core, before, choosingRates(name, source.name, path));
  if (shaping.choosing === before) return;
  for (const queue of shaping.refused) {
    queue.shaping.refusedBy.delete(ready);
    core.lines.leave(queue.shaping.chooser);
    queue.shaping.chooser.wake();
  }
  shaping.refused.clear();
}

/** True where leases on the old limits say nothing of the new: another count, or fewer places. */
function isTighter(before: readonly NamedLimit[], after: readonly NamedLimit[]): boolean {
  const specs = new Map(before.map(({ name, spec }) => [name, spec]));
  const isKept = ({ name, spec }: NamedLimit): boolean => {
    const old = specs.get(name);
    return old !== undefined && old.local === spec.local && old.limit <= spec.limit;
  };
  return before.length !== after.length || !after.every(isKept);
}

/** What a queue holds when it is first needed; `wake` has its due rows placed in this turn. */
export function makeQueueShaping(
  name: string,
  config: QueueConfig,
  wake: () => void,
): QueueShaping {
  return {
    promoting: makeRation(promotingRates(name, config)),
    promoter: makeWaiter(wake),
    chooser: makeWaiter(wake),
    picked: undefined,
    refusedBy: new Set(),
    isPassing: false,
  };
}

/** The queue's configuration or pool has changed: nothing that it waited for counts any more. */
export function reshapeQueue(core: Core, queue: HeldQueue): void {
  const { shaping } = queue;
  const rates = promotingRates(queue.row.name, queue.config);
  shaping.promoting = renewRation(core, shaping.promoting, rates);
  shaping.picked = undefined;
  releaseQueue(core, queue);
  core.touchedQueues.add(queue);
}

/** Takes a queue out of the lines it stands in; nothing is kept for it any more. */
export function releaseQueue(core: Core, queue: HeldQueue): void {
  const { promoter, chooser, promoting, refusedBy } = queue.shaping;
  core.lines.leave(promoter);
  core.lines.leave(chooser);
  core.lines.forget(promoting);
  promoting.isKept = false;
  for (const ready of refusedBy) ready.shaping.refused.delete(queue);
  refusedBy.clear();
}

/** A ready queue is let go: nobody waits for it, and nothing that it was told is remembered. */
export function retireReady(core: Core, ready: ReadyQueue): void {
  const { sending, dialing, choosing } = ready.shaping;
  releaseReady(core, ready);
  for (const ration of [sending, dialing, choosing]) core.lines.forget(ration);
}

/** Takes a ready queue out of the lines it stands in. */
export function releaseReady(core: Core, { shaping }: ReadyQueue): void {
  for (const waiter of [shaping.sender, shaping.dialer, shaping.leaser]) core.lines.leave(waiter);
}

/** What a queue waits for, if it is a rate. */
export const bindingOfQueue = ({ shaping }: HeldQueue): Binding | undefined =>
  shaping.promoter.binding ?? shaping.chooser.binding;

/** What a ready queue waits for, if it is a rate or a limit. */
export const bindingOfReady = ({ shaping }: ReadyQueue): Binding | undefined =>
  shaping.sender.binding ?? shaping.dialer.binding ?? shaping.leaser.binding;
