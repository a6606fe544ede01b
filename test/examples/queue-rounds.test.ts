/**
 * Rounds over very many queues: a million of them are looked through in slices of a known size,
 * with room for mail between any two, and the first few are those that sorting would give.
 * Deliberately unknown here: time; how long a slice takes is a matter of its size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Core } from '../../src/actors/core.ts';
import { countMeant, findTop } from '../../src/actors/inspecting/queues.ts';
import { LOOKS_MAX, lookThrough } from '../../src/actors/inspecting/slices.ts';
import { Books } from '../../src/domain/books.ts';
import type { QueueTop } from '../../src/domain/inspection.ts';
import { Recent } from '../../src/domain/recent.ts';
import { TopList } from '../../src/domain/top-list.ts';

const QUEUES = 1_000_000;

/** Books of very many queues without messages but for their counts. */
const books = new Books();
for (let number = 0; number < QUEUES; number += 1) {
  const row = books.openQueue(`t${number % 7}@d${number}.example`, 0);
  Object.assign(row, { count: (number * 7_919) % 1_000_003, head: 0 });
}

/** A core that is looked at; slices are run by hand. */
function bench() {
  const slices: (() => void)[] = [];
  let looks = 0;
  let most = 0;
  const queues = new Proxy(books.queues, {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks += 1;
      return Reflect.get(target, key) as unknown;
    },
  });
  const seen = { queues, rows: books.rows, findQueue: (name: string) => books.findQueue(name) };
  const clock = { soon: (task: () => void) => slices.push(task) };
  const lastErrors = { ofQueues: new Recent<never>(2) };
  const core = { books: seen, ports: { clock }, lastErrors } as unknown as Core;
  const run = (): number => {
    let count = 0;
    for (let slice = slices.shift(); slice !== undefined; slice = slices.shift()) {
      looks = 0;
      slice();
      most = Math.max(most, looks);
      assert.ok(slices.length <= 1, 'one slice at a time');
      count += 1;
    }
    return count;
  };
  return { core, run, most: () => most };
}

test('the first of a million queues are found in bounded slices', () => {
  const { core, run, most } = bench();
  const found: QueueTop[] = [];
  findTop(core, { by: 'depth', max: 10, prefix: '' }, (top) => found.push(top));
  assert.equal(found.length, 0, 'nothing is done while the question is asked');
  const slices = run();
  assert.equal(slices, Math.ceil(QUEUES / LOOKS_MAX));
  // The last slice also looks at those that it shows.
  assert.ok(most() <= LOOKS_MAX + 10, `${most()} looks in one slice`);
  const counts = books.queues.map((row) => row?.count ?? 0).sort((a, b) => b - a);
  const [top] = found;
  assert.deepEqual(
    top?.lines.map(({ count }) => count),
    counts.slice(0, 10),
  );
  assert.equal(top?.looks, QUEUES);
});

test('what criteria mean is counted in bounded slices', () => {
  const { core, run, most } = bench();
  let counted: { messages: number; queues: number } | undefined;
  countMeant(core, { tenant: 't3' }, (count) => {
    counted = count;
  });
  run();
  assert.ok(most() <= LOOKS_MAX, `${most()} looks in one slice`);
  const meant = books.queues.filter((row) => row?.name.startsWith('t3@') && row.count > 0);
  const messages = meant.reduce((sum, row) => sum + (row?.count ?? 0), 0);
  assert.deepEqual(counted, { messages, queues: meant.length });
  const names = ['t0@d7.example', 't0@d7.example', 'nobody'];
  countMeant(core, { queue_names: names }, (count) => {
    counted = count;
  });
  run();
  assert.equal(counted?.queues, 1);
});

test('an empty round ends, too', () => {
  const slices: (() => void)[] = [];
  let isDone = false;
  lookThrough({
    soon: (task) => slices.push(task),
    length: 0,
    visit: () => assert.fail('there is nothing'),
    done: () => {
      isDone = true;
    },
  });
  slices.shift()?.();
  assert.ok(isDone);
});

test('a top list is what sorting gives', () => {
  const entries = fc.array(fc.tuple(fc.integer({ min: -5, max: 20 }), fc.nat(50)));
  const property = fc.property(entries, fc.nat(8), (given, max) => {
    const list = new TopList<string>(max);
    const names = given.map(([, number]) => `n${String(number).padStart(2, '0')}`);
    for (const [at, [score]] of given.entries()) {
      list.offer(score, names[at] as string, `${score} ${names[at]}`);
    }
    const sorted = given
      .map(([score], at) => ({ score, name: names[at] as string }))
      .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    assert.deepEqual(
      list.list(),
      sorted.slice(0, max).map(({ score, name }) => `${score} ${name}`),
    );
  });
  fc.assert(property, { numRuns: 500 });
});
