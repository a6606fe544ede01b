/**
 * Ready queues: opened when a source first meets a site, refreshed when their configuration is old,
 * let go when idle. A change of source or path takes effect in a live one. Chooses nothing.
 */

import type { Site } from '../domain/mx-plan.ts';
import type { SourceConfig } from '../domain/options-egress.ts';
import type { Core, ReadyQueue } from './core.ts';
import { SlotRing } from './slot-ring.ts';

/** A ready queue nothing came into for this long is let go; it comes back when needed. */
export const READY_IDLE_MS = 600_000;

/** Opens the ready queue of a source and a site. */
export function openReadyQueue(
  core: Core,
  from: { name: string; source: SourceConfig; site: Site; routingDomain: string; at: number },
): ReadyQueue {
  const ready: ReadyQueue = {
    name: from.name,
    source: from.source,
    site: from.site,
    path: core.answers.pathConfig(from.routingDomain, from.source.name, from.site.site),
    askedAt: from.at,
    routingDomain: from.routingDomain,
    rows: new SlotRing(),
    size: 0,
    sessions: new Set(),
    idle: [],
    planning: 0,
    failures: 0,
    waiting: new Set(),
    tlsBrokenUntil: 0,
    notBefore: 0,
    usedAt: from.at,
  };
  core.readyQueues.set(from.name, ready);
  return ready;
}

/** Asks the policy again when the answers are too old. */
export function refreshReadyQueue(core: Core, ready: ReadyQueue, at: number): void {
  if (at - ready.askedAt < ready.path.refresh_interval) return;
  ready.askedAt = at;
  const { source, site, routingDomain } = ready;
  ready.path = core.answers.pathConfig(routingDomain, source.name, site.site);
  ready.source = core.answers.source(source.name) ?? source;
}

/** Lets go of ready queues without rows, connections and recent use. */
export function reapReadyQueues(core: Core, at: number): void {
  for (const [name, ready] of core.readyQueues) {
    const isBusy = ready.size > 0 || ready.sessions.size > 0 || ready.planning > 0;
    if (isBusy || ready.waiting.size > 0 || at - ready.usedAt < READY_IDLE_MS) continue;
    core.readyQueues.delete(name);
  }
}
