/**
 * Law: however queues, ready queues and providers come and go while a scrape walks over them, it
 * shows each name at most once and all that live throughout; sums count each such queue once. The
 * idea: births and deaths on real books and real counts between the steps of real walks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Core, ReadyQueue } from '../../src/actors/core.ts';
import type { Figures } from '../../src/actors/figures.ts';
import { figuresOf } from '../../src/actors/figures.ts';
import { Measures } from '../../src/actors/measures.ts';
import { PlacedRows } from '../../src/actors/placed-rows.ts';
import { Books } from '../../src/domain/books.ts';
import { assertLaw } from '../world/law.ts';

const SITES = 6;
const NOW = 1_000;

/** As much of an engine as walks need. */
class Stage {
  readonly books = new Books();
  readonly measures = new Measures();
  readonly readyQueues = new Map<string, ReadyQueue>();
  readonly figures: Figures;

  constructor() {
    const { books, measures, readyQueues } = this;
    const placed = new PlacedRows();
    const [turns, ports] = [{}, { clock: { now: () => NOW } }];
    const core = { books, measures, readyQueues, placed, turns, ports };
    this.figures = figuresOf(core as unknown as Core);
  }

  flipQueue(name: string, count: number): void {
    const row = this.books.findQueue(name);
    if (row === undefined) this.books.openQueue(name, 0).count = count;
    else {
      row.count = 0;
      this.books.closeQueue(row);
    }
  }

  flipReady(number: number): void {
    const name = `ready ${number}`;
    const known = this.readyQueues.get(name);
    if (known !== undefined) {
      this.readyQueues.delete(name);
      this.measures.close(known.counts);
      return;
    }
    const provider = `p${number % SITES}`;
    const counts = this.measures.open({ provider, source: `s${number % 3}`, pool: 'pool' });
    const site = { site: `site ${number}` };
    const path = { provider_name: provider };
    this.readyQueues.set(name, { name, counts, site, path } as unknown as ReadyQueue);
  }
}

interface Watched {
  readonly names: () => Iterable<string>;
  readonly walk: () => Generator<string | undefined>;
}

function* named<T>(walk: Iterable<T | undefined>, nameOf: (one: T) => string) {
  for (const one of walk) yield one === undefined ? undefined : nameOf(one);
}

const openNames = ({ books }: Stage): string[] =>
  books.queues.flatMap((queue) => (queue === undefined ? [] : [queue.name]));

const WALKS: Readonly<Record<string, (stage: Stage) => Watched>> = {
  queues: (stage) => ({
    names: () => openNames(stage),
    walk: () => named(stage.figures.queues(), ({ name }) => name),
  }),
  readyQueues: (stage) => ({
    names: () => stage.readyQueues.keys(),
    walk: () => named(stage.figures.readyQueues(), ({ name }) => name),
  }),
  providers: (stage) => ({
    names: () => stage.measures.providers.keys(),
    walk: () => named(stage.figures.shared('providers'), ({ provider }) => provider),
  }),
  domains: (stage) => ({
    names: () => openNames(stage).map((name) => name.slice(name.indexOf('@') + 1)),
    walk: () => named(stage.figures.sums('domain'), ({ labels }) => labels[0] as string),
  }),
};

const queueName = fc
  .tuple(fc.constantFrom('', 't@', 'c:t@'), fc.nat(2))
  .map(([left, number]) => `${left}d${number}.test`);
const change = fc.oneof(
  fc.tuple(fc.constant('queue' as const), queueName),
  fc.tuple(fc.constant('ready' as const), fc.nat(20)),
);
const steps = fc.array(fc.oneof({ weight: 2, arbitrary: change }, fc.constant('step' as const)), {
  maxLength: 120,
});

function apply(stage: Stage, [what, which]: readonly ['queue' | 'ready', string | number]): void {
  if (what === 'queue') stage.flipQueue(which as string, 3);
  else stage.flipReady(which as number);
}

let interleavings = 0;

test('a scrape shows each that lives throughout exactly once, and none twice', async () => {
  const kind = fc.constantFrom(...Object.keys(WALKS));
  await assertLaw(
    fc.property(kind, fc.array(change), steps, (which, before, script) => {
      const stage = new Stage();
      for (const one of before) apply(stage, one);
      const { names, walk } = (WALKS[which] as (stage: Stage) => Watched)(stage);
      const shown: string[] = [];
      const going = walk();
      const first = going.next();
      if (!first.done && first.value !== undefined) shown.push(first.value);
      let throughout = new Set(names());
      let changes = 0;
      for (const step of script) {
        if (step === 'step') {
          const next = going.next();
          if (!next.done && next.value !== undefined) shown.push(next.value);
        } else {
          apply(stage, step);
          changes += 1;
          const now = new Set(names());
          throughout = new Set([...throughout].filter((name) => now.has(name)));
        }
      }
      for (const name of going) if (name !== undefined) shown.push(name);
      assert.equal(new Set(shown).size, shown.length, `${which}: one comes twice: ${shown}`);
      for (const name of throughout)
        assert.ok(shown.includes(name), `${which}: ${name} is missing`);
      if (changes > 0 && shown.length > 2) interleavings += 1;
    }),
    0.7,
    () => interleavings > 50,
  );
});

test('sums count every queue once', async () => {
  const queues = fc.uniqueArray(fc.tuple(queueName, fc.nat(9)), { selector: ([name]) => name });
  await assertLaw(
    fc.property(queues, (given) => {
      const stage = new Stage();
      for (const [name, count] of given) stage.flipQueue(name, count);
      const expected: Record<string, Record<string, number>> = {
        domain: {},
        tenant: {},
        tenantCampaign: {},
      };
      const add = (by: string, key: string, count: number): void => {
        const sums = expected[by] as Record<string, number>;
        sums[key] = (sums[key] ?? 0) + count;
      };
      for (const [name, count] of given) {
        add('domain', name.slice(name.indexOf('@') + 1), count);
        if (name.includes('@')) add('tenant', 't', count);
        if (name.includes(':')) add('tenantCampaign', 't,c', count);
      }
      for (const by of ['domain', 'tenant', 'tenantCampaign'] as const) {
        const sums: Record<string, number> = {};
        for (const one of stage.figures.sums(by))
          if (one !== undefined) sums[one.labels.join()] = one.sum;
        assert.deepEqual(sums, expected[by]);
      }
    }),
    0.3,
  );
});

test('the age of a provider is that of the oldest message of its queues', async () => {
  const queue = fc.record({
    number: fc.nat(8),
    acceptedAt: fc.nat(NOW + 9),
    isEmpty: fc.boolean(),
  });
  await assertLaw(
    fc.property(fc.array(queue), fc.uniqueArray(fc.nat(8)), (given, ready) => {
      const stage = new Stage();
      for (const number of ready) stage.flipReady(number);
      const expected: Record<string, number> = {};
      for (const [at, { number, acceptedAt, isEmpty }] of given.entries()) {
        const row = stage.books.openQueue(`q${at}.test`, 0);
        Object.assign(row, { site: `site ${number}`, head: at, count: isEmpty ? 0 : 1 });
        stage.books.rows.columns.acceptedAt[at] = acceptedAt;
        if (isEmpty) continue;
        const provider = ready.includes(number) ? `p${number % SITES}` : row.site;
        const age = Math.max(0, NOW - acceptedAt);
        expected[provider] = Math.max(expected[provider] ?? 0, age);
      }
      const found: Record<string, number> = {};
      for (const one of stage.figures.ages())
        if (one !== undefined) found[one.labels.join()] = one.sum;
      assert.deepEqual(found, expected);
    }),
    0.3,
  );
});
