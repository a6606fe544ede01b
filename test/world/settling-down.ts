/**
 * A world turns kind: no faults, names and exchangers in order, sources for everybody, and then
 * time. The one idea: how long a play may take to settle is the sum of what it may have been told
 * to wait for. Deliberately unknown here: what a play did before.
 */
import assert from 'node:assert/strict';
import type { PolicyPlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { DOMAINS, goodMx } from './acts.ts';

/** Longest suspension of a play, longest retry, watchdog, and a minute for the rest. */
const CALM_MS = 600_000 + 300_000 + 60_000 + 60_000;
/** A queue that was opened while its handler failed retries by the default: 20 minutes and more. */
const CALM_AFTER_DEFAULTS_MS = 3_600_000 + 60_000;

/** The pool of all queues that name no other. */
const poolOf = ({ queues }: PolicyPlan): unknown => queues['']?.['egress_pool'];

/** Whether each queue that is known has a source, and each new one will have. */
function hasSources(world: World): boolean {
  const { versions, inForce } = world.policies;
  const { books, answers } = world.engine.core;
  const isSound = versions.every(({ plan }) => plan.failing === undefined);
  if (!isSound || !Object.hasOwn(inForce.plan.pools, String(poolOf(inForce.plan)))) return false;
  return books.queues.every((row) => {
    const entries = row === undefined ? undefined : answers.recordedPool(row.pool)?.entries;
    return row === undefined || (entries ?? []).some(({ weight }) => weight > 0);
  });
}

/**
 * Ends all faults. A policy that has a source for everybody comes into force only where it is
 * needed: it has everything looked at anew, and so would hide whoever is forgotten.
 */
export function turnKind(world: World): void {
  world.calm();
  for (const domain of DOMAINS) world.zone.mx.set(domain, goodMx(domain));
  if (hasSources(world)) return;
  world.plan.queues[''] = { ...world.plan.queues[''], egress_pool: 'three' };
  world.usePolicy();
}

/** How long a world that has turned kind may take until all its mail has ended. */
export const settlingMs = (world: World): number =>
  world.policies.versions.some(({ plan }) => plan.failing) ? CALM_AFTER_DEFAULTS_MS : CALM_MS;

/** Nothing waits any more, and nobody talks. */
export function checkSettled(world: World): void {
  assert.equal(world.engine.core.books.rows.count, 0, 'everything has settled');
  assert.equal(world.net.links.size, 0, 'and every connection has parted');
}
