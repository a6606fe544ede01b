/**
 * A turn in which two parts keep undoing each other's work: it ends all the same, the log names who
 * it was, and the next goes on a second later at the latest. The idea: a set of touched ready
 * queues that is never empty. Deliberately unknown here: whether any part does so; none should.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting } from '../world/manners.ts';
import { World } from '../world/world.ts';

const READY = /a turn did not come to rest, the next goes on: .*ip-\d->mx\.a\.test@smtp_client/;

test('a turn that two parts keep busy ends, says so, and the next goes on', async () => {
  const world = await World.start({ seed: 3, manners: { 'a.test': accepting } });
  await world.runFor(100);
  const { core } = world.engine;
  const { touchedReady } = core;
  const remove = touchedReady.delete.bind(touchedReady);
  let looks = 0;
  let most = 0;
  let turn = 0;
  let isBusy = true;
  touchedReady.delete = (ready) => {
    const { turns } = core.turns.counts;
    looks = turns === turn ? looks + 1 : 1;
    turn = turns;
    most = Math.max(most, looks);
    const was = remove(ready);
    if (isBusy) touchedReady.add(ready);
    return was;
  };
  world.submit(['u@a.test']);
  for (let steps = 0; steps < 1_000 && world.said.length === 0; steps += 1) world.step();
  assert.match(world.said.join('\n'), READY);
  const dueAt = core.alarms.dueAt('unrest') ?? Number.POSITIVE_INFINITY;
  assert.ok(dueAt - world.now <= 1_000, `the next goes on in ${dueAt - world.now} ms`);
  assert.ok(most > 1_000 && most < 20_000, `${most} looks`);
  isBusy = false;
  await world.runFor(5_000);
  const told = world.said.length;
  assert.equal(world.hostOf('a.test').exchanger.copies.length, 1);
  await world.runFor(60_000);
  assert.equal(world.said.length, told, 'all is at rest');
});
