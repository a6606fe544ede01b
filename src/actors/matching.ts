/**
 * Bringing due rows and sources together: for each scheduled queue with due rows choose a source
 * (weighted round robin over those in rotation and with room) and place rows into the ready queue
 * of source and site. Works per queue, not per message, once a turn. Opens no connection and knows
 * no SMTP.
 */
import type { Site } from '../domain/mx-plan.ts';
import type { SiteAnswer } from '../domain/mx-site.ts';
import { resolveSite } from '../domain/mx-site.ts';
import { UNSPECIFIED } from '../domain/options-egress.ts';
import type { Ring } from '../domain/round-robin.ts';
import { leaveOutSuspended, obeyRules } from './admin/suspending.ts';
import { keepPromotions, mayChoose, mayPromote, mustWait, payPromotion } from './choosing.ts';
import type { Core, HeldQueue, ReadyQueue } from './core.ts';
import { PLACE_READY } from './held-rows.ts';
import { countFull } from './measures.ts';
import { deferRow } from './outcome.ts';
import type { Candidate, Readies } from './pools.ts';
import { beginRound, membersOf, readiesOf } from './pools.ts';
import { keepCurrent } from './queue/configuring.ts';
import type { Denial } from './quota-lines.ts';
import { openReadyQueue, refreshReadyQueue } from './ready-queue.ts';
import { endTurns, useTurn } from './room-turns.ts';
import { movePlace } from './rows-in-hand.ts';
import { releaseQueue } from './shaping.ts';
import { endCall, hasRoom, isHeldByRate } from './slow-rates.ts';
import { notePassed, passRates } from './throttling.ts';
import { forgetPolicyUses, notePolicyUse, readyNameFor } from './tls-posture.ts';

type Choice =
  | { readonly kind: 'ready'; readonly ready: ReadyQueue }
  | { readonly kind: 'full' }
  /** No room, but for rates that make the ready queues wait. */
  | { readonly kind: 'slow' }
  | { readonly kind: 'resting'; readonly until: number }
  /** Every source with room has a rate that said no, or not yet. */
  | { readonly kind: 'denied' | 'asking' }
  | { readonly kind: 'none' };

const ENDLESS = Number.POSITIVE_INFINITY;
const FULL: Choice = { kind: 'full' };
const SLOW: Choice = { kind: 'slow' };
const ASKING: Choice = { kind: 'asking' };
const DENIED: Choice = { kind: 'denied' };
const NOBODY: Choice = { kind: 'none' };

/** Places as many due rows of a queue as there is room for. */
export function placeDueRows(core: Core, queue: HeldQueue, at: number): void {
  placeRows(core, queue, at);
  // Who was called and is still asking keeps its turn.
  if (isAsking(queue)) return;
  if (queue.calledBy !== undefined) endCall(core, queue);
  if (queue.turns.size > 0) endTurns(core, queue);
}

const isAsking = ({ isRouting, shaping }: HeldQueue): boolean =>
  isRouting || shaping.isPassing || shaping.promoting.isAsking || shaping.picked !== undefined;

function placeRows(core: Core, queue: HeldQueue, at: number): void {
  if (queue.due.length === 0 || obeyRules(core, queue)) return releaseQueue(core, queue);
  if (queue.row.state !== 'ready') return releaseQueue(core, queue);
  keepCurrent(core, queue.row, at);
  if (queue.row.state !== 'ready' || mustWait(core, queue, at)) return;
  if (queue.site === undefined || at >= queue.siteExpiresAt) askRoute(core, queue);
  if (queue.site === undefined) return releaseQueue(core, queue);
  for (;;) {
    const slot = queue.due.shift(core.held.isGood);
    if (slot < 0) return releaseQueue(core, queue);
    const word = admitRow(core, queue, slot, at);
    if (word === 'gone') continue;
    if (word === 'asking') {
      queue.due.unshift(slot, core.held.ticketOf(slot));
      keepPromotions(queue, queue.shaping.isPassing);
      return;
    }
    const isAgain = isPassed(core, queue, slot);
    queue.passed = -1;
    const choice = chooseSource(core, queue, queue.site, at);
    // Who waits, or asks in its turn, keeps its place in the line.
    const isWaiting = choice.kind === 'denied' || choice.kind === 'asking';
    if (!isWaiting) core.lines.leave(queue.shaping.chooser);
    if (choice.kind === 'ready') {
      payPromotion(core, queue, choice.ready, slot);
      const ticket = movePlace(core, slot, PLACE_READY, choice.ready);
      choice.ready.rows.push(slot, ticket);
      useTurn(queue, choice.ready);
      notePolicyUse(choice.ready, queue.site);
      choice.ready.usedAt = at;
      core.touchedReady.add(choice.ready);
    } else if (choice.kind === 'none') {
      const pool = queue.config.egress_pool ?? UNSPECIFIED;
      const why = `no sources available for ${queue.row.name} pool=\`${pool}\``;
      const reply = { code: 451, enhanced: '4.4.4', text: `KumoMTA internal: ${why}` };
      deferRow(core, slot, reply, at, { isSourceless: true });
    } else {
      queue.due.unshift(slot, core.held.ticketOf(slot));
      // It comes first again, and its rates have counted it already.
      notePassed(core, queue, slot);
      if (!isAgain && choice.kind === 'slow') core.delays.messageRate.add(queue.row.name);
      keepPromotions(queue, choice.kind === 'asking');
      if (choice.kind === 'resting') restQueue(core, queue, choice.until);
      return;
    }
  }
}

/** Asks the rates that come before the choice of a source. */
function admitRow(
  core: Core,
  queue: HeldQueue,
  slot: number,
  at: number,
): 'passed' | 'gone' | 'asking' {
  if (!mayPromote(core, queue, at)) return 'asking';
  return isPassed(core, queue, slot) ? 'passed' : passRates(core, queue, slot, at);
}

const isPassed = (core: Core, { passed, passedTicket }: HeldQueue, slot: number): boolean =>
  slot === passed && core.held.isGood(slot, passedTicket);

function restQueue(core: Core, queue: HeldQueue, until: number): void {
  const cause = 'every source of the pool is suspended';
  core.turns.emit({ type: 'queue.rested', stream: queue.row.name, body: { until, cause } });
}

/** One pick of the selection procedure. */
function chooseSource(core: Core, queue: HeldQueue, site: Site, at: number): Choice {
  const pool = membersOf(core, queue.row.pool, at);
  const { ring } = pool;
  const readies = readiesOf(pool, site);
  queue.robin ??= beginRound(pool);
  ring.begin();
  // Under an enforced policy a ready queue may have a name of its own: each is looked at below.
  const shutUntil = isEnforced(site) ? ENDLESS : leaveOutSuspended(core, pool, site.site);
  let earliest = Math.min(pool.earliest, shutUntil);
  let isFull = false;
  let denial: Denial | undefined;
  let index = takePicked(queue, ring);
  for (;;) {
    if (index < 0) index = ring.pick(queue.robin);
    if (index < 0) break;
    const member = ring.members[index] as Candidate;
    const ready = findReadyQueue(core, queue, site, member, readies, at);
    const shut = ready && core.rules.findReady(ready.name);
    if (shut !== undefined) earliest = Math.min(earliest, shut.until);
    else if (ready !== undefined && hasRoom(core, ready, queue, at)) {
      const word = mayChoose(core, queue, ready, ring.members.length, at);
      if (word === 'had') return { kind: 'ready', ready };
      if (word === 'asking') {
        queue.shaping.picked = member;
        return ASKING;
      }
      if (denial === undefined || word.until < denial.until) denial = word;
    } else if (ready !== undefined) {
      if (!isFull && !isEnforced(site)) refuseFull(core, queue, ring, readies, at);
      isFull = true;
    }
    ring.refuse(index);
    index = -1;
  }
  const full = isFull ? waitForRoom(core, queue, ring.members, readies, at) : undefined;
  // Who waits for a rate is woken by the end of a suspension, too; who rests hears of no rate.
  if (denial !== undefined) {
    core.lines.stand(queue.shaping.chooser, denial);
    return DENIED;
  }
  if (full === FULL) core.delays.readyFull.add(queue.row.name);
  if (full !== undefined) return full;
  if (earliest !== ENDLESS) return { kind: 'resting', until: earliest };
  return NOBODY;
}

/** The member that was picked while its ready queue was being told, where it still may be. */
function takePicked({ shaping }: HeldQueue, ring: Ring<Candidate>): number {
  const { picked } = shaping;
  if (picked === undefined) return -1;
  shaping.picked = undefined;
  const index = ring.members.indexOf(picked as Candidate);
  return index >= 0 && ring.isRefused(index) ? -1 : index;
}

/** Where one member is full many may be: they are left out in one go, not pick by pick. */
function refuseFull(
  core: Core,
  queue: HeldQueue,
  ring: Ring<Candidate>,
  readies: Readies,
  at: number,
): void {
  for (let index = 0; index < ring.members.length; index += 1) {
    const ready = readies[(ring.members[index] as Candidate).at];
    // One that is out of date may have more room than it knows.
    if (ready === undefined || ready.isGone || ready.epoch !== core.epoch) continue;
    if (!hasRoom(core, ready, queue, at)) ring.refuse(index);
  }
}

/** No member had room: each that is full tells when it has again. Answers what fills them. */
function waitForRoom(
  core: Core,
  queue: HeldQueue,
  members: readonly Candidate[],
  readies: Readies,
  at: number,
): Choice {
  let why = SLOW;
  for (const member of members) {
    const ready = readies[member.at];
    if (ready === undefined || hasRoom(core, ready, queue, at)) continue;
    if (!isHeldByRate(ready)) {
      why = FULL;
      countFull(core, ready);
    }
    ready.waiting.add(queue);
    queue.waitsFor.add(ready);
    core.touchedReady.add(ready);
  }
  return why;
}

function findReadyQueue(
  core: Core,
  queue: HeldQueue,
  site: Site,
  member: Candidate,
  readies: Readies,
  at: number,
): ReadyQueue | undefined {
  let ready = readies[member.at];
  if (ready === undefined || ready.isGone || isEnforced(site)) {
    ready = lookUpReadyQueue(core, queue, site, member.name, at);
    readies[member.at] = ready;
    return ready;
  }
  refreshReadyQueue(core, ready, at);
  forgetPolicyUses(ready, at);
  return ready;
}

// Under an enforced policy the name depends on who else uses the ready queue just now.
const isEnforced = (site: Site): boolean => site.mtaSts === 'enforce';

function lookUpReadyQueue(
  core: Core,
  queue: HeldQueue,
  site: Site,
  member: string,
  at: number,
): ReadyQueue | undefined {
  const name = readyNameFor(core, member, site);
  const known = core.readyQueues.get(name);
  if (known !== undefined) {
    refreshReadyQueue(core, known, at);
    forgetPolicyUses(known, at);
    return known;
  }
  const source = core.answers.source(member, at);
  if (source === undefined) return undefined;
  const routingDomain = routingDomainOf(queue);
  const pool = queue.config.egress_pool ?? UNSPECIFIED;
  return openReadyQueue(core, { name, source, site, routingDomain, pool, at });
}

const routingDomainOf = (queue: HeldQueue): string =>
  queue.name.routing_domain ?? queue.name.domain;

function askRoute(core: Core, queue: HeldQueue): void {
  if (queue.isRouting) return;
  queue.isRouting = true;
  core.measures.routes.asked += 1;
  const asked = queue.route;
  const route = {
    routingDomain: routingDomainOf(queue),
    mxList: queue.config.protocol.smtp.mx_list,
  };
  const answered = (answer: SiteAnswer): void =>
    core.turns.push({ kind: 'routed', queue, route: asked, answer });
  resolveSite(core.ports.resolver, route, answered, core.sts);
}

/** A ready queue is put out: the queues that waited for it are all looked at, in their order. */
export function wakeWaiting(core: Core, ready: ReadyQueue): void {
  for (const queue of ready.waiting) {
    queue.waitsFor.delete(ready);
    core.lines.leave(queue.shaping.chooser);
    core.touchedQueues.add(queue);
  }
  ready.waiting.clear();
}
