/**
 * Draws a statechart as a mermaid diagram and as a table: state, meaning, hears, effects.
 * The one idea: the running machine is the only source, so the page cannot disagree with it, and a
 * state that nobody described is an error, not an empty cell.
 * Deliberately unknown here: which machines exist, and the file the text goes into.
 */

/** What is read of a machine: the node tree XState 5 builds. */
export interface ChartNode {
  readonly key: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly description?: string | undefined;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly initial?: { readonly target?: readonly ChartNode[] | undefined } | undefined;
  readonly states: Readonly<Record<string, ChartNode>>;
  readonly transitions: ReadonlyMap<string, readonly ChartArrow[]>;
  readonly always?: readonly ChartArrow[] | undefined;
}

/** What is read of a transition. */
export interface ChartArrow {
  readonly eventType: string;
  readonly target?: readonly ChartNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly description?: string | undefined;
}

/** A chart as text for the document. */
export interface ChartPage {
  readonly mermaid: string;
  readonly table: string;
  /** States that carry no description, as dotted paths. */
  readonly undescribed: readonly string[];
}

const idOf = (node: ChartNode): string => node.path.join('_');
const pathOf = (node: ChartNode): string => node.path.join('.');

/** The name of an action or guard; vocabulary is named in `setup`, the rest is `unnamed`. */
export function nameOf(part: unknown): string {
  if (typeof part === 'string') return part;
  if (typeof part === 'object' && part !== null && 'type' in part) return String(part.type);
  if (typeof part === 'function') return part.name === '' ? 'unnamed' : part.name;
  return 'unnamed';
}

/** `xstate.after.<delay>.<node>` is shown as the delay a reader knows by name. */
export function signalOf(eventType: string): string {
  if (eventType === '') return 'at once';
  const delay = /^xstate\.after\.([^.]+)\./.exec(eventType)?.[1];
  if (delay !== undefined) return `after ${delay}`;
  return eventType.replace(/^xstate\.(done|error)\./, '$1 ');
}

function arrowsOf(node: ChartNode): readonly ChartArrow[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function labelOf(arrow: ChartArrow): string {
  const guard = arrow.guard === undefined ? '' : ` [${nameOf(arrow.guard)}]`;
  return `${signalOf(arrow.eventType)}${guard}`;
}

/** Walks all states below the root, outer before inner, in the order they were written. */
export function statesOf(root: ChartNode): ChartNode[] {
  return Object.values(root.states).flatMap((node) => [node, ...statesOf(node)]);
}

/** Draws and lists one chart. */
export function drawChart(root: ChartNode): ChartPage {
  const states = statesOf(root);
  const lines = ['stateDiagram-v2', ...drawInside(root, '  ')];
  for (const node of states) lines.push(...drawArrows(node));
  for (const arrow of arrowsOf(root)) {
    for (const target of arrow.target ?? []) {
      // A transition of the root holds in every state; a note says so without fifty arrows.
      lines.push(`  note right of ${idOf(target)}: from anywhere, ${labelOf(arrow)}`);
    }
  }
  const rows = states.map(rowOf);
  const anywhere = arrowsOf(root);
  if (anywhere.length > 0) {
    rows.push(rowFrom('(anywhere)', 'Holds in every state.', anywhere, [], []));
  }
  return {
    mermaid: `\`\`\`mermaid\n${lines.join('\n')}\n\`\`\``,
    table: ['| State | Means | Hears | Effects |', '|---|---|---|---|', ...rows].join('\n'),
    undescribed: states.filter((node) => (node.description ?? '').trim() === '').map(pathOf),
  };
}

function drawInside(node: ChartNode, indent: string): string[] {
  const lines: string[] = [];
  for (const start of node.initial?.target ?? []) lines.push(`${indent}[*] --> ${idOf(start)}`);
  for (const child of Object.values(node.states)) {
    const isCompound = Object.keys(child.states).length > 0;
    const head = `${indent}state "${child.key}" as ${idOf(child)}`;
    lines.push(isCompound ? `${head} {` : head);
    if (isCompound) lines.push(...drawInside(child, `${indent}  `), `${indent}}`);
    if (child.type === 'final') lines.push(`${indent}${idOf(child)} --> [*]`);
  }
  return lines;
}

function drawArrows(node: ChartNode): string[] {
  return arrowsOf(node).flatMap((arrow) =>
    (arrow.target ?? []).map((target) => `  ${idOf(node)} --> ${idOf(target)}: ${labelOf(arrow)}`),
  );
}

function rowOf(node: ChartNode): string {
  return rowFrom(pathOf(node), node.description ?? '', arrowsOf(node), node.entry, node.exit);
}

function rowFrom(
  state: string,
  means: string,
  arrows: readonly ChartArrow[],
  entry: readonly unknown[],
  exit: readonly unknown[],
): string {
  const hears = arrows.map((arrow) => {
    const targets = (arrow.target ?? []).map(pathOf).join(', ');
    return targets === '' ? `\`${labelOf(arrow)}\`` : `\`${labelOf(arrow)}\` → ${targets}`;
  });
  const effects = [
    ...entry.map((part) => `enter: \`${nameOf(part)}\``),
    ...arrows.flatMap((arrow) =>
      arrow.actions.map((part) => `${signalOf(arrow.eventType)}: \`${nameOf(part)}\``),
    ),
    ...exit.map((part) => `leave: \`${nameOf(part)}\``),
  ];
  const cells = [`\`${state}\``, means, hears.join('<br>'), effects.join('<br>')];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
}
