/**
 * Law: each failure whose sender is to be told has one report that is owed, and of each that is
 * owed comes one message or one reason why not, never both or two, over crashes at any step; what
 * was sent can be read until then, and is kept no longer. The idea: a writer as simple as can be,
 * which forgets everything with each crash, and the log counted up at the end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeferredSegment } from '../../src/domain/deferred-place.ts';
import type { OwedNdr } from '../../src/domain/ndrs.ts';
import { isFault } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { Life } from '../../src/testing/world/process.ts';
import type { World } from '../../src/testing/world/world.ts';
import { DOMAINS, goodMx } from '../world/acts.ts';
import { runPlays } from '../world/law.ts';

const HOURS_MS = 2 * 3_600_000;
/** A writer takes its time, ms. */
const WRITE_MS_MAX = 30_000;
/** What is refused is tried again so much later, ms: a full disk lasts, and a world has no rest. */
const AGAIN_MS = 1_000;
const LIVES = 6;
const LIFE_STEPS_MAX = 120;
/** Every so manieth that is owed is waived; for others two reports are written. */
const WAIVED_EVERY = 5;
const TWICE_EVERY = 3;
const FAILURES = new Set(['message.bounced', 'message.expired', 'message.lost']);
const HEADER = { from: '', peer: '', helo: '', at: 0 };

/** Whether what was sent was in memory only (deferred_spool) when its process ended. */
function diedInMemory({ witness }: World, position: number): boolean {
  const bodyOf = (at: number) => JSON.parse(witness.records[at - 1]?.body ?? '{}');
  const { body, failures } = bodyOf(position) as { body?: number[]; failures: number[] };
  if (body === undefined) {
    return failures.some((at) => witness.records[at - 1]?.type === 'message.lost');
  }
  const isMoved = witness.records.some(
    ({ type, position: at }) => type === 'ndr.moved' && bodyOf(at).owed === position,
  );
  return isDeferredSegment(body[0] as number) && !isMoved;
}

/** Writes reports for one life. */
function write(world: World, life: Life): void {
  const { engine, clock } = life;
  const settle = (owed: OwedNdr): void => {
    const again = (): void => void clock.after(AGAIN_MS, () => settle(owed));
    const answer = (): void => {
      if (owed.position % WAIVED_EVERY === 0) {
        engine.ndrs.waive(owed.position, 'not this one', (refusal) => refusal && again());
        return;
      }
      post(owed, again);
      if (owed.position % TWICE_EVERY === 0) post(owed, () => {});
    };
    if (owed.body === undefined) {
      assert.ok(diedInMemory(world, owed.position), 'there is room to keep what was sent');
      return answer();
    }
    world.spool.read(owed.body, (outcome) => {
      if (clock.isOver) return;
      assert.ok(!isFault(outcome), `what was sent is gone: ${JSON.stringify(outcome)}`);
      answer();
    });
  };
  const post = (owed: OwedNdr, again: () => void): void => {
    const [id] = engine.allocateIds(1) as [string];
    const chunks = [Buffer.from(`Subject: failed\r\n\r\n${owed.message}\r\n`)];
    const to = ['sender@here.test'];
    world.bodies.write(JSON.stringify({ ...HEADER, ids: [id], to: [to] }), chunks, (body) => {
      if (clock.isOver || isFault(body)) return again();
      const letter = { from: '', body, chunks, bodyBytes: body.length, eightBit: false };
      const messages = [{ id, to }];
      const whence = { service: 'ndr', listener: '', peer: '', helo: '' } as const;
      const report = { ...letter, ...whence, messages, smtpUtf8: false, receivedAt: world.now };
      engine.ndrs.generate(owed.position, report, (refusal) => refusal && again());
    });
  };
  const go = (): void => {
    if (clock.isOver) return;
    for (let owed = engine.ndrs.take(); owed !== undefined; owed = engine.ndrs.take()) {
      const mine = owed;
      // Slow, so that crashes and pictures of the books find something owed.
      world.time.after(world.chance.between(0, WRITE_MS_MAX), () => {
        if (!clock.isOver) settle(mine);
      });
    }
  };
  engine.ndrs.whenOwed(go);
  go();
}

interface Count {
  readonly failures: number;
  readonly made: number;
  readonly waived: number;
}

/** Counts the log up; throws where it does not add up. */
function check(world: World): Count {
  const { records } = world.witness;
  const senders = new Map<string, string>();
  const services = new Map<string, number>();
  const failed = new Set<number>();
  const owed = new Map<number, string>();
  const ended = new Map<number, number>();
  let made = 0;
  let waived = 0;
  for (const { type, stream, position, turn, body: text } of records) {
    const body = JSON.parse(text) as Record<string, unknown>;
    if (type === 'message.accepted') {
      senders.set(stream, String(body['from']));
      if (body['service'] === 'ndr') services.set(stream, turn);
    } else if (FAILURES.has(type)) {
      if (senders.get(stream) !== '') failed.add(position);
    } else if (type === 'ndr.owed') {
      owed.set(position, stream);
      for (const one of body['failures'] as number[]) {
        assert.ok(failed.delete(one), `${position} is about ${one}, which nobody is to be told of`);
      }
    } else if (type === 'ndr.generated' || type === 'ndr.waived') {
      const of = Number(body['owed']);
      assert.equal(owed.get(of), stream, `${type} ${position} is about what is not owed`);
      owed.delete(of);
      ended.set(of, position);
      if (type === 'ndr.waived') waived += 1;
      else {
        made += 1;
        const accepted = records.find((one) => one.stream === body['id'])?.turn;
        assert.equal(accepted, turn, 'a report is a message in the turn that says it was made');
      }
    }
  }
  assert.deepEqual([...failed], [], 'each failure is to be told of');
  assert.equal(services.size, made, 'each report is a message, and each message a report');
  assert.deepEqual([...owed.keys()], [...world.engine.core.books.ndrs.keys()]);
  return { failures: ended.size, made, waived };
}

/** Lives of a few steps each, with failures in all of them. */
async function dieOften(world: World): Promise<void> {
  world.hostOf('b.test').exchanger.manner = ({ stage, recipient }) =>
    stage === 'rcpt' ? { say: `550 5.1.1 no ${recipient}` } : undefined;
  for (let life = 0; life < LIVES; life += 1) {
    world.submit(['bad1@b.test', `bad${life}@b.test`, 'bad2@a.test']);
    for (let left = world.chance.between(1, LIFE_STEPS_MAX); left > 0; left -= 1) world.step();
    await world.crash();
  }
}

test('each failure is told of once', async () => {
  let made = 0;
  let waived = 0;
  let crashes = 0;
  await runPlays(
    {
      each: () => {},
      begin: (world) => {
        world.onLife = (life) => write(world, life);
        write(world, world.life);
      },
      end: async (world) => {
        await dieOften(world);
        world.calm();
        world.plan.ndr = { bounces: true, expirations: true };
        for (const domain of DOMAINS) world.zone.mx.set(domain, goodMx(domain));
        world.plan.queues[''] = { ...world.plan.queues[''], egress_pool: 'three' };
        world.usePolicy();
        world.submit(['bad@a.test']);
        await world.runFor(HOURS_MS);
        const count = check(world);
        assert.equal(world.engine.ndrs.owed, 0, 'in the end nothing is owed');
        const { rows } = world.engine.core.books;
        if (rows.count === 0) assert.equal(world.bodies.usage().liveBytes, 0, 'no body is kept');
        if (rows.count === 0) assert.equal(world.spool.deferred().bodies, 0, 'nor in memory');
        made += count.made;
        waived += count.waived;
        crashes += world.crashes;
      },
    },
    {
      hasFaults: true,
      hasCrashes: true,
      knobs: () => {
        const plan = makePlan();
        plan.ndr = { bounces: true, expirations: true };
        return { plan };
      },
    },
    1,
    () => made > 0 && waived > 0 && crashes > 0,
  );
});
