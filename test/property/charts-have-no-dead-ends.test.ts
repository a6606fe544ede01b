/**
 * Law: exploring a chart reaches every state, and from every state that is not final rest or the
 * end can be reached. The idea: charts are graphs; guards may hold or not, so every guarded arrow
 * is walked. Of the connection more is asked: a deadline and an abort lead out of every state in
 * which it can wait.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnyStateMachine, StateNode } from 'xstate';
import { connectionChart } from '../../src/actors/connection/chart.ts';
import { queueChart } from '../../src/actors/queue/chart.ts';
import { sourceChart } from '../../src/actors/source/chart.ts';
import { shipperChart } from '../../src/projections/shipper/chart.ts';

type Node = StateNode;

const leavesOf = (node: Node): Node[] => {
  const children = Object.values(node.states) as Node[];
  return children.length === 0 ? [node] : children.flatMap(leavesOf);
};

/** The leaf that entering a node ends in. */
const entered = (node: Node): Node => {
  const first = node.initial?.target[0] as Node | undefined;
  return first === undefined ? node : entered(first);
};

/** A leaf and all that contain it: their arrows are its arrows. */
const lineOf = (leaf: Node): Node[] =>
  leaf.parent === undefined ? [leaf] : [leaf, ...lineOf(leaf.parent as Node)];

/** Where one event may lead: the innermost node that knows it decides, whatever its guards say. */
function targetsOf(leaf: Node, event: string): Node[] {
  for (const node of lineOf(leaf)) {
    const arrows = node.transitions.get(event) ?? [];
    if (arrows.length === 0) continue;
    const targets = arrows.flatMap(({ target }) => (target ?? []) as Node[]).map(entered);
    const isSure = arrows.some(({ guard }) => guard === undefined);
    return isSure ? targets : [...targets, ...targetsAbove(node, event)];
  }
  return [];
}

const targetsAbove = (node: Node, event: string): Node[] =>
  node.parent === undefined ? [] : targetsOf(node.parent as Node, event);

const alwaysOf = (leaf: Node): Node[] =>
  (leaf.always ?? []).flatMap(({ target }) => (target ?? []) as Node[]).map(entered);

const eventsOf = (leaf: Node): string[] => [
  ...new Set(lineOf(leaf).flatMap((node) => [...node.transitions.keys()])),
];

const neighboursOf = (leaf: Node): Node[] => [
  ...alwaysOf(leaf),
  ...eventsOf(leaf).flatMap((event) => targetsOf(leaf, event)),
];

function reach(from: Node): Set<Node> {
  const seen = new Set([from]);
  for (const node of seen) for (const next of neighboursOf(node)) seen.add(next);
  return seen;
}

const CHARTS: readonly (readonly [string, AnyStateMachine, string])[] = [
  ['queue', queueChart, 'ready'],
  ['source', sourceChart, 'open'],
  ['connection', connectionChart, 'closed'],
  ['shipper', shipperChart, 'watching'],
];

for (const [name, chart, rest] of CHARTS) {
  const root = chart.root as unknown as Node;
  describe(name, () => {
    test('every state is reached', () => {
      const reached = reach(entered(root));
      for (const leaf of leavesOf(root)) assert.ok(reached.has(leaf), `${leaf.key} is reached`);
    });

    test('every state can come to rest, or to the end', () => {
      for (const leaf of leavesOf(root)) {
        const goals = [...reach(leaf)].filter(({ key, type }) => key === rest || type === 'final');
        assert.ok(goals.length > 0, `${leaf.key} can come to rest`);
      }
    });

    test('what is final says no more', () => {
      const finals = leavesOf(root).filter(({ type }) => type === 'final');
      assert.ok(finals.length > 0);
      for (const leaf of finals) assert.equal(leaf.transitions.size, 0, leaf.key);
    });
  });
}

describe('connection', () => {
  const root = connectionChart.root as unknown as Node;
  const isPassing = (leaf: Node): boolean =>
    (leaf.always ?? []).some(({ guard }) => guard === undefined);
  const waiting = leavesOf(root).filter((leaf) => leaf.type !== 'final' && !isPassing(leaf));

  test('time leads out of every state in which it waits', () => {
    assert.ok(waiting.length > 5);
    for (const leaf of waiting) {
      const targets = targetsOf(leaf, 'deadline.passed');
      assert.ok(targets.length > 0, `${leaf.key} hears its deadline`);
      assert.ok(!targets.includes(leaf), `${leaf.key} does not stay`);
    }
  });

  test('a lost link leads out of every state that has one', () => {
    // Who asks whether to dial has none yet.
    for (const leaf of waiting.filter(({ key }) => key !== 'asking')) {
      assert.ok(targetsOf(leaf, 'link.lost').length > 0, `${leaf.key} hears of it`);
    }
  });

  test('an abort ends it wherever it is', () => {
    for (const leaf of waiting) {
      const keys = targetsOf(leaf, 'abort.wanted').map(({ key }) => key);
      assert.deepEqual(keys, ['closed'], leaf.key);
    }
  });
});

describe('shipper', () => {
  const root = shipperChart.root as unknown as Node;
  const leaves = leavesOf(root).filter(({ type }) => type !== 'final');
  const isPassing = (leaf: Node): boolean =>
    (leaf.always ?? []).some(({ guard }) => guard === undefined);

  test('a stop whose patience is at its end ends it wherever it is', () => {
    for (const leaf of leaves) {
      const keys = targetsOf(leaf, 'patience.ended').map(({ key }) => key);
      assert.deepEqual(keys, ['ended'], leaf.key);
    }
  });

  test('time leads out of every state that waits for the world or for a sink', () => {
    // A first signal is sent by whoever made it; the disk always answers, and a stop has patience.
    const others = new Set(['made', 'burying', 'saving']);
    const waiting = leaves.filter((leaf) => !isPassing(leaf) && !others.has(leaf.key));
    assert.ok(waiting.length > 8);
    for (const leaf of waiting.filter(({ key }) => key !== 'watching')) {
      const targets = targetsOf(leaf, 'deadline.passed');
      assert.ok(targets.length > 0 && !targets.includes(leaf), leaf.key);
    }
  });

  test('nothing is sent from where something is being written', () => {
    const after = (key: string, event: string): string[] => {
      const leaf = leaves.find((one) => one.key === key);
      return leaf === undefined ? [] : targetsOf(leaf, event).map((one) => one.key);
    };
    assert.deepEqual(after('burying', 'letters.buried'), ['saving']);
    assert.deepEqual(after('saving', 'cursor.saved'), ['choosing']);
    const intoSending = leaves.filter((leaf) =>
      neighboursOf(leaf).some(({ key }) => key === 'sending'),
    );
    assert.deepEqual(
      intoSending.map(({ key }) => key),
      ['choosing'],
    );
  });
});
