/**
 * Every chart there is, found in the source tree, so that none can be left out: whoever writes
 * `createMachine` is looked at. Of each chart the names of its states, arrows and words.
 * Deliberately unknown here: what is asked of a chart.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { StateMachine } from 'xstate';
import { nameOf, signalOf } from '../../scripts/docs/charts.ts';
import type { Source } from '../../scripts/tidy/sources.ts';
import { parseSource, readPaths, walk } from '../../scripts/tidy/sources.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A chart and what its file says that it hears. */
export interface Chart {
  readonly name: string;
  readonly path: string;
  readonly machine: AnyStateMachine;
  /** The types of the signals, as the `...Signal` interface beside it lists them. */
  readonly signals: readonly string[];
}

const CREATES = /\bcreateMachine\(/;

/** The charts of the source tree, by name. */
export async function findCharts(): Promise<Chart[]> {
  const paths = readPaths(ROOT, `${ROOT}/src`).filter((path) => path.endsWith('.ts'));
  const charts: Chart[] = [];
  for (const path of paths) {
    const text = readFileSync(`${ROOT}/${path}`, 'utf8');
    if (!CREATES.test(text)) continue;
    const module: Record<string, unknown> = await import(pathToFileURL(`${ROOT}/${path}`).href);
    const machines = Object.values(module).filter((one) => one instanceof StateMachine);
    const created = text.match(new RegExp(CREATES, 'g'))?.length ?? 0;
    // One that is not exported could not be looked at.
    if (machines.length !== created) {
      throw new Error(`${path} makes ${created} charts and exports ${machines.length}`);
    }
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const beside = paths.filter((one) => one.startsWith(folder));
    const sources = beside.map((one) => parseSource(one, readFileSync(`${ROOT}/${one}`, 'utf8')));
    for (const machine of machines) {
      const signals = sources.flatMap((source) => signalsIn(source, machine.id));
      charts.push({ name: machine.id, path, machine, signals });
    }
  }
  return charts;
}

// `interface QueueSignal { readonly type: 'a' | 'b' }`, for the chart `queue`.
function signalsIn({ tree }: Source, id: string): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    if (!ts.isInterfaceDeclaration(node) || node.name.text.toLowerCase() !== `${id}signal`) return;
    walk(node, (part) => {
      if (ts.isStringLiteral(part)) found.push(part.text);
    });
  });
  return found;
}

/** A state as people call it. */
export const pathOf = (node: AnyStateNode): string => node.path.join('.') || '(anywhere)';

/** The states in which a chart can be: those without states inside. */
export function leavesOf(node: AnyStateNode): AnyStateNode[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node] : children.flatMap(leavesOf);
}

/** A state and all that contain it, the innermost first. */
export const lineOf = (node: AnyStateNode): AnyStateNode[] =>
  node.parent === undefined ? [node] : [node, ...lineOf(node.parent)];

/** What leads out of a state itself, and what it does on the spot. */
export const arrowsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
];

/** All nodes of a chart, outer before inner. */
export const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(nodesOf),
];

/** An arrow in words; two of one state with the same words are one. */
export function wordsOf(arrow: AnyTransitionDefinition): string {
  const guard = arrow.guard === undefined ? '' : ` [${nameOf(arrow.guard)}]`;
  const targets = (arrow.target ?? []).map((node) => ` → ${pathOf(node)}`).join('');
  const actions = arrow.actions.map((action) => ` / ${nameOf(action)}`).join('');
  return `${pathOf(arrow.source)}: ${signalOf(arrow.eventType)}${guard}${targets}${actions}`;
}

/** The leaf a snapshot's value means. */
export function leafNameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const entries = Object.entries(value as object);
  return entries.map(([key, inner]) => `${key}.${leafNameOf(inner)}`).join(' & ');
}

/** All that a chart names of one kind, over all its states. */
export function namesIn(chart: Chart, kind: 'actions' | 'guards'): Set<string> {
  const parts = nodesOf(chart.machine.root).flatMap((node): unknown[] => {
    const arrows = arrowsOf(node);
    if (kind === 'guards') return arrows.flatMap(({ guard }) => guard ?? []);
    return [...node.entry, ...node.exit, ...arrows.flatMap(({ actions }) => [...actions])];
  });
  return new Set(parts.map(nameOf));
}
