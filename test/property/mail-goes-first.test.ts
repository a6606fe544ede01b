/**
 * Law: while mail is busy, the thread of the readers works no more than its share and one piece of
 * work beyond it; and nobody is put off who is a minute behind, or while mail has time to spare.
 * The one idea: pieces of work of any length and pauses of any length, by a clock of its own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BUSY,
  DEBT_MS_MAX,
  LAG_MS_FULL,
  MailFirst,
  SHARE_LEAST,
  shareAt,
} from '../../src/projections/mail-first.ts';
import { assertLaw } from '../world/law.ts';

const WORK_MS_MAX = 400;
const PAUSE_MS_MAX = 5_000;

/** A clock, a load, and who keeps to it. */
function makeWorld() {
  const world = { nowMs: 0, ownMs: 0, mail: 1 };
  const load = { mail: () => world.mail, ownMs: () => world.ownMs };
  const mailFirst = new MailFirst(load, () => world.nowMs);
  const work = (ms: number): void => {
    world.nowMs += ms;
    world.ownMs += ms;
  };
  return { world, mailFirst, work };
}

test('mail goes first: readers keep to their share', async () => {
  const steps = fc.array(
    fc.record({ workMs: fc.nat(WORK_MS_MAX), pauseMs: fc.nat(PAUSE_MS_MAX) }),
    { minLength: 1, maxLength: 60 },
  );
  const lag = fc.nat(LAG_MS_FULL);
  await assertLaw(
    fc.property(steps, lag, (all, lagMs) => {
      const { world, mailFirst, work } = makeWorld();
      const share = shareAt(lagMs);
      for (const { workMs, pauseMs } of all) {
        const waitMs = mailFirst.waitMs(lagMs);
        if (waitMs === 0) work(workMs);
        else world.nowMs += waitMs;
        const bound = share * world.nowMs + WORK_MS_MAX;
        assert.ok(world.ownMs <= bound + 1e-6, `${world.ownMs} ms of ${world.nowMs}`);
        if (waitMs > 0) assert.equal(mailFirst.waitMs(lagMs), 0, 'told how long, and no longer');
        world.nowMs += pauseMs;
      }
    }),
    0.2,
  );
});

test('who is a minute behind is never put off, nor anybody while mail has time', async () => {
  const work = fc.array(fc.nat(WORK_MS_MAX), { maxLength: 40 });
  await assertLaw(
    fc.property(work, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (all, more, mail) => {
      const { world, mailFirst, work: doWork } = makeWorld();
      const isBusy = mail >= BUSY;
      world.mail = mail;
      for (const ms of all) {
        doWork(ms);
        assert.equal(mailFirst.waitMs(isBusy ? LAG_MS_FULL + more : 0), 0);
      }
    }),
    0.2,
  );
});

test('a wait is bounded, however long the work before it', () => {
  const { mailFirst, work } = makeWorld();
  work(3_600_000);
  assert.equal(mailFirst.waitMs(0), DEBT_MS_MAX / SHARE_LEAST);
});
