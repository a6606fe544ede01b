/**
 * The switchboard of a turn: which input and which alarm goes to which part. Names of alarms are
 * made and read here. Holds no rules of its own beyond that.
 */
import { invariant } from '../domain/invariant.ts';
import { shutdownGraceMs, watchdogMs } from '../domain/options-path.ts';
import { endRule } from './admin/ruling.ts';
import { decideCommand } from './commands.ts';
import { bodyMoved } from './compacting.ts';
import type { Core } from './core.ts';
import { bodyFailed, drawCold, headerRead, rowDrawn } from './drawing.ts';
import { advanceGeneration } from './generating.ts';
import { keepHouse } from './housekeeping.ts';
import type { Input } from './input.ts';
import { isLapsing } from './leasing.ts';
import { placeDueRows } from './matching.ts';
import { countAborted } from './measures.ts';
import { oweReports } from './ndrs.ts';
import { ALARM_TICK, sessionPlanned } from './opening.ts';
import { bounceRow, deferRow } from './outcome.ts';
import { acceptSubmission } from './queue/accept.ts';
import { rowIsDue, rowRang } from './queue/due.ts';
import { expireRow } from './queue/expire.ts';
import { ALARM_QUOTA } from './quota-lines.ts';
import { recordReserves, returnRest } from './rationing.ts';
import { linkWantsDial, linkWantsResend } from './sending.ts';
import { serveReadyQueue, withdrawRows } from './serving.ts';
import {
  cutSession,
  linkEnded,
  linkIdle,
  linkOpened,
  linkParting,
  linkSettled,
} from './settling.ts';
import { ALARM_SPOOL, bodyStored, storeOverdue, storeWanted } from './spooling.ts';
import { beginStop, cutAll, endWhenQuiet } from './stopping.ts';
import { ANY_SOURCE, decideTrip, sourceRang, wakeFreed } from './suspending.ts';

/** The alarm that looks after snapshots and idle things. */
export const ALARM_HOUSE = 'house';

/** A turn had to be broken off. */
const ALARM_UNREST = 'unrest';
/** The time given for stopping is over. */
export const ALARM_CUT = 'cut';
/** Submissions that were held back are overdue. */
export const ALARM_PACE = 'pace';

/** Looks at queues and ready queues that one turn has in any case, and for each there is. */
const LOOKS_FREE = 10_000;
const LOOKS_EACH = 64;
/** A turn that did not come to rest is gone on with after this at the latest, ms. */
const UNREST_MS = 1_000;

type Routed = Extract<Input, { readonly kind: 'routed' }>;

/** Decides one input. */
export function decide(core: Core, input: Input, at: number): void {
  switch (input.kind) {
    case 'submitted':
      return acceptSubmission(core, input.submission, input.answered, at);
    case 'generated':
      return advanceGeneration(core, input.slice, input.answered, at);
    case 'opened':
      return linkOpened(core, input.link, input.peer, at);
    case 'idle':
      return linkIdle(core, input.link);
    case 'parting':
      return linkParting(core, input.link);
    case 'wantsDial':
      return linkWantsDial(core, input.link);
    case 'wantsResend':
      return linkWantsResend(core, input.link);
    case 'settled':
      return linkSettled(core, input.link, input.settlement, at);
    case 'ended':
      return linkEnded(core, input.link, input.ending, at);
    case 'routed':
      return queueRouted(core, input, at);
    case 'planned':
      return sessionPlanned(core, input, at);
    case 'bodyRead':
      return bodyFailed(core, input.offer, input.outcome, at);
    case 'drawn':
      return input.slots.forEach((slot, index) => {
        rowDrawn(core, slot, input.numbers[index] as number, input.records[index], at);
      });
    case 'commanded':
      return decideCommand(core, input.command, input.answered, at);
    case 'moved':
      return bodyMoved(core, input);
    case 'stored':
      return bodyStored(core, input, at);
    case 'headerRead':
      return headerRead(core, input.slot, input.number, input.outcome, at);
    case 'sourceTripped':
      return decideTrip(core, input.source, at);
    case 'sourceFreed':
      core.health.freed.add(input.source ?? ANY_SOURCE);
      return;
    case 'run':
      return input.run(at);
    case 'stop':
      return beginStop(core, at);
  }
}

/** Rings everything due at `at`: named alarms first, then rows. */
export function ring(core: Core, at: number): void {
  core.settledNow = 0;
  core.adminLeft = core.limits.turnRecordsMax;
  core.alarms.ring(at, (name) => alarmRang(core, name, at));
  core.wheel.advance(at, (slot) => rowRang(core, slot, at, (old) => expire(core, old, at)));
}

/** Brings together, until nothing is touched any more; then reads back what was missing. */
export function match(core: Core, at: number): void {
  wakeFreed(core);
  bringTogether(core, at);
  recordReserves(core);
  drawCold(core);
  oweReports(core);
  storeWanted(core);
  endWhenQuiet(core, at);
}

/**
 * Each is looked at a few times at most. Should two parts ever undo each other's work, the turn
 * ends all the same, the next goes on, and the log says so: a daemon that hangs tells nothing.
 */
function bringTogether(core: Core, at: number): void {
  let looksLeft = LOOKS_FREE + LOOKS_EACH * (core.queues.size + core.readyQueues.size);
  const mayLook = (): boolean => {
    looksLeft -= 1;
    return looksLeft >= 0;
  };
  for (;;) {
    if (core.touchedQueues.size === 0 && core.touchedReady.size === 0) returnRest(core);
    if (core.touchedQueues.size === 0 && core.touchedReady.size === 0) return;
    for (const queue of core.touchedQueues) {
      if (!mayLook()) return goOnLater(core, at);
      core.touchedQueues.delete(queue);
      placeDueRows(core, queue, at);
    }
    for (const ready of core.touchedReady) {
      if (!mayLook()) return goOnLater(core, at);
      core.touchedReady.delete(ready);
      serveReadyQueue(core, ready, at);
    }
  }
}

function goOnLater(core: Core, at: number): void {
  const [queue] = core.touchedQueues;
  const [ready] = core.touchedReady;
  const names = [queue?.row.name, ready?.name].filter((name) => name !== undefined).join(', ');
  core.log('error', `a turn did not come to rest, the next goes on: ${names}`);
  core.alarms.set(ALARM_UNREST, at + UNREST_MS);
}

/** When something is due next. */
export const nextDueAt = (core: Core): number =>
  Math.min(core.alarms.nextDueAt(), core.wheel.nextDueAt());

function expire(core: Core, slot: number, at: number): void {
  expireRow(core, slot, at, (row, why) => {
    const offer = core.offerOf.get(row);
    invariant(offer !== undefined, `row ${row} is offered to nobody`);
    cutSession(core, offer.session, why, at);
  });
}

function alarmRang(core: Core, name: string, at: number): void {
  if (name === ALARM_TICK) return tickSessions(core, at);
  if (name === ALARM_HOUSE) return keepHouse(core, at);
  if (name === ALARM_CUT) return cutAll(core, at);
  if (name === ALARM_SPOOL) return storeOverdue(core, at);
  // Waking up is all that these are for.
  if (name === ALARM_PACE || name === ALARM_UNREST) return;
  const space = name.indexOf(' ');
  const what = name.slice(space + 1);
  switch (name.slice(0, space)) {
    case 'queue': {
      const row = core.books.findQueue(what);
      if (row === undefined || row.until === 0) return;
      // What put the end off may not be durable yet, and so has not moved the alarm.
      if (row.until > at) core.alarms.set(name, row.until);
      else if (row.state === 'resting') {
        core.turns.emit({ type: 'queue.woke', stream: what, body: {} });
      } else if (row.state === 'suspended') {
        core.turns.emit({ type: 'queue.resumed', stream: what, body: {} });
      }
      return;
    }
    case 'source':
      return sourceRang(core, what, at);
    case 'rule':
      return endRule(core, what);
    case ALARM_QUOTA:
      return core.lines.wakeFirst(what);
    case 'serve': {
      const ready = core.readyQueues.get(what);
      if (ready !== undefined) core.touchedReady.add(ready);
      return;
    }
    default:
      invariant(false, `no alarm is called ${name}`);
  }
}

/** Deadlines of all connections, and the progress watchdog behind them. */
function tickSessions(core: Core, at: number): void {
  const steadyMs = core.ports.clock.steadyMs();
  for (const session of core.sessions.values()) {
    session.connection.tick(steadyMs);
    if (core.isStopping && at - core.stoppedAt >= shutdownGraceMs(session.ready.path)) {
      cutSession(core, session, 'the service stops and system_shutdown_timeout is over', at);
      continue;
    }
    if (session.held !== undefined && isLapsing(core, session, at)) {
      cutSession(core, session, 'its place under a limit lapsed', at);
      continue;
    }
    if (session.offer === undefined || at - session.givenAt < watchdogMs(session.ready.path))
      continue;
    core.log('error', `connection ${session.id} to ${session.ready.name} made no progress; cut`);
    countAborted(core, session.ready);
    cutSession(core, session, 'the connection made no progress', at);
  }
  if (core.sessions.size > 0) core.alarms.set(ALARM_TICK, at + core.limits.tickMs);
}

function queueRouted(core: Core, routed: Routed, at: number): void {
  const { queue, answer } = routed;
  core.measures.routes[answer.kind === 'failed' ? 'failed' : 'found'] += 1;
  // The queue was told to go elsewhere while this was being asked.
  if (routed.route !== queue.route) return;
  queue.isRouting = false;
  const row = queue.row;
  if (core.books.queues[row.slot] !== row) return;
  if (answer.kind === 'site') {
    const hosts = answer.hosts.map(({ name }) => name);
    const mode = answer.mtaSts ?? '';
    if (row.site !== answer.site || mode !== (core.routedModes.get(row) ?? '')) {
      if (mode === 'enforce' && row.site !== '') recallRows(core, row.site, at);
      const body = { site: answer.site, hosts, mta_sts: mode };
      core.turns.emit({ type: 'queue.routed', stream: row.name, body });
    }
    core.routedModes.set(row, mode);
    queue.site = answer;
    queue.siteExpiresAt = answer.expiresAt;
    core.touchedQueues.add(queue);
    return;
  }
  queue.site = undefined;
  core.touchedQueues.add(queue);
  if (answer.kind === 'failed' && answer.fault.code === 'FAULT_STS_NO_HOST') {
    core.tallies.stsImpossible += 1;
  }
  for (;;) {
    const slot = queue.due.shift(core.held.isGood);
    if (slot < 0) return;
    if (answer.kind === 'nullMx') bounceRow(core, slot, answer.reply);
    else {
      const text = `failed to resolve queue ${row.name}: ${answer.why}`;
      deferRow(core, slot, { code: 451, enhanced: '4.4.4', text }, at);
    }
  }
}

/** What waits where mail went before, if it did, is placed anew: its policy has become known. */
function recallRows(core: Core, site: string, at: number): void {
  for (const ready of core.readyQueues.values()) {
    if (ready.site.site === site) withdrawRows(core, ready, (slot) => rowIsDue(core, slot, at));
  }
}

/** Puts a row back among the due ones of its queue. */
export const requeue = (core: Core, slot: number, at: number): void => rowIsDue(core, slot, at);
