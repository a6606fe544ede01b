/**
 * Law: the connection's chart has no dead ends; every state can be reached and every one but the
 * last can reach `closed`. Its words all have hands, and a signal out of place is our own fault.
 * Deliberately unknown here: guards' answers; the walk takes every transition as possible.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnyStateNode } from 'xstate';
import { createActor, createMachine } from 'xstate';
import { connectionChart } from '../../src/actors/connection/chart.ts';
import type { Conversation } from '../../src/actors/connection/conversation.ts';
import { actions } from '../../src/actors/connection/effects.ts';
import { guards } from '../../src/actors/connection/guards.ts';
import { InvariantBroken } from '../../src/domain/invariant.ts';

type Graph = Map<string, Set<string>>;

const leafOf = (node: AnyStateNode): AnyStateNode => {
  const first = node.initial?.target?.[0];
  return first === undefined ? node : leafOf(first);
};

function leavesOf(node: AnyStateNode): AnyStateNode[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node] : children.flatMap(leavesOf);
}

// From leaf to leaf: a state answers with its own transitions and with those of its parents.
function graphOf(root: AnyStateNode): Graph {
  const graph: Graph = new Map();
  for (const leaf of leavesOf(root)) {
    const targets = new Set<string>();
    for (let node: AnyStateNode | undefined = leaf; node !== undefined; node = node.parent) {
      const all = [...node.transitions.values()].flat().concat(node.always ?? []);
      for (const { target } of all) {
        for (const to of target ?? []) targets.add(leafOf(to).id);
      }
    }
    graph.set(leaf.id, leaf.type === 'final' ? new Set() : targets);
  }
  return graph;
}

function reachFrom(graph: Graph, start: string): Set<string> {
  const seen = new Set([start]);
  for (const id of seen) for (const to of graph.get(id) ?? []) seen.add(to);
  return seen;
}

function findDeadEnds(root: AnyStateNode, end: string): string[] {
  const graph = graphOf(root);
  const reached = reachFrom(graph, leafOf(root).id);
  const stuck = [...graph.keys()].filter((id) => !reachFrom(graph, id).has(end));
  return [...[...graph.keys()].filter((id) => !reached.has(id)), ...stuck];
}

describe('the chart of a connection', () => {
  test('every state is reached and every state reaches closed', () => {
    assert.deepEqual(findDeadEnds(connectionChart.root, 'connection.closed'), []);
    assert.equal(graphOf(connectionChart.root).size, 18);
  });

  test('the walk finds dead ends where there are some', () => {
    const states = { a: { on: { go: 'end' } }, b: { on: { go: 'end' } }, end: {} };
    const unreached = createMachine({ id: 'm', initial: 'a', states });
    assert.deepEqual(findDeadEnds(unreached.root, 'm.end'), ['m.b']);
    const trap = { a: { on: { go: 'end', fall: 'pit' } }, pit: {}, end: {} };
    const trapped = createMachine({ id: 'm', initial: 'a', states: trap });
    assert.deepEqual(findDeadEnds(trapped.root, 'm.end'), ['m.pit']);
  });

  test('every state says what it is', () => {
    const visit = (node: AnyStateNode): void => {
      for (const child of Object.values(node.states)) {
        assert.ok((child.description ?? '').length > 20, child.id);
        visit(child);
      }
    };
    visit(connectionChart.root);
  });

  test('every word has hands, and no hands are without a word', () => {
    const words = connectionChart.implementations;
    const named = Object.keys(words.actions).filter((name) => name !== 'refuseSignal');
    assert.deepEqual(Object.keys(actions).sort(), named.sort());
    assert.deepEqual(Object.keys(guards).sort(), Object.keys(words.guards).sort());
  });

  test('a signal out of place breaks an invariant', () => {
    const held = { plan: [] } as unknown as Conversation;
    const hasCandidate = (): boolean => true;
    const logic = connectionChart.provide({ guards: { hasCandidate } });
    const actor = createActor(logic, { input: held });
    let error: unknown;
    actor.subscribe({
      error: (thrown) => {
        error = thrown;
      },
    });
    actor.start();
    assert.equal(actor.getSnapshot().value, 'dialing');
    actor.send({ type: 'link.secured' });
    assert.ok(error instanceof InvariantBroken);
  });
});
