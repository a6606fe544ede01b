/**
 * Stories of messages that waited: each wait has the cause that `waybill why` gave while it lasted,
 * in the same words, and time that the log cannot explain is said to be unexplained. Deliberately
 * unknown here: how messages are found.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../src/events/catalogue.ts';
import { encode } from '../../src/events/codec.ts';
import { createMemoryStore } from '../../src/events/memory-log.ts';
import { journeyOf } from '../../src/forensics/journey/journey.ts';
import type { LogLook } from '../../src/forensics/journey/log-look.ts';
import type { Cause, Journey, WaitStep } from '../../src/forensics/journey/steps.ts';
import { judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';
import { lookAt } from '../world/journeys.ts';

const PLAN = makePlan({ queue: { egress_pool: 'one' } });

async function makeWorld(): Promise<World> {
  const world = await World.start({ seed: 4, plan: PLAN, manners: { 'a.test': judging } });
  await world.runFor(100);
  return world;
}

async function submit(world: World, to: string): Promise<string> {
  const id = world.submit([to])?.messages[0]?.id;
  assert.ok(id !== undefined);
  return id;
}

function told(world: World, id: string): Journey {
  const journey = journeyOf(lookAt(world), id);
  assert.ok(journey !== undefined);
  return journey;
}

const waits = ({ steps }: Journey): WaitStep[] =>
  steps.filter((step): step is WaitStep => step.kind === 'wait');

const causes = (journey: Journey): Cause[] => waits(journey).flatMap((wait) => wait.causes);

const reasonOf = (world: World, id: string): string => {
  const answer = world.engine.explain({ kind: 'message', name: id });
  return typeof answer === 'string' ? answer : (answer.reasons[0]?.text ?? '');
};

test('a deferred message waited for its schedule, and then went', async () => {
  const world = await makeWorld();
  const id = await submit(world, 'later@a.test');
  await world.runFor(10_000);
  const now = reasonOf(world, id);
  const open = told(world, id);
  assert.equal(waits(open).at(-1)?.open, true);
  assert.equal(causes(open).at(-1)?.name, 'retry');
  assert.equal(causes(open).at(-1)?.text, now);
  assert.equal(open.standing.state, 'waiting');
  await world.runFor(120_000);
  const [first] = told(world, id).steps.filter((step) => step.kind === 'attempt');
  assert.ok(first?.kind === 'attempt' && first.results[0]?.fate === 'deferred');
  assert.match(first.peer ?? '', /a\.test/);
});

test('a suspended queue is named with the words of the operator', async () => {
  const world = await makeWorld();
  world.submit(['u@a.test']);
  await world.runFor(500);
  const until = world.time.now + 60_000;
  world.command({ kind: 'queue.suspend', queue: 'a.test', until, why: 'by hand: list cleaning' });
  await world.runFor(100);
  const id = await submit(world, 'v@a.test');
  await world.runFor(5_000);
  const now = reasonOf(world, id);
  assert.match(now, /list cleaning/);
  await world.runFor(120_000);
  const journey = told(world, id);
  assert.equal(journey.standing.state, 'ended');
  const [cause] = causes(journey);
  assert.equal(cause?.name, 'suspended');
  assert.equal(cause?.text, now);
  assert.ok(Math.abs((cause?.until ?? 0) - until) < 2_000);
});

test('a source out of rotation, and the rest of the queue that came of it', async () => {
  const world = await makeWorld();
  world.submit(['u@a.test']);
  await world.runFor(500);
  const until = START_AT + 90_000;
  world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'blocked', by: 'me' });
  await world.runFor(100);
  const id = await submit(world, 'v@a.test');
  await world.runFor(200_000);
  const names = causes(told(world, id)).map(({ name }) => name);
  assert.ok(names.includes('source suspended'), names.join());
  assert.ok(names.includes('resting'), names.join());
});

const ID = '019b76daa8640000abcd000000010000';
const WAY = { attempt: 1, source: 'ip-1', site: 'mx', peer: 'mx 192.0.2.1:25' };

/** A log written by hand: seconds, stream, type, body. */
function written(...lines: readonly (readonly [number, string, string, object])[]): LogLook {
  const store = createMemoryStore();
  for (const [index, [second, stream, type, body]] of lines.entries()) {
    const place = { position: index + 1, turn: index + 1, at: START_AT + second * 1_000 };
    store.records.push({ ...place, ...encode({ type, stream, body } as Event) });
  }
  return lookAt({ store });
}

const accepted = {
  queue: 'a.test',
  from: 's@b.test',
  to: ['v@a.test'],
  body: [1, 0, 100, 1],
  service: 'esmtp_listener',
  peer: '192.0.2.9:1',
  helo: 'h',
};
const deferral = {
  ...{ to: ['v@a.test'], index: [0], ...WAY, pool: '', local: '' },
  ...{ code: 451, enhanced: '4.0.0', text: 'later', tls: '', took: 10 },
};
const reply = { code: 250, enhanced: '2.0.0', text: 'ok', tls: '', took: 10 };

test('an offer that was taken back is a try without a count, and the message waits on', () => {
  const look = written(
    [0, ID, 'message.accepted', accepted],
    [1, ID, 'message.offered', { ...WAY, link: 1 }],
    [2, ID, 'message.returned', { due: START_AT + 3_000 }],
    [5, ID, 'message.offered', { ...WAY, link: 2 }],
    [6, ID, 'message.delivered', { to: ['v@a.test'], index: [0], ...WAY, ...reply }],
  );
  const journey = journeyOf(look, ID);
  assert.ok(journey !== undefined);
  const attempts = journey.steps.filter((step) => step.kind === 'attempt');
  assert.deepEqual(
    attempts.map(({ positions, results }) => [...positions, ...results.map(({ fate }) => fate)]),
    [
      [2, 3, 'taken back'],
      [4, 5, 'delivered'],
    ],
  );
  const second = waits(journey)[1];
  assert.deepEqual(
    [second?.at, second?.until].map((at) => ((at ?? 0) - START_AT) / 1_000),
    [2, 5],
  );
});

test('a daemon that was not there is a cause, and so is what nobody recorded', () => {
  const look = written(
    [0, ID, 'message.accepted', accepted],
    [10, 'engine', 'engine.stopped', {}],
    [100, 'engine', 'engine.started', { version: '1', node: 'n', seed: 1, number: 1 }],
    [101, ID, 'message.offered', { ...WAY, link: 1 }],
    [102, ID, 'message.delivered', { to: ['v@a.test'], index: [0], ...WAY, ...reply }],
  );
  const journey = journeyOf(look, ID);
  assert.ok(journey !== undefined);
  const spans = causes(journey).map(({ name, from, until }) => [
    name,
    (from - START_AT) / 1_000,
    (until - START_AT) / 1_000,
  ]);
  assert.deepEqual(spans, [
    ['in line', 0, 10],
    ['stopped', 10, 100],
    ['in line', 100, 101],
  ]);
  assert.equal(journey.standing.state, 'ended');
});

test('a wait names the sources of the pool that its queue had then, and none later', () => {
  const pool = (key: string, name: string) => ({
    key,
    answer: JSON.stringify({ name: key, entries: [{ name, weight: 1 }] }),
  });
  const out = (cause: string) => ({
    ...{ until: START_AT + 3_600_000, cause, reason: 'by hand', count: 0, failures: [] },
  });
  const look = written(
    [0, 'policy', 'policy.answered', pool('p1', 'ip-1')],
    [0, 'policy', 'policy.answered', pool('p2', 'ip-2')],
    [0, ID, 'message.accepted', accepted],
    [0, 'a.test', 'queue.opened', { answer: 'q', pool: 'p1' }],
    [0, 'a.test', 'queue.routed', { site: 'mx', hosts: ['mx'], mta_sts: '' }],
    [1, 'ip-1', 'source.suspended', out('listed')],
    [2, 'ip-2', 'source.suspended', out('another matter')],
    [40, 'ip-1', 'source.resumed', {}],
    [41, ID, 'message.offered', { ...WAY, link: 1 }],
    [42, ID, 'message.deferred', { ...deferral, due: START_AT + 50_000 }],
    [50, 'a.test', 'queue.configured', { answer: 'q', pool: 'p2' }],
    [60, ID, 'message.offered', { ...WAY, attempt: 2, source: 'ip-2', link: 2 }],
    [61, ID, 'message.delivered', { to: ['v@a.test'], index: [0], ...WAY, attempt: 2, ...reply }],
  );
  const journey = journeyOf(look, ID);
  assert.ok(journey !== undefined);
  const held = causes(journey).filter(({ name }) => name === 'source suspended');
  assert.deepEqual(
    held.map(({ text, from, until }) => [text, (from - START_AT) / 1e3, (until - START_AT) / 1e3]),
    [
      ['the source ip-1 is suspended: listed', 1, 40],
      ['the source ip-2 is suspended: another matter', 50, 60],
    ],
  );
});

test('a message whose acceptance is gone is told as far as it is known', () => {
  const ended = { to: ['v@a.test'], index: [0], text: 'too old' };
  const look = written([5, ID, 'message.expired', ended]);
  const journey = journeyOf(look, ID);
  assert.equal(journey?.standing.state, 'unknown');
  assert.match(journey?.gaps[0] ?? '', /no longer in this log/);
  assert.equal(journeyOf(look, 'x'), undefined);
  const store = createMemoryStore();
  const place = { position: 1, turn: 1, at: START_AT, stream: ID };
  store.records.push({ ...place, type: 'message.expired', version: 99, body: '{}' });
  store.records.push({
    ...place,
    position: 2,
    ...encode({ type: 'message.expired', stream: ID, body: ended }),
  });
  assert.match(journeyOf(lookAt({ store }), ID)?.gaps.join() ?? '', /position 1 cannot be read/);
});
