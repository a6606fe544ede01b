/**
 * Law: every chart of the source tree is explored whole. Generated ways reach every state, every
 * transition is taken from every state in which it holds, and a signal that a state does not hear
 * changes nothing and, where the chart is ephemeral, breaks an invariant. What was reached is
 * printed as numbers; what was not is named.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnyMachineSnapshot, AnyTransitionDefinition } from 'xstate';
import type { ActorKind } from '../../src/actors/registry.ts';
import { Registry } from '../../src/actors/registry.ts';
import { InvariantBroken } from '../../src/domain/invariant.ts';
import { connectionWalks } from '../charts/connection-walks.ts';
import { walkDurable } from '../charts/durable-walks.ts';
import { Explored, eventsOf, hear } from '../charts/explored.ts';
import type { Chart } from '../charts/found.ts';
import {
  arrowsOf,
  findCharts,
  leafNameOf,
  leavesOf,
  lineOf,
  namesIn,
  nodesOf,
  pathOf,
  wordsOf,
} from '../charts/found.ts';
import { walkGuided } from '../charts/guided.ts';
import { Ledger } from '../charts/ledger.ts';
import { shipperWalks } from '../charts/shipper-walks.ts';

const charts = await findCharts();
const SEED = Number(process.env['LAW_SEED'] ?? 1);

/** Who gives the guards of a chart real answers; one without guards needs nobody. */
const WALKS: Readonly<Record<string, (ledger: Ledger) => Promise<number>>> = {
  connection: (ledger) => walkGuided(ledger, connectionWalks, SEED, WALKS_MAX),
  shipper: (ledger) => walkGuided(ledger, shipperWalks, SEED, WALKS_MAX),
};
const DURABLE = ['queue', 'source'] as const;
// Of eleven seeds that were tried the slowest needed more than 15,000 along the connection.
const WALKS_MAX = 60_000;
const PLAYS_MAX = 60;

test('there are charts', () => assert.ok(charts.length >= 4, String(charts.length)));

for (const chart of charts) {
  describe(chart.name, () => {
    test('every state and every transition is reached', (t) => {
      const ledger = explore(chart);
      t.diagnostic(String(ledger));
      assert.deepEqual(ledger.states.missing, [], 'states that no way leads to');
      assert.deepEqual(ledger.arrows.missing, [], 'transitions that are never taken');
      assert.deepEqual(ledger.steps.missing, [], 'transitions that some state never takes');
    });

    test('shortest and simple ways lead where the graph says', (t) => {
      const explored = new Explored(chart);
      const [shortest, simple] = [explored.shortestWays(), explored.simpleWays()];
      for (const { begins, heard, leads } of [...shortest, ...simple]) {
        const { snapshot, error } = hear(explored.machine, { input: { holds: begins } }, heard);
        assert.equal(error, undefined, String(error));
        assert.equal(leafNameOf(snapshot.value), leads, JSON.stringify(heard));
      }
      t.diagnostic(`${chart.name}: ${shortest.length} shortest ways, ${simple.length} simple ones`);
    });

    test('what a state does not hear is refused', (t) => {
      const refused = refuse(chart);
      t.diagnostic(`${chart.name}: ${refused} illegal signals refused`);
      assert.ok(refused > 0);
    });

    test('it is well formed', () => assert.deepEqual(findFlaws(chart), []));

    const walks = WALKS[chart.name];
    test('somebody walks along it', () => {
      const isDurable = DURABLE.some((name) => name === chart.name);
      assert.ok(walks !== undefined || isDurable, 'a new chart: give it walks of its own');
    });
    if (walks === undefined) return;
    test('its own guards and hands take every transition', async (t) => {
      const ledger = new Ledger(chart);
      const count = await walks(ledger);
      t.diagnostic(`${ledger}; by itself, in ${count} walks`);
      assertWhole(ledger);
    });
  });
}

test('the engine takes every transition of queues and sources', async (t) => {
  const find = (name: string): Chart => charts.find((one) => one.name === name) as Chart;
  const ledgers = { queue: new Ledger(find('queue')), source: new Ledger(find('source')) };
  const count = await walkDurable(ledgers, SEED, PLAYS_MAX);
  for (const ledger of Object.values(ledgers)) {
    t.diagnostic(`${ledger}; by the engine, in ${count} plays`);
    assertWhole(ledger);
  }
});

function assertWhole(ledger: Ledger): void {
  assert.deepEqual(ledger.states.missing, [], 'states that it never came to');
  assert.deepEqual(ledger.arrows.missing, [], 'transitions that it never took');
}

/** Takes each step of the graph once more, with a living actor under the ledger's eyes. */
function explore(chart: Chart): Ledger {
  const ledger = new Ledger(chart);
  const explored = new Explored(chart);
  for (const { holds } of explored.starts) {
    hear(explored.machine, { input: { holds }, inspect: ledger.watch() }, []);
  }
  for (const { state, event, nextState } of explored.edges()) {
    const from = leafNameOf(state.value);
    const options = { snapshot: state, inspect: ledger.watch(from) };
    const { snapshot, error } = hear(explored.machine, options, [event]);
    assert.equal(error, undefined, `in ${from}, ${event.type}: ${String(error)}`);
    assert.deepEqual(snapshot.value, nextState.value, `in ${from}, ${event.type}`);
    // What is held is one object, or there is nothing to hold.
    assert.deepEqual(snapshot.context, state.context, `in ${from}, ${event.type}: no assign`);
  }
  return ledger;
}

/** Tells every state every signal that it does not hear; answers how many those were. */
function refuse(chart: Chart): number {
  const explored = new Explored(chart);
  const isEphemeral = chart.machine.root.transitions.has('*');
  const states = explored.edges().flatMap(({ state, nextState }) => [state, nextState]);
  const byName = new Map(states.map((state) => [leafNameOf(state.value), state]));
  let refused = 0;
  for (const [name, state] of byName) {
    const heard = new Set(state.status === 'done' ? [] : eventsOf(state));
    for (const type of [...chart.signals, 'nonsense.heard'].filter((one) => !heard.has(one))) {
      const isLoud = isEphemeral && state.status !== 'done';
      if (isLoud) assertLoud(chart, state, type);
      else assertSilent(chart, state, type, name);
      refused += 1;
    }
  }
  return refused;
}

/** An ephemeral chart that hears what is out of place: our own fault, and the process ends. */
function assertLoud({ machine }: Chart, state: AnyMachineSnapshot, type: string): void {
  const { snapshot, error } = hear(machine, { snapshot: machine.resolveState(state) }, [{ type }]);
  assert.ok(error instanceof InvariantBroken, `${type} in ${leafNameOf(state.value)}`);
  assert.deepEqual(snapshot.value, state.value);
}

/** A durable chart is asked before the commit and says no; told all the same, it stays. */
function assertSilent(chart: Chart, state: AnyMachineSnapshot, type: string, name: string): void {
  const { machine } = chart;
  const place = `${chart.name}: ${type} in ${name}`;
  const at = machine.resolveState(state);
  // XState answers for a chart that is over what it would have answered before.
  if (state.status !== 'done') assert.equal(at.can({ type }), false, place);
  const { snapshot, error } = hear(machine, { snapshot: at }, [{ type }]);
  assert.equal(error, undefined, place);
  assert.deepEqual([snapshot.value, snapshot.context], [state.value, state.context], place);
  if (chart.name !== 'queue' && chart.name !== 'source') return;
  assert.equal(Registry.can(chart.name, name, type), false, place);
  assert.equal(Registry.next(chart.name, name, type), undefined, place);
  // The engine moves an actor only along what the books say; where these differ it ends.
  const kind: ActorKind = chart.name;
  const step = { kind, name: 'x', event: type, from: name, to: 'elsewhere' };
  assert.throws(() => new Registry().signal(step), InvariantBroken, place);
}

/** What is wrong with a chart as it is written, one sentence each. */
function findFlaws(chart: Chart): string[] {
  const { root } = chart.machine;
  const nodes = nodesOf(root);
  return [
    ...leavesOf(root).flatMap((leaf) => {
      const arrows = lineOf(leaf).flatMap(arrowsOf);
      const leaves = arrows.some(({ target }) => (target ?? []).some((to) => to !== leaf));
      if (leaf.type === 'final') return arrowsOf(leaf).map((arrow) => `final: ${wordsOf(arrow)}`);
      return leaves ? [] : [`${pathOf(leaf)} has no exit and is not final`];
    }),
    ...nodes.flatMap((node) =>
      [...node.transitions.values(), node.always ?? []].flatMap((list) => findTwins(list)),
    ),
    ...nodes
      .flatMap((node) => node.after)
      .flatMap(({ delay, source }) => {
        return typeof delay === 'string' ? [] : [`${pathOf(source)}: a delay without a name`];
      }),
    ...nodes.flatMap((node) => node.invoke.map(() => `${pathOf(node)} invokes`)),
    ...findIdleWords(chart),
  ];
}

/** Arrows for one signal that can never be told apart. */
function findTwins(list: readonly AnyTransitionDefinition[]): string[] {
  return list.flatMap((arrow, at) => {
    const before = list.slice(0, at);
    const words = wordsOf(arrow);
    const guardOf = (one: AnyTransitionDefinition): string => JSON.stringify(one.guard ?? null);
    if (before.some(({ guard }) => guard === undefined)) return [`never asked: ${words}`];
    if (before.some((one) => guardOf(one) === guardOf(arrow))) return [`asked twice: ${words}`];
    const last = before.at(-1);
    const deedOf = (one: AnyTransitionDefinition): string =>
      JSON.stringify([one.target?.map(pathOf), one.actions, one.reenter]);
    const isSame = last !== undefined && deedOf(last) === deedOf(arrow);
    // Two guards may say in two words that the same follows; one and `else` ask for nothing.
    const isIdle = isSame && arrow.guard === undefined;
    return isIdle ? [`does what the one before does: ${words}`] : [];
  });
}

/** Words that nobody uses, and those without a name. */
function findIdleWords(chart: Chart): string[] {
  const { machine, signals } = chart;
  const heard = new Set(nodesOf(machine.root).flatMap((node) => [...node.transitions.keys()]));
  const words = (['actions', 'guards'] as const).flatMap((kind) => {
    const used = namesIn(chart, kind);
    const given = new Set(Object.keys(machine.implementations[kind]));
    return [
      ...[...given].filter((name) => !used.has(name)).map((name) => `${kind}: ${name} is unused`),
      ...[...used].filter((name) => !given.has(name)).map((name) => `${kind}: ${name} is no word`),
    ];
  });
  const deaf = signals.filter((type) => !heard.has(type)).map((type) => `nobody hears ${type}`);
  const strange = [...heard].filter((type) => type !== '*' && !signals.includes(type));
  return [...words, ...deaf, ...strange.map((type) => `${type} is no signal`)];
}
