/**
 * A walk as a Mermaid state diagram: the states that were met, how often each way was gone, how
 * long each state lasted. Knows no log.
 */
import type { Walk } from './history.ts';
import { NOWHERE, totalsOf } from './history.ts';

/** Writes the diagram; `span` puts milliseconds into words. */
export function drawMermaid(walk: Walk, span: (ms: number) => string): string {
  const ways = new Map<string, number>();
  const idOf = (state: string): string => (state === NOWHERE ? '[*]' : state);
  for (const { from, to, event } of walk.steps) {
    const way = `${idOf(from)} --> ${idOf(to)}: ${event}`;
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  const notes = [...totalsOf(walk)].map(
    ([state, ms]) => `  note right of ${state}: ${span(ms)} in all`,
  );
  const lines = [...ways].map(([way, times]) => `  ${way}${times === 1 ? '' : ` × ${times}`}`);
  return ['stateDiagram-v2', ...lines, ...notes].join('\n');
}
