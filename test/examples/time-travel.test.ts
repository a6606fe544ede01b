/**
 * Stories of looking back: how points in time are written and found, what an event changes, what
 * differs between two of them, and the walks of a queue and a source with their causes.
 * Deliberately unknown here: files, processes, and how answers are printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBooks } from '../../src/domain/snapshot.ts';
import { walkOf } from '../../src/forensics/history.ts';
import { comparePortraits, portray } from '../../src/forensics/portrait.ts';
import { NotRebuilt, Rebuild } from '../../src/forensics/rebuild.ts';
import { stepOn } from '../../src/forensics/stepping.ts';
import { BeyondLog, findPoint, NoMoment, readMoment } from '../../src/forensics/time.ts';
import { drawMermaid } from '../../src/forensics/walk-mermaid.ts';
import { judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';
import { memoryPast, pastFrom } from '../world/memory-past.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const instant = (at: number | string) => ({
  kind: 'instant',
  at: typeof at === 'number' ? at : Date.parse(at),
});

test('points in time are read as they are written', () => {
  const local = (hour: number, minute: number, second = 0, ms = 0): number =>
    +new Date(new Date(NOW).getFullYear(), 10, 23, hour, minute, second, ms);
  for (const [text, moment] of [
    ['now', { kind: 'end' }],
    ['17', { kind: 'position', position: 17 }],
    ['position:17', { kind: 'position', position: 17 }],
    ['turn:3', { kind: 'turn', turn: 3 }],
    ['-10m', instant(NOW - 600_000)],
    ['-1h30m', instant(NOW - 5_400_000)],
    ['2026-11-23T11:00:00.25Z', instant('2026-11-23T11:00:00.250Z')],
    ['2026-11-23 11:00+02:00', instant('2026-11-23T09:00:00Z')],
    ['2026-11-22T21:00:00-0230', instant('2026-11-22T23:30:00Z')],
    ['2026-11-22', instant(+new Date(2026, 10, 22))],
    ['00:00:01.5', instant(local(0, 0, 1, 500))],
    ['2026-11-22 23:59', instant(+new Date(2026, 10, 22, 23, 59))],
  ] as const) {
    assert.deepEqual(readMoment(text, NOW), moment, text);
  }
  for (const text of ['', 'noon', '25:00', '12:03Z', '2026-02-30', '-10', '-x', 'turn:', '1.5']) {
    assert.throws(() => readMoment(text, NOW), NoMoment, text);
  }
  assert.throws(() => readMoment('2026-11-23T12:00:00.001Z', NOW), /lies in the future/);
});

test('a point is the end of the last turn that began by then', () => {
  // Turns 5, 5, 6, 8 at positions 3 to 6.
  const records = new Map([
    [3, { turn: 5, at: 100 }],
    [4, { turn: 5, at: 100 }],
    [5, { turn: 6, at: 100 }],
    [6, { turn: 8, at: 200 }],
  ]);
  const upto = (isIn: (one: { turn: number; at: number }) => boolean): number =>
    [...records].reduce((last, [position, one]) => (isIn(one) ? position : last), 2);
  const log = {
    first: 3,
    last: 6,
    find: (position: number) => records.get(position),
    positionAt: (at: number) => upto((one) => one.at <= at),
    positionOfTurn: (turn: number) => upto((one) => one.turn <= turn),
  };
  const find = (text: string) => findPoint(log, readMoment(text, NOW), NOW);
  assert.deepEqual(find('turn:5'), { position: 4, at: 100 });
  assert.deepEqual(find('6'), { position: 6, at: 200 });
  assert.deepEqual(find('now'), { position: 6, at: NOW });
  assert.deepEqual(find('1970-01-01T00:00:00.150Z'), { position: 5, at: 150 });
  for (const text of ['turn:7', '2', '7', '1970-01-01T00:00:00.099Z']) {
    assert.throws(() => find(text), BeyondLog, text);
  }
  assert.throws(() => find('1970-01-01T00:00:00.099Z'), /position 3 .*what was before has been/);
  // A log that is whole knows what was before it: nothing.
  const whole = { ...log, first: 1, positionAt: () => 0 };
  assert.deepEqual(findPoint(whole, instant(50) as never, NOW), { position: 0, at: 50 });
});

test('before the first record nothing had happened', async () => {
  const history = memoryPast((await troubled()).witness.records);
  const rebuild = new Rebuild(history, 0).foldTo(0);
  assert.deepEqual(
    [rebuild.books.rows.count, rebuild.books.queueCount, rebuild.last],
    [0, 0, undefined],
  );
  assert.equal([...stepOn(history, rebuild, 1)][0]?.position, 1);
});

test('a walk whose beginning was removed says what it knows of the state before', async () => {
  const world = await troubled();
  const { records } = world.witness;
  const at = records.findIndex(({ type }) => type === 'queue.suspended') + 2;
  const pictureAt = (position: number) => {
    const { books } = new Rebuild(memoryPast(records), position).foldTo(position);
    return { position, bytes: encodeBooks(books) };
  };
  const walkFrom = (picture: number) => {
    const history = pastFrom(memoryPast(records, [pictureAt(picture)]), at);
    const span = { first: at, last: records.length, from: START_AT, upto: world.time.now };
    return walkOf(history, 'queue', 'a.test', span);
  };
  // No event of the queue lies between the beginning and the picture: it had been suspended.
  const known = walkFrom(at);
  assert.equal(known.spells[0]?.state, 'suspended');
  assert.ok(known.steps.every(({ isLegal }) => isLegal));
  const unknown = walkFrom(records.length);
  assert.equal(unknown.spells[0]?.state, 'unknown');
  assert.equal(unknown.steps[0]?.isLegal, true);
  assert.deepEqual(
    unknown.steps.map(({ event, to }) => [event, to]),
    known.steps.map(({ event, to }) => [event, to]),
  );
  const late = pastFrom(memoryPast(records, [pictureAt(records.length - 3)]), at);
  const says = new RegExp(`the earliest that can be is position ${records.length - 3} \\(2026-`);
  assert.throws(() => new Rebuild(late, at + 1), says);
});

/** A world in which a queue and a source were suspended and came back. */
async function troubled(): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'one' } });
  const world = await World.start({ seed: 7, plan, manners: { 'a.test': judging } });
  await world.runFor(100);
  world.submit(['u@a.test']);
  await world.runFor(5_000);
  const about = { criteria: { domain: 'a.test' }, until: world.now + 60_000, why: 'list cleaning' };
  world.command({ kind: 'queue.suspend', queue: 'a.test', until: about.until, why: about.why });
  await world.runFor(1_000);
  world.submit(['bad@a.test']);
  await world.runFor(1_000);
  world.command({ kind: 'queue.resume', queue: 'a.test' });
  await world.runFor(5_000);
  const until = world.now + 20_000;
  world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'blocklisted', by: 'ann' });
  await world.runFor(1_000);
  world.submit(['v@a.test']);
  await world.runFor(40_000);
  return world;
}

const spanOf = (world: World) => ({
  first: 1,
  last: world.witness.records.length,
  from: START_AT,
  upto: world.now,
});

test('a walk names states, causes and who; a span begins in the right state', async () => {
  const world = await troubled();
  const history = memoryPast(world.witness.records);
  const queue = walkOf(history, 'queue', 'a.test', spanOf(world));
  const moves = queue.steps.filter(({ from, to }) => from !== to).map(({ to }) => to);
  assert.deepEqual(moves, ['ready', 'suspended', 'ready', 'resting', 'ready']);
  assert.ok(queue.steps.every(({ isLegal }) => isLegal));
  const suspended = queue.steps.find(({ to }) => to === 'suspended');
  assert.match(suspended?.cause ?? '', /list cleaning/);
  assert.equal(queue.marks[0]?.event, 'engine.started');
  const [first, second] = queue.spells;
  assert.equal(first?.upto, second?.from);
  assert.equal(queue.spells.at(-1)?.upto, world.now);

  const source = walkOf(history, 'source', 'ip-1', spanOf(world));
  const out = source.steps.find(({ event }) => event === 'source.suspended');
  assert.match(out?.cause ?? '', /blocklisted.*Operator.*by ann/);
  assert.equal(source.steps.at(-1)?.event, 'source.resumed');
  const later = { ...spanOf(world), first: (out?.position ?? 0) + 1, from: (out?.at ?? 0) + 1 };
  const rest = walkOf(history, 'source', 'ip-1', later);
  assert.deepEqual(
    rest.spells.map(({ state }) => state),
    ['suspended', 'open'],
  );
  // A span may begin with the very event that changed the state.
  const early = walkOf(history, 'source', 'ip-1', { ...later, first: out?.position ?? 0 });
  assert.deepEqual([early.steps[0]?.from, early.steps[0]?.to], ['open', 'suspended']);
  assert.equal(walkOf(history, 'queue', 'nobody.test', spanOf(world)).steps.length, 0);

  const drawn = drawMermaid(queue, (ms) => `${ms} ms`);
  assert.match(drawn, /^stateDiagram-v2\n {2}\[\*\] --> ready: queue\.opened\n/);
  assert.match(drawn, /ready --> suspended: queue\.suspended/);
  assert.match(drawn, /note right of resting: \d+ ms in all/);
});

test('steps tell what each event changed, and add up to what two portraits tell', async () => {
  const world = await troubled();
  const { records } = world.witness;
  const history = memoryPast(records, world.store.snapshots);
  const rebuild = new Rebuild(history, 3).foldTo(3);
  const before = portray(rebuild.books);
  const steps = [...stepOn(history, rebuild, records.length)];
  assert.deepEqual(
    steps.map(({ position }) => position),
    records.slice(3).map(({ position }) => position),
  );
  const { ends, queues, sources } = comparePortraits(before, portray(rebuild.books));
  assert.deepEqual(ends, {
    accepted: 3,
    delivered: 2,
    bounced: 1,
    expired: 0,
    removed: 0,
    lost: 0,
    live: 0,
    unknown: 0,
  });
  assert.deepEqual(queues.appeared, ['a.test']);
  assert.deepEqual(sources.gone, []);
  const accepted = steps.find(({ type }) => type === 'message.accepted');
  assert.deepEqual(accepted?.changed['recipients.live'], [0, 1]);
  assert.equal(accepted?.changed['message.queue']?.[1], 'a.test');
  const sum = steps.reduce((total, { changed }) => {
    const [from, to] = changed['recipients.delivered'] ?? [0, 0];
    return total + Number(to) - Number(from);
  }, 0);
  assert.equal(sum, ends.delivered);
  assert.deepEqual([...stepOn(history, rebuild, 5)], [], 'the log ends');
});

test('what cannot be rebuilt is said', async () => {
  const world = await troubled();
  const whole = memoryPast(world.witness.records);
  const rest = { ...whole, first: 10 };
  assert.throws(() => new Rebuild(rest, 20), NotRebuilt);
  assert.throws(() => new Rebuild(rest, 20), /begins at position 10 \(2026-/);
});
