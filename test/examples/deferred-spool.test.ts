/**
 * Stories of mail whose bodies may stay in memory (`deferred_spool`): delivered without a byte on
 * the disk; written when the first attempt fails, when the wait is long, and at a stop; and lost by
 * name where the process dies before. Deliberately unknown here: who asked for it, and over what.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeferredSegment } from '../../src/domain/deferred-place.ts';
import { decode } from '../../src/events/codec.ts';
import { MessageLedger } from '../../src/projections/ledger.ts';
import { findImbalance } from '../../src/projections/ledger-report.ts';
import { accepting, answeringDotAfter, sayingAt } from '../../src/testing/world/manners.ts';
import type { World } from '../../src/testing/world/world.ts';
import { checkBalance, checkCopies } from '../world/judge.ts';
import { projectAll } from '../world/records.ts';
import { bodiesOf, endsOf, hold, start, submit, typesOf } from './deferred-kit.ts';

/** Ends as `verify` counts them, from the log alone. */
function verified({ witness }: World) {
  const ledger = new MessageLedger(true);
  for (const record of witness.records) ledger.fold(decode(record), record);
  return ledger.report();
}

test('what is delivered at once is never written', async () => {
  const { world, writes } = await start();
  const mail = submit(world, 'u@a.test', 'v@b.test');
  await world.runFor(30_000);
  assert.deepEqual(endsOf(world, mail), ['delivered', 'delivered']);
  checkCopies(world);
  assert.equal(writes(), 0);
  assert.deepEqual(world.spool.deferred(), { bodies: 0, bytes: 0 });
  const [accepted] = bodiesOf(world, 'message.accepted') as [{ body: number[] }];
  assert.ok(isDeferredSegment(accepted.body[0] as number), 'the place tells it');
  assert.ok(!typesOf(world).includes('message.moved'));
  assert.equal(world.engine.figures.numbers().deferred, 2);
});

test('a deferral has it written, and a crash later takes nothing', async () => {
  const { world, writes } = await start();
  world.hostOf('a.test').exchanger.manner = sayingAt('dot', '451 4.3.0 later');
  const mail = submit(world, 'u@a.test');
  await world.runFor(2_000);
  assert.deepEqual(typesOf(world).slice(-3), [
    'message.offered',
    'message.deferred',
    'message.moved',
  ]);
  assert.equal(writes(), 1);
  assert.equal(world.spool.deferred().bodies, 0);
  await world.crash();
  world.hostOf('a.test').exchanger.manner = accepting;
  await world.runFor(3_600_000);
  assert.deepEqual(endsOf(world, mail), ['delivered']);
  checkCopies(world);
});

test('an attempt that is broken off has it written', async () => {
  const { world, writes } = await start();
  world.hostOf('a.test').exchanger.manner = ({ stage }) =>
    stage === 'data' ? { afterMs: 600_000 } : undefined;
  const mail = submit(world, 'u@a.test');
  await world.runFor(1_000);
  world.net.cutAll();
  world.hostOf('a.test').exchanger.manner = accepting;
  await world.runFor(3_600_000);
  assert.ok(/returned|deferred/.test(typesOf(world).join()), typesOf(world).join());
  assert.equal(writes(), 1);
  assert.deepEqual(endsOf(world, mail), ['delivered']);
  checkCopies(world);
});

test('those who share a body have it written once', async () => {
  const { world, writes } = await start();
  for (const domain of ['a.test', 'b.test']) {
    world.hostOf(domain).exchanger.manner = sayingAt('rcpt', '450 4.2.0 later');
  }
  submit(world, 'u@a.test', 'v@b.test');
  await world.runFor(5_000);
  assert.equal(bodiesOf(world, 'message.moved').length, 2);
  assert.equal(writes(), 1);
});

test('what died with its process ends on record, and is counted and told', async () => {
  const { world, writes } = await start();
  hold(world);
  await world.runFor(100);
  const mail = submit(world, 'u@a.test');
  await world.runFor(1_000);
  assert.equal(mail.refusal, undefined);
  assert.ok(mail.answeredAt !== undefined, 'it was acknowledged');
  assert.equal(writes(), 0);
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(endsOf(world, mail), ['lost']);
  checkBalance(world);
  assert.equal(world.engine.core.books.ledger.lost, 1);
  assert.equal(world.engine.figures.numbers().lost, 1);
  const found = verified(world);
  assert.deepEqual([found.recipients.lost, found.differences, findImbalance(found)], [1, 0, 0]);
  assert.ok(world.said.some((text) => /^error: 1 messages .*died with the process/.test(text)));
  const [lost] = bodiesOf(world, 'message.lost');
  assert.match(String(lost?.['text']), /^551 5\.3\.0 .*deferred_spool/);
  const told = projectAll(world.witness.records).map(({ record }) => record);
  const end = told.find(({ type }) => type === 'Expiration');
  assert.deepEqual([end?.recipient, end?.response.code], ['u@a.test', 551]);
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(endsOf(world, mail), ['lost'], 'once');
});

test('an attempt that a crash broke off is of unknown outcome, and the message lost', async () => {
  const { world } = await start();
  world.hostOf('a.test').exchanger.manner = answeringDotAfter(600_000);
  const mail = submit(world, 'u@a.test');
  await world.runFor(1_000);
  assert.equal(typesOf(world).at(-1), 'message.offered');
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(typesOf(world).slice(-2), ['message.unsettled', 'message.lost']);
  assert.deepEqual(endsOf(world, mail), ['lost']);
  checkBalance(world);
});

test('what waits long for its first attempt is written', async () => {
  const { world, writes } = await start({ limits: { deferredBodyMsMax: 5_000 } });
  hold(world);
  await world.runFor(100);
  const first = submit(world, 'u@a.test');
  await world.runFor(4_000);
  const second = submit(world, 'v@a.test');
  await world.runFor(500);
  assert.equal(writes(), 0);
  await world.runFor(2_000);
  assert.equal(writes(), 1);
  await world.crash();
  await world.runFor(100);
  assert.deepEqual([endsOf(world, first), endsOf(world, second)], [[], ['lost']]);
  world.hostOf('a.test').answers = 'open';
  await world.runFor(3_600_000);
  assert.deepEqual(endsOf(world, first), ['delivered']);
  checkCopies(world);
});

test('past the bound bodies are stored before the answer', async () => {
  const { world, writes } = await start({ limits: { deferredBodyBytesMax: 2_000 } });
  hold(world);
  await world.runFor(100);
  const mails = ['u1', 'u2', 'u3'].map((user) => submit(world, `${user}@a.test`));
  await world.runFor(500);
  assert.equal(writes(), 1);
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(
    mails.map((mail) => endsOf(world, mail)),
    [['lost'], ['lost'], []],
  );
});

test('a stop has everything written, also while an attempt is under way', async () => {
  const { world } = await start();
  hold(world);
  world.hostOf('b.test').exchanger.manner = answeringDotAfter(600_000);
  await world.runFor(100);
  const mail = submit(world, 'u@a.test', 'v@b.test');
  await world.runFor(1_000);
  assert.equal(world.spool.deferred().bodies, 1);
  let isStopped = false;
  world.engine.stop(5_000, () => {
    isStopped = true;
  });
  await world.runFor(30_000);
  assert.ok(isStopped);
  assert.equal(world.spool.deferred().bodies, 0);
  await world.crash();
  world.hostOf('b.test').exchanger.manner = accepting;
  world.hostOf('a.test').answers = 'open';
  await world.runFor(3_600_000);
  assert.deepEqual(endsOf(world, mail), ['delivered', 'delivered']);
  assert.ok(!typesOf(world).includes('message.lost'));
});

test('a stop with a full disk ends in time, and says what is lost', async () => {
  const { world } = await start();
  hold(world);
  await world.runFor(100);
  const mail = submit(world, 'u@a.test');
  await world.runFor(1_000);
  world.bodies.isFull = true;
  let stoppedAt = 0;
  const askedAt = world.now;
  world.engine.stop(5_000, () => {
    stoppedAt = world.now;
  });
  await world.runFor(30_000);
  assert.ok(stoppedAt >= askedAt + 5_000 && stoppedAt < askedAt + 7_000, `${stoppedAt - askedAt}`);
  assert.ok(world.said.some((text) => /1 messages in memory could not be stored/.test(text)));
  world.bodies.isFull = false;
  await world.crash();
  await world.runFor(100);
  assert.deepEqual(endsOf(world, mail), ['lost']);
});

test('a disk that has room again takes what it refused', async () => {
  const { world, writes } = await start({ limits: { deferredBodyMsMax: 1_000 } });
  hold(world);
  await world.runFor(100);
  submit(world, 'u@a.test');
  world.bodies.isFull = true;
  await world.runFor(3_500);
  assert.ok(writes() >= 2, 'it is tried again');
  assert.equal(world.spool.deferred().bodies, 1);
  world.bodies.isFull = false;
  await world.runFor(2_000);
  assert.equal(world.spool.deferred().bodies, 0);
  assert.equal(bodiesOf(world, 'message.moved').length, 1);
});
