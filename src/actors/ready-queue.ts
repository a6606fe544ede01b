/**
 * Ready queues: opened when a source first meets a site, asked for again before they are used once
 * their answers are out of date, let go when idle. A changed source or path takes effect in a live
 * one: connections made from the old answers end after what they have in hand. Chooses nothing.
 */

import type { Site } from '../domain/mx-plan.ts';
import type { SourceConfig } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import type { Answer } from '../domain/policy-asker.ts';
import { REFRESH_RETRY_MS } from './answers.ts';
import type { Core, ReadyQueue, Session } from './core.ts';
import { newMarks } from './inspecting/marks.ts';
import { providerOf } from './measures.ts';
import type { Way } from './rounds.ts';
import { looksAtOnce } from './rounds.ts';
import { makePathShaping, reshapePath, retireReady } from './shaping.ts';
import { SlotRing } from './slot-ring.ts';

/** A ready queue nothing came into for this long is let go; it comes back when needed. */
export const READY_IDLE_MS = 600_000;

/** What does not go into a connection: a change of it ends none. */
const NOT_OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection_limit',
  'additional_connection_limits',
  'max_connection_rate',
  'max_message_rate',
  'additional_message_rate_throttles',
  'source_selection_rate',
  'additional_source_selection_rates',
  'max_ready',
  'consecutive_connection_failures_before_delay',
  'system_shutdown_timeout',
  'dispatcher_progress_watchdog_timeout',
  'remember_broken_tls',
  'refresh_interval',
  'refresh_strategy',
  'provider_name',
]);

const linkText = (path: PathConfig): string =>
  JSON.stringify(path, (key, value: unknown) => (NOT_OF_CONNECTIONS.has(key) ? undefined : value));

const hostNames = (site: Site): readonly string[] =>
  Object.freeze(site.hosts.map(({ name }) => name));

/**
 * Opens the ready queue of a source and a site. Not when the handler failed and has never answered:
 * the default path may forbid, unprotect or misdirect what the operator wanted otherwise.
 */
export function openReadyQueue(
  core: Core,
  from: {
    name: string;
    source: Answer<SourceConfig>;
    site: Site;
    routingDomain: string;
    /** That of the queue it is opened for. */
    pool: string;
    at: number;
  },
): ReadyQueue | undefined {
  const { name, source, site, routingDomain, pool, at } = from;
  const asked = {
    domain: routingDomain,
    source: source.value.name,
    site: site.site,
    hosts: hostNames(site),
  };
  const path = core.answers.pathConfig(routingDomain, asked.source, asked.site, asked.hosts);
  if (path.isDefault) return undefined;
  const body = { answer: path.key, ...asked };
  core.turns.emit({ type: 'path.configured', stream: name, body });
  const about = { name, source: source.value.name, path: path.value };
  const provider = providerOf(path.value, site.site);
  const ready: ReadyQueue = {
    name,
    source: source.value,
    site,
    path: path.value,
    sourceKey: source.key,
    pathKey: path.key,
    revision: 0,
    epoch: core.epoch,
    nextAt: nextAt(path, source, at),
    routingDomain,
    rows: new SlotRing(),
    size: 0,
    sessions: new Set(),
    idle: [],
    offered: 0,
    parting: 0,
    planning: 0,
    failures: 0,
    waiting: new Set(),
    called: 0,
    stsUses: new Map([[site.mtaSts ?? 'none', site.expiresAt]]),
    shaping: makePathShaping(core, about, () => core.touchedReady.add(ready)),
    counts: core.measures.open({ provider, source: source.value.name, pool }),
    notBefore: 0,
    rest: undefined,
    usedAt: at,
    isGone: false,
    marks: newMarks(),
  };
  if (path.isStandIn) core.tallies.refreshesFailed += 1;
  core.readyQueues.set(name, ready);
  return ready;
}

function nextAt(path: Answer<PathConfig>, source: Answer<SourceConfig>, at: number): number {
  if (path.isStandIn || source.isStandIn) return at + REFRESH_RETRY_MS;
  const { refresh_interval, refresh_strategy } = path.value;
  return refresh_strategy === 'Ttl' ? at + refresh_interval : Number.POSITIVE_INFINITY;
}

/** To be called before a ready queue is used: asks again where that is due. */
export function refreshReadyQueue(core: Core, ready: ReadyQueue, at: number): void {
  if (ready.epoch === core.epoch && at < ready.nextAt) return;
  const { site, routingDomain } = ready;
  const { name } = ready.source;
  core.tallies.refreshes += 1;
  ready.epoch = core.epoch;
  // That a source left the policy is no fault: its rows are on their way to others.
  const source = core.answers.findSource(name, at);
  const path = core.answers.pathConfig(routingDomain, name, site.site, hostNames(site));
  if (source === undefined || source === 'unknown' || source.isStandIn || path.isStandIn) {
    core.tallies.refreshesFailed += 1;
    ready.nextAt = at + REFRESH_RETRY_MS;
    return;
  }
  ready.nextAt = nextAt(path, source, at);
  const isOther = source.key !== ready.sourceKey;
  ready.source = source.value;
  ready.sourceKey = source.key;
  const isNewPath = path.key !== ready.pathKey;
  const isOtherLink = isNewPath && linkText(path.value) !== linkText(ready.path);
  if (isNewPath) adoptPath(core, ready, path, at);
  if (isOther || isOtherLink) endConnections(ready);
}

function adoptPath(core: Core, ready: ReadyQueue, path: Answer<PathConfig>, at: number): void {
  const { site, routingDomain: domain, source } = ready;
  const asked = { domain, source: source.name, site: site.site, hosts: hostNames(site) };
  const body = { answer: path.key, ...asked };
  core.turns.emit({ type: 'path.configured', stream: ready.name, body });
  ready.path = path.value;
  ready.pathKey = path.key;
  core.touchedReady.add(ready);
  const provider = providerOf(path.value, ready.site.site);
  if (provider !== ready.counts.provider.provider) {
    core.measures.move(ready.counts, provider, ready.source.name, ready.sessions.size);
  }
  if (reshapePath(core, ready).isRelimited) endConnections(ready);
  trimRows(core, ready, at);
  const { limit } = ready.path.connection_limit;
  let excess = ready.sessions.size - limit;
  // Those that have nothing in hand go first.
  const candidates = [...ready.idle, ...ready.sessions];
  for (const session of candidates) {
    if (excess <= 0) return;
    if (session.isStopping) continue;
    endSession(ready, session);
    excess -= 1;
  }
}

/** What there is no room for any more goes back to its queue, from the tail, without an attempt. */
function trimRows(core: Core, ready: ReadyQueue, at: number): void {
  const excess: number[] = [];
  for (let left = ready.size - ready.path.max_ready; left > 0; left -= 1) {
    const slot = ready.rows.pop(core.held.isGood);
    if (slot < 0) break;
    excess.push(slot);
  }
  for (const slot of excess.reverse()) core.requeue(slot, at);
}

/** Ends the connections made from older answers: each after what it has in hand. */
export function endConnections(ready: ReadyQueue): void {
  ready.revision += 1;
  ready.failures = 0;
  ready.notBefore = 0;
  ready.rest = undefined;
  for (const session of ready.sessions) endSession(ready, session);
}

function endSession(ready: ReadyQueue, session: Session): void {
  if (session.isStopping) return;
  session.isStopping = true;
  session.connection.stop();
  const index = ready.idle.indexOf(session);
  if (index >= 0) ready.idle.splice(index, 1);
}

/** Lets go of ready queues without rows, connections and recent use. */
export function* reapReadyQueues(core: Core): Way {
  const step = looksAtOnce(core);
  let at = yield;
  let looks = 0;
  for (const ready of core.readyQueues.values()) {
    looks += 1;
    if (looks % step === 0) at = yield step;
    const { name } = ready;
    if (core.readyQueues.get(name) !== ready) continue;
    const isBusy = ready.size > 0 || ready.sessions.size > 0 || ready.planning > 0;
    if (isBusy || ready.waiting.size > 0 || at - ready.usedAt < READY_IDLE_MS) continue;
    const { isLeasing, choosing, refused } = ready.shaping;
    // Who was told no here looks again when the rates change.
    if (isLeasing || choosing.isAsking || refused.size > 0) continue;
    retireReady(core, ready);
    core.measures.close(ready.counts);
    ready.isGone = true;
    core.readyQueues.delete(name);
  }
}
