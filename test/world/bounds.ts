/**
 * The bounds of a world, looked at after every step: connections of a ready queue and in all,
 * max_ready, inbox, inputs of a turn, turns in flight, hot rows and bodies. The one idea: what is
 * met is noted beside what is exceeded, for a law whose bounds are never met says nothing.
 * Deliberately unknown here: how a world is brought to its bounds.
 */
import assert from 'node:assert/strict';
import type { Limits } from '../../src/domain/limits.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { World } from '../../src/testing/world/world.ts';

/** Holds a value against its bound, and notes in `met` that it was reached. */
function checkBound(met: Set<string>, what: string, value: number, most: number): void {
  if (value < most) return;
  assert.equal(value, most, `${what}: ${value}, at most ${most}`);
  met.add(what);
}

interface Before {
  engine: unknown;
  turns: number;
  inputs: number;
}

/** A look at one world's bounds, to be taken after each of its steps. */
export function watchBounds(met: Set<string> = new Set()): (world: World) => void {
  const before: Before = { engine: undefined, turns: 0, inputs: 0 };
  const check = (what: string, value: number, most: number): void =>
    checkBound(met, what, value, most);
  let limits: Limits | undefined;
  return (world) => {
    const { core } = world.engine;
    limits ??= { ...LIMITS, ...world.limits };
    check('connections', core.sessions.size, limits.connectionsMax);
    check('links', world.net.links.size, limits.connectionsMax);
    check('turns in flight', core.turns.inFlight, limits.turnsInFlightMax);
    check('hot bodies', core.held.hotBodyBytes, limits.hotBodyBytesMax);
    // Rows that were drawn are warm beyond the bound, so many for each ready queue.
    const drawn = core.readyQueues.size * limits.drawRowsMax;
    check('hot rows', core.held.hotRows, limits.hotRowsMax + drawn);
    if (core.held.hotRows >= limits.hotRowsMax) met.add('hot rows');
    for (const ready of core.readyQueues.values()) {
      const { limit } = ready.path.connection_limit;
      check('connections of a ready queue', ready.sessions.size + ready.planning, limit);
      check('max_ready', ready.size, ready.path.max_ready);
    }
    checkInputs(met, world, before, limits.turnInputsMax);
    const waiting = core.turns.waitingSubmissions;
    if (waiting < limits.inboxSubmissionsMax) return;
    met.add('inbox');
    if (waiting === limits.inboxSubmissionsMax) return;
    // What is between admission and submission is the intake's, and bounded there.
    const pending = [...world.mails.values()].filter((mail) => mail.answeredAt === undefined);
    check('inbox', waiting, pending.length);
  };
}

function checkInputs(met: Set<string>, world: World, before: Before, most: number): void {
  const { counts } = world.engine.core.turns;
  if (before.engine === world.engine && counts.turns === before.turns + 1) {
    // Reports and submissions have the bound each.
    const inputs = counts.inputs - before.inputs;
    checkBound(met, 'inputs of a turn', inputs, 2 * most);
    if (inputs >= most) met.add('inputs of a turn');
  }
  Object.assign(before, { engine: world.engine, turns: counts.turns, inputs: counts.inputs });
}

/** No exchanger got more deliveries over one connection than it may. */
export function checkExchangers(world: World, met: Set<string> = new Set()): void {
  const most = Number(world.plan.paths['']?.['max_deliveries_per_connection']);
  for (const { exchanger } of world.net.hosts.values()) {
    checkBound(met, 'deliveries per connection', exchanger.transactionsMax, most);
  }
}
