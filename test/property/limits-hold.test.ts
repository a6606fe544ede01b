/**
 * Law: no bound is ever exceeded: connections of a ready queue and in all, max_ready, inbox, inputs
 * of a turn, turns in flight, hot rows and bodies, deliveries per connection. The idea: bounds are
 * set so low that plays meet every one of them, and are looked at after every step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../src/domain/limits.ts';
import type { World } from '../../src/testing/world/world.ts';
import { makeWorld, runPlays, TIGHT } from '../world/law.ts';

/** Which bounds were reached; a law whose bounds are never met says nothing. */
const met = new Set<string>();

function checkBound(what: string, value: number, most: number): void {
  assert.ok(value <= most, `${what}: ${value}, at most ${most}`);
  if (value === most) met.add(what);
}

interface Before {
  engine: unknown;
  turns: number;
  inputs: number;
}

function makeCheck(): (world: World) => void {
  const before: Before = { engine: undefined, turns: 0, inputs: 0 };
  return (world) => {
    const { core } = world.engine;
    const limits = { ...LIMITS, ...world.limits };
    checkBound('connections', core.sessions.size, limits.connectionsMax);
    checkBound('links', world.net.links.size, limits.connectionsMax);
    checkBound('turns in flight', core.turns.inFlight, limits.turnsInFlightMax);
    checkBound('hot bodies', core.held.hotBodyBytes, limits.hotBodyBytesMax);
    // Rows that were drawn are warm beyond the bound, so many for each ready queue.
    const drawn = core.readyQueues.size * limits.drawRowsMax;
    checkBound('hot rows', core.held.hotRows, limits.hotRowsMax + drawn);
    if (core.held.hotRows >= limits.hotRowsMax) met.add('hot rows');
    for (const ready of core.readyQueues.values()) {
      const { limit } = ready.path.connection_limit;
      checkBound('connections of a ready queue', ready.sessions.size + ready.planning, limit);
      checkBound('max_ready', ready.size, ready.path.max_ready);
    }
    checkInputs(world, before, limits.turnInputsMax);
    // What is between admission and submission is the intake's, and bounded there.
    const pending = [...world.mails.values()].filter((mail) => mail.answeredAt === undefined);
    if (core.turns.waitingSubmissions > limits.inboxSubmissionsMax) {
      checkBound('inbox', core.turns.waitingSubmissions, pending.length);
    }
    if (core.turns.waitingSubmissions >= limits.inboxSubmissionsMax) met.add('inbox');
  };
}

function checkInputs(world: World, before: Before, most: number): void {
  const { counts } = world.engine.core.turns;
  if (before.engine === world.engine && counts.turns === before.turns + 1) {
    // Reports and submissions have the bound each.
    const inputs = counts.inputs - before.inputs;
    checkBound('inputs of a turn', inputs, 2 * most);
    if (inputs >= most) met.add('inputs of a turn');
  }
  Object.assign(before, { engine: world.engine, turns: counts.turns, inputs: counts.inputs });
}

function checkExchangers(world: World): void {
  const most = Number(world.plan.paths['']?.['max_deliveries_per_connection']);
  for (const { exchanger } of world.net.hosts.values()) {
    checkBound('deliveries per connection', exchanger.transactionsMax, most);
  }
}

test('limits hold', async () => {
  let check = makeCheck();
  await runPlays(
    {
      begin: () => {
        check = makeCheck();
      },
      each: (world) => check(world),
      end: checkExchangers,
    },
    { hasFaults: true, hasCrashes: true },
  );
});

test('a flood meets every bound and exceeds none', async () => {
  const world = await makeWorld({ seed: 1, limits: TIGHT }, false);
  const check = makeCheck();
  met.clear();
  for (let count = 0; count < 40; count += 1) {
    const to = [`u${count}@a.test`, `u${count}@b.test`, `u${count}@c.test`];
    for (let more = 0; more < 20; more += 1) world.submit(to);
    await world.runFor(100, () => check(world));
  }
  await world.runFor(60_000, () => check(world));
  checkExchangers(world);
  for (const what of [
    'connections',
    'connections of a ready queue',
    'max_ready',
    'turns in flight',
    'hot rows',
    'inputs of a turn',
    'inbox',
    'deliveries per connection',
  ]) {
    assert.ok(met.has(what), `the bound of ${what} is met; met: ${[...met].join(', ')}`);
  }
});
