/**
 * Law: an actor walks along the table of a chart as XState walks along the chart: it asks the same
 * guards and does the same effects, in the same order, and comes to stand in the same states. Held
 * for charts drawn at random and for the one that is run so, the connection's.
 * Deliberately unknown here: what guards and effects mean.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AnyStateMachine } from 'xstate';
import { createActor, createMachine } from 'xstate';
import { makeTable } from '../../src/actors/chart-table.ts';
import { connectionChart } from '../../src/actors/connection/chart.ts';
import { InvariantBroken } from '../../src/domain/invariant.ts';
import type { Chart } from '../charts/found.ts';
import { leafNameOf, namesIn } from '../charts/found.ts';

const RUNS = 400;
const ECHOES_MAX = 4;
const SIGNALS = ['go', 'stay', 'rest', 'unheard'] as const;
const EFFECTS = ['one', 'two', 'three', 'throws'] as const;

type Logic = Parameters<typeof createActor>[0];

/** Everything that an actor does, asks and comes to, in order; guards answer what `bits` say. */
function walk(
  machine: AnyStateMachine,
  makeLogic: (machine: AnyStateMachine) => Logic,
  bits: readonly boolean[],
  signals: readonly string[],
): string[] {
  const seen: string[] = [];
  let asked = 0;
  let echoes = 0;
  const chart = { machine } as Chart;
  const guards = [...namesIn(chart, 'guards')].map((name) => [
    name,
    ({ event }: { event: { type: string } }) => {
      const isTrue = bits[asked] ?? false;
      asked += 1;
      seen.push(`${event.type}: ${name}? ${isTrue}`);
      return isTrue;
    },
  ]);
  let echo = (): void => {};
  const actions = [...namesIn(chart, 'actions')].map((name) => [
    name,
    ({ event }: { event: { type: string } }) => {
      seen.push(`${event.type}: ${name}`);
      // A signal from within is heard when all that this one draws is done.
      if (name === 'two' && echoes < ECHOES_MAX) echo();
      if (name === 'throws') throw new Error('an effect broke');
    },
  ]);
  const hands = { guards: Object.fromEntries(guards), actions: Object.fromEntries(actions) };
  const actor = createActor(makeLogic(machine.provide(hands as never)), { input: {} as never });
  actor.subscribe({ error: (error) => void seen.push(String(error)) });
  const stand = (): void => {
    const { value, status } = actor.getSnapshot() as { value: unknown; status: string };
    seen.push(`${status} in ${leafNameOf(value)}`);
  };
  echo = () => {
    echoes += 1;
    actor.send({ type: 'stay' });
  };
  actor.start();
  stand();
  for (const type of signals) {
    actor.send({ type });
    stand();
  }
  return seen;
}

const asChart = (machine: AnyStateMachine): Logic => machine;
const asTable = (machine: AnyStateMachine): Logic => makeTable(machine)() as unknown as Logic;

function assertSame(machine: AnyStateMachine, bits: boolean[], signals: string[]): void {
  const chart = walk(machine, asChart, bits, signals);
  assert.deepEqual(walk(machine, asTable, bits, signals), chart);
}

const bits = fc.array(fc.boolean(), { maxLength: 60 });
const effects = fc.array(fc.constantFrom(...EFFECTS.slice(0, 3)), { maxLength: 2 });

/** A chart of two levels; every state may be a target, the root and the end too. */
const charts = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 })
  .chain((sizes) => {
    const names = sizes.flatMap((size, at) => [
      `s${at}`,
      ...Array.from({ length: size }, (_, inner) => `s${at}i${inner}`),
    ]);
    const targets = ['root', 'end', ...names].map((name) => `#${name}`);
    const guard = fc.constantFrom('first', 'second');
    const parts = {
      target: fc.option(fc.constantFrom(...targets), { nil: undefined }),
      actions: fc.array(fc.constantFrom(...EFFECTS), { maxLength: 2 }),
      reenter: fc.boolean(),
    };
    const arrow = fc.record({ ...parts, guard: fc.option(guard, { nil: undefined }) });
    const arrows = fc.array(arrow, { minLength: 1, maxLength: 2 });
    // Without a guard the chart could run in circles.
    const pass = fc.array(fc.record({ ...parts, guard }), { maxLength: 1 });
    const heard = fc.dictionary(fc.constantFrom('go', 'stay', 'rest', '*'), arrows);
    const body = fc.record({ on: heard, entry: effects, exit: effects, always: pass });
    const bodies = fc.array(body, { minLength: names.length + 1, maxLength: names.length + 1 });
    return bodies.map(([root, ...all]) => {
      const byName = new Map(names.map((name, at) => [name, { id: name, ...all[at] }]));
      const states = sizes.map((size, at) => {
        const own = byName.get(`s${at}`);
        const inner = Array.from({ length: size }, (_, one) => `s${at}i${one}`);
        const within = { initial: inner[0], states: stateTable(inner, byName) };
        return [`s${at}`, size === 0 ? own : { ...own, ...within }];
      });
      const config = { id: 'root', context: () => ({}), initial: 's0', ...root };
      const end = { id: 'end', type: 'final' };
      return { ...config, id: 'root', states: { ...Object.fromEntries(states), end } };
    });
  });

function stateTable(names: string[], byName: ReadonlyMap<string, object>): object {
  return Object.fromEntries(names.map((name) => [name, byName.get(name)]));
}

describe('the table of a chart', () => {
  test('is walked as XState walks along the chart, whatever the chart', () => {
    const signals = fc.array(fc.constantFrom(...SIGNALS), { maxLength: 8 });
    const law = fc.property(charts, bits, signals, (config, answers, heard) => {
      assertSame(createMachine(config as never), answers, heard);
    });
    fc.assert(law, { numRuns: RUNS });
  });

  test('is walked as XState walks along the connection', () => {
    const types = [...new Set(Object.values(connectionChart.root.states).flatMap(typesOf))];
    const signals = fc.array(fc.constantFrom(...types, 'unheard'), { maxLength: 12 });
    const law = fc.property(bits, signals, (answers, heard) =>
      assertSame(connectionChart, answers, heard),
    );
    fc.assert(law, { numRuns: RUNS });
  });

  test('refuses what it cannot say', () => {
    const context = (): object => ({});
    const unsayable: object[] = [
      { context, type: 'parallel', states: { a: {}, b: {} } },
      { context, initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } },
      { context, initial: 'a', states: { a: { invoke: { src: 'other' } } } },
      { context, initial: 'a', states: { a: { on: { 'go.*': 'b' } }, b: {} } },
      { context, initial: 'a', states: { a: { entry: 'unknown' } } },
      { context, initial: 'a', states: { a: { on: { go: { guard: 'unknown' } } } } },
      { context, initial: 'a', states: { a: { initial: 'c', states: { c: { type: 'final' } } } } },
      { initial: 'a', states: { a: {} } },
    ];
    for (const config of unsayable) {
      const make = (): unknown => makeTable(createMachine({ id: 'm', ...config } as never));
      assert.throws(make, InvariantBroken, JSON.stringify(config));
    }
  });
});

interface Node {
  readonly transitions: ReadonlyMap<string, unknown>;
  readonly states: Readonly<Record<string, Node>>;
}

const typesOf = (node: Node): string[] =>
  [...node.transitions.keys(), ...Object.values(node.states).flatMap(typesOf)].filter(
    (type) => type !== '*',
  );
