/**
 * Operators' rules come and go: wishes become events, the end of each is an alarm, and at the start
 * of a run those found in the books are taken up again with the time they have left. What a rule
 * does to mail is in purging.ts and suspending.ts.
 */
import type { AdminRule } from '../../domain/admin-rules.ts';
import { criteriaOf } from '../../domain/admin-rules.ts';
import type { OrderedBody, PlacedBody, RebindBody } from '../../events/admin.ts';
import type { Event } from '../../events/catalogue.ts';
import type { Core } from '../core.ts';
import type { Way } from '../rounds.ts';
import { goRound } from '../rounds.ts';
import { abortConnection, noteAct } from './acting.ts';
import { startPurge } from './purging.ts';
import { startRebind } from './rebind-round.ts';
import { releaseQueues, spreadSuspension } from './suspending.ts';
import type { AdminCommand, Span } from './wishes.ts';

/** What a queue with due rows weighs against a look: the turn tries to place its mail. */
const TOUCH_LOOKS = 8;

type Wish<K extends AdminCommand['kind']> = Extract<AdminCommand, { readonly kind: K }>;

/** Decides a wish; answers why not, or undefined. */
export function decideAdmin(core: Core, wish: AdminCommand, at: number): string | undefined {
  switch (wish.kind) {
    case 'suspension.place':
      placeSuspension(core, wish, at);
      return undefined;
    case 'suspension.lift':
      return remove(core, wish, wish.isReady ? 'readySuspension' : 'suspension', at);
    case 'purge.order':
      orderPurge(core, wish, at);
      return undefined;
    case 'purge.cancel':
      return remove(core, wish, 'purge', at);
    case 'rebind.order':
      return orderRebind(core, wish, at);
    case 'connection.abort':
      return abortConnection(core, wish, at);
    case 'act.note':
      noteAct(core, wish);
      return undefined;
  }
}

/** A span that is over before it began makes a rule that does nothing. */
const endOf = (span: Span, at: number): number =>
  'ms' in span ? at + span.ms : Math.max(at, span.until);

function placeSuspension(core: Core, wish: Wish<'suspension.place'>, at: number): void {
  const { id, about, span, why: cause, by } = wish;
  const until = endOf(span, at);
  const who = 'ready' in about ? { ready: about.ready } : about.criteria;
  const body: PlacedBody = { ...who, until, cause, by };
  const kind = 'ready' in about ? 'readySuspension' : 'suspension';
  const rule = put(core, { type: 'suspension.placed', stream: id, body }, kind, at);
  if (rule === undefined) return;
  if (kind === 'suspension') spreadSuspension(core, rule, at);
  else touchReady(core, rule.ready);
}

function orderPurge(core: Core, wish: Wish<'purge.order'>, at: number): void {
  const { id, criteria, span, why: cause, isQuiet, by } = wish;
  const quiet = isQuiet ? { quiet: 1 as const } : {};
  const body: OrderedBody = { ...criteria, until: endOf(span, at), cause, ...quiet, by };
  const rule = put(core, { type: 'purge.ordered', stream: id, body }, 'purge', at);
  if (rule !== undefined) startPurge(core, id, at);
}

/** Puts a rule in place of one about the same queues; undefined where it is over already. */
function put(
  core: Core,
  event: Extract<Event, { readonly type: 'suspension.placed' | 'purge.ordered' }>,
  kind: AdminRule['kind'],
  at: number,
): AdminRule | undefined {
  const { rules } = core.books;
  const ready = event.type === 'suspension.placed' ? (event.body.ready ?? '') : '';
  const old = rules.findSame({ kind, ready, criteria: criteriaOf(event.body) });
  if (old !== undefined) emitGone(core, old, 'byHand');
  core.turns.emit(event);
  const rule = rules.find(event.stream) as AdminRule;
  if (rule.until > at) core.alarms.set(`rule ${rule.id}`, rule.until);
  else emitGone(core, rule, 'byTime');
  if (old !== undefined) follow(core, old, at);
  return rules.find(rule.id);
}

const GONE = {
  suspension: { byHand: 'suspension.lifted', byTime: 'suspension.ended' },
  readySuspension: { byHand: 'suspension.lifted', byTime: 'suspension.ended' },
  purge: { byHand: 'purge.cancelled', byTime: 'purge.ended' },
} as const;

function emitGone(core: Core, rule: AdminRule, how: 'byHand' | 'byTime', by?: string): void {
  core.alarms.clear(`rule ${rule.id}`);
  const body = by === undefined ? {} : { by };
  core.turns.emit({ type: GONE[rule.kind][how], stream: rule.id, body });
}

/** What rested on a rule that is gone before its time goes on. */
function follow(core: Core, gone: AdminRule, at: number): void {
  if (gone.kind === 'suspension') releaseQueues(core, at);
  if (gone.kind === 'readySuspension') freeReady(core, at);
}

function remove(
  core: Core,
  { id, by }: { readonly id: string; readonly by?: string | undefined },
  kind: AdminRule['kind'],
  at: number,
): string | undefined {
  const rule = core.books.rules.find(id);
  const what = kind === 'purge' ? 'bounce' : 'suspension';
  if (rule?.kind !== kind) return `there is no ${what} with the id ${id}`;
  emitGone(core, rule, 'byHand', by);
  follow(core, rule, at);
  return undefined;
}

/** Its rows go back in this turn, should it exist. */
function touchReady(core: Core, name: string): void {
  const ready = core.readyQueues.get(name);
  if (ready !== undefined) core.touchedReady.add(ready);
}

/** Queues that rest, or wait for room elsewhere, may choose the ready queue again. */
function freeReady(core: Core, at: number): void {
  core.turns.push({ kind: 'sourceFreed', source: undefined });
  goRound(core, touchDue(core), at);
}

function* touchDue(core: Core): Way {
  for (const queue of core.queues.values()) {
    const isDue = queue.due.length > 0;
    if (isDue) core.touchedQueues.add(queue);
    yield isDue ? TOUCH_LOOKS : 1;
  }
}

/** The time of a rule is over. Queues that it suspended have an alarm of their own. */
export function endRule(core: Core, id: string): void {
  const rule = core.books.rules.find(id);
  if (rule === undefined) return;
  emitGone(core, rule, 'byTime');
  if (rule.kind === 'readySuspension') freeReady(core, core.turns.at);
}

/** At the start of a run: rules have the time they have left, rounds begin anew. */
export function takeUpRules(core: Core, at: number): void {
  const { rules } = core.books;
  for (const rule of [...rules.all()]) {
    if (rule.until <= at) emitGone(core, rule, 'byTime');
    else core.alarms.set(`rule ${rule.id}`, rule.until);
  }
  releaseQueues(core, at);
  for (const rule of [...rules.all()]) if (rule.kind === 'purge') startPurge(core, rule.id, at);
  for (const order of [...rules.rebinds.values()]) startRebind(core, order, at);
}

function orderRebind(core: Core, wish: Wish<'rebind.order'>, at: number): string | undefined {
  const { id, criteria, move, data, isFlush, isQuiet, why: cause, by } = wish;
  if (move === undefined && !core.answers.hears('rebind_message')) {
    return 'no part of the policy has the handler rebind_message';
  }
  const body: RebindBody = {
    ...criteria,
    cause,
    ...(move === undefined ? { data } : { move }),
    ...(isFlush ? { flush: 1 as const } : {}),
    ...(isQuiet ? { quiet: 1 as const } : {}),
    upto: core.nextNumber,
    by,
  };
  core.turns.emit({ type: 'rebind.ordered', stream: id, body });
  const order = core.books.rules.rebinds.get(id);
  if (order !== undefined) startRebind(core, order, at);
  return undefined;
}

/** Tells the rules that hold, oldest first, as of a turn; all of them durable. */
export function listRules(
  core: Core,
  answered: (rules: readonly AdminRule[], at: number) => void,
): void {
  const run = (at: number): void => {
    const rules = [...core.books.rules.all()];
    core.turns.promise(() => answered(rules, at));
  };
  core.turns.push({ kind: 'run', run });
}
