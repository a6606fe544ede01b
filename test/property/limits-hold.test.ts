/**
 * Law: no bound is ever exceeded: connections of a ready queue and in all, max_ready, inbox, inputs
 * of a turn, turns in flight, hot rows and bodies, deliveries per connection. The idea: bounds are
 * set so low that plays meet every one of them, and are looked at after every step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExchangers, watchBounds } from '../world/bounds.ts';
import { makeWorld, runPlays, TIGHT } from '../world/law.ts';

test('limits hold', async () => {
  let check = watchBounds();
  await runPlays(
    {
      begin: () => {
        check = watchBounds();
      },
      each: (world) => check(world),
      end: (world) => checkExchangers(world),
    },
    { hasFaults: true, hasCrashes: true },
  );
});

test('a flood meets every bound and exceeds none', async () => {
  const world = await makeWorld({ seed: 1, limits: TIGHT }, false);
  const met = new Set<string>();
  const check = watchBounds(met);
  for (let count = 0; count < 40; count += 1) {
    const to = [`u${count}@a.test`, `u${count}@b.test`, `u${count}@c.test`];
    for (let more = 0; more < 20; more += 1) world.submit(to);
    await world.runFor(100, () => check(world));
  }
  await world.runFor(60_000, () => check(world));
  checkExchangers(world, met);
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
