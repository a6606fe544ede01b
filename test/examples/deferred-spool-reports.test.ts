/**
 * Stories of reports of failure about mail whose bodies may stay in memory: an original is written
 * before its report begins, and what died with its process is told of without it.
 * Deliberately unknown here: how reports are written.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeferredSegment } from '../../src/domain/deferred-place.ts';
import { sayingAt } from '../../src/testing/world/manners.ts';
import { hold, start, submit, typesOf } from './deferred-kit.ts';

test('a bounce at the first attempt still has its original for the report', async () => {
  const { world, writes } = await start({ ndr: true });
  world.hostOf('a.test').exchanger.manner = sayingAt('rcpt', '550 5.1.1 nobody');
  submit(world, 'u@a.test');
  await world.runFor(5_000);
  assert.equal(writes(), 1);
  assert.deepEqual(typesOf(world).slice(-3), ['message.bounced', 'ndr.owed', 'ndr.moved']);
  const owed = world.engine.ndrs.take();
  assert.ok(owed?.body !== undefined && !isDeferredSegment(owed.body.segment));
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(world.engine.ndrs.take()?.body, owed.body, 'and keeps it over a crash');
});

test('of what is lost the sender is told, without it', async () => {
  const { world } = await start({ ndr: true });
  hold(world);
  await world.runFor(100);
  submit(world, 'u@a.test');
  await world.runFor(1_000);
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(typesOf(world).slice(-2), ['message.lost', 'ndr.owed']);
  const owed = world.engine.ndrs.take();
  assert.ok(owed !== undefined);
  assert.equal(owed.body, undefined);
});

test('an original that died before it was written leaves a report without it', async () => {
  const { world } = await start({ ndr: true });
  world.hostOf('a.test').exchanger.manner = sayingAt('rcpt', '550 5.1.1 nobody');
  world.bodies.isFull = true;
  submit(world, 'u@a.test');
  await world.runFor(5_000);
  assert.ok(isDeferredSegment(world.engine.ndrs.take()?.body?.segment ?? 0), 'it is in memory');
  await world.crash();
  await world.runFor(100);
  const owed = world.engine.ndrs.take();
  assert.ok(owed !== undefined);
  assert.equal(owed.body, undefined);
});
