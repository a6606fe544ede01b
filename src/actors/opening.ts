/**
 * Connections come to be: planned up to the target of their ready queue, with a place under every
 * limit that others share, then opened along the plan; or the whole ready queue is settled where
 * there is none. Hands over no message.
 */
import { buildPlan } from '../domain/mx-plan.ts';
import { targetSessions } from '../domain/sessions.ts';
import { drawUuid } from '../domain/uuid.ts';
import { openConnection } from './connection/connection.ts';
import type { Core, ReadyQueue, Session } from './core.ts';
import type { Input } from './input.ts';
import { newMeter } from './inspecting/marks.ts';
import type { HeldLease } from './leasing.ts';
import { askLease, releaseLease } from './leasing.ts';
import { countOpened } from './measures.ts';
import { bounceRow, deferRow } from './outcome.ts';
import { takeRest } from './plan-rest.ts';
import { refreshReadyQueue } from './ready-queue.ts';
import { dialRoom } from './sending.ts';
import { tlsPartsOf } from './tls-posture.ts';

/** The alarm that looks at connection deadlines; it rings while there are connections. */
export const ALARM_TICK = 'tick';

/** Opens connections up to the target, as far as rates and limits allow. */
export function openSessions(core: Core, ready: ReadyQueue, at: number): void {
  const wanted = missingSessions(ready);
  const isOut = core.health.isOut(ready.source.name);
  if (wanted <= 0 || ready.size === 0 || isOut) return core.lines.leave(ready.shaping.leaser);
  let room = Math.min(wanted, core.limits.connectionsMax - core.sessions.size - core.planning);
  // Whoever finds the engine's connections used up is looked at again when one ends.
  if (room < wanted) core.starved.add(ready);
  if (at < ready.notBefore) core.alarms.set(`serve ${ready.name}`, ready.notBefore);
  room = at < ready.notBefore ? 0 : dialRoom(ready, room);
  if (room <= 0) return core.lines.leave(ready.shaping.leaser);
  for (; room > 0; room -= 1) {
    if (ready.shaping.limits.length === 0) planSession(core, ready, undefined);
    else if (!askLease(core, ready, (held) => planLeased(core, ready, held), at)) return;
  }
}

/** A lease that was answered late may find the engine's connections used up meanwhile. */
function planLeased(core: Core, ready: ReadyQueue, held: HeldLease): void {
  if (core.sessions.size + core.planning < core.limits.connectionsMax) {
    return planSession(core, ready, held);
  }
  releaseLease(core, held);
  core.starved.add(ready);
}

/** How many more connections the work of a ready queue is worth. */
function missingSessions({ path, sessions, planning, parting, size, offered }: ReadyQueue): number {
  const { limit } = path.connection_limit;
  const present = sessions.size + planning;
  // Messages in the hands of connections count too: the target is for the work, not for the rest.
  // One that has yet to greet is no work: it is there for a message that is counted already.
  const target = targetSessions(limit, size + offered);
  return Math.min(target - (present - parting), limit - present);
}

function planSession(core: Core, ready: ReadyQueue, held: HeldLease | undefined): void {
  ready.planning += 1;
  core.planning += 1;
  const { revision } = ready;
  buildPlan(
    core.ports.resolver,
    ready.site,
    ready.path,
    ready.source,
    () => core.ports.random.uniform(),
    (answer) => core.turns.push({ kind: 'planned', ready, revision, held, answer }),
    (address, port) => core.ownPlaces.has(`${address}:${port}`),
  );
}

/** A plan is there: a connection is opened along it, or the whole ready queue is settled. */
export function sessionPlanned(
  core: Core,
  { ready, revision, held, answer }: Extract<Input, { readonly kind: 'planned' }>,
  at: number,
): void {
  ready.planning -= 1;
  core.planning -= 1;
  core.touchedReady.add(ready);
  refreshReadyQueue(core, ready, at);
  const isCurrent = revision === ready.revision;
  const isWanted = isCurrent && answer.kind === 'plan' && isOpen(core, ready) && ready.size > 0;
  if (!isWanted) releaseLease(core, held);
  // Made for a source or a path that has changed meanwhile: it is planned anew.
  if (!isCurrent) return feedStarved(core);
  for (const { name, fault } of answer.skipped) {
    core.log('warn', `${ready.name}: host ${name} is left out: ${fault.cause}`);
  }
  if (answer.kind !== 'plan') {
    for (;;) {
      const slot = ready.rows.shift(core.held.isGood);
      if (slot < 0) return feedStarved(core);
      if (answer.kind === 'bounced') bounceRow(core, slot, answer.reply);
      else deferRow(core, slot, answer.reply, at);
    }
  }
  if (!isWanted) return feedStarved(core);
  const link = core.nextLink;
  const rest = takeRest(ready, answer.candidates, at);
  const uuid = drawUuid(() => core.ports.random.uniform());
  core.nextLink += 1;
  const connection = openConnection(core.ports.network, core.connectionHost, {
    id: link,
    plan: answer.candidates,
    ...(rest === undefined ? {} : { rest }),
    ...partsOf(core, ready, uuid, at),
  });
  const session: Session = {
    id: link,
    uuid,
    ready,
    connection,
    peer: undefined,
    offer: undefined,
    givenAt: 0,
    isStopping: false,
    isParting: false,
    tlsFailures: 0,
    held,
    meter: newMeter(at),
  };
  core.sessions.set(link, session);
  ready.sessions.add(session);
  countOpened(core, ready);
  if (core.alarms.dueAt(ALARM_TICK) === undefined) {
    core.alarms.set(ALARM_TICK, at + core.limits.tickMs);
  }
}

/** Suspensions and limits may have come, or been lowered, since a connection was planned. */
const isOpen = (core: Core, { source, sessions, path }: ReadyQueue): boolean =>
  !core.isStopping &&
  !core.health.isOut(source.name) &&
  sessions.size < path.connection_limit.limit;

/** A place among the engine's connections is free: those who found none are looked at. */
export function feedStarved(core: Core): void {
  for (const ready of core.starved) core.touchedReady.add(ready);
  core.starved.clear();
}

/** What every connection of a ready queue is given just now. */
function partsOf(core: Core, ready: ReadyQueue, uuid: string, at: number) {
  return {
    path: ready.path,
    source: ready.source,
    ehloName: ready.path.ehlo_domain ?? ready.source.ehlo_domain ?? core.ehloName,
    ...tlsPartsOf(core, ready, at),
    asksToDial: () => ready.shaping.dialing.rates.length > 0,
    asksToResend: () => ready.shaping.sending.rates.length > 0,
    ...loginOf(core, ready),
    ...traceOf(core, ready, uuid),
  };
}

function traceOf(core: Core, { source, name }: ReadyQueue, uuid: string) {
  const sink = core.ports.clientTrace;
  if (sink === undefined) return {};
  const about = { id: uuid, egress_source: source.name, ready_queue_name: name };
  return { trace: { sink, about } };
}

function loginOf(core: Core, ready: ReadyQueue) {
  const { smtp_auth_plain_password: auth } = ready.path;
  const { socks5_proxy_password: proxy } = ready.source;
  const authPassword = auth === undefined ? undefined : core.readSecret(auth);
  const proxyPassword = proxy === undefined ? undefined : core.readSecret(proxy);
  return {
    ...(authPassword === undefined ? {} : { authPassword }),
    ...(proxyPassword === undefined ? {} : { proxyPassword }),
  };
}
