/**
 * Collects the generated parts of ARCHITECTURE.md and puts them between their markers.
 * The one idea: a part is a name and a text; the document says where it goes with
 * `<!-- generated: NAME -->` and `<!-- end -->`; a part without a place is as stale as an old one.
 * Deliberately unknown here: how a part is drawn.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readPaths } from '../tidy/sources.ts';
import type { ChartNode } from './charts.ts';
import { drawChart } from './charts.ts';
import { drawCodeMap } from './code-map.ts';
import type { EventEntry } from './events.ts';
import { drawEvents } from './events.ts';

const DOCUMENT = 'ARCHITECTURE.md';
const CHART_PATH = /^src\/(?:[a-z-]+\/)*([a-z-]+)\/chart\.ts$/;
const CATALOGUE = 'src/events/catalogue.ts';
const MARKED = /(<!-- generated: ([^>]+?) -->\n)([\s\S]*?)(<!-- end -->)/g;

/** One generated text and the name of its place. */
export interface Part {
  readonly name: string;
  readonly text: string;
  /** Why the part must not be published as it is. */
  readonly faults: readonly string[];
}

/** Draws every part the repository at `root` can give. */
export async function collectParts(root: string): Promise<Part[]> {
  const paths = readPaths(root).filter((path) => path.startsWith('src/') && path.endsWith('.ts'));
  const parts: Part[] = [];
  for (const path of paths) {
    const actor = CHART_PATH.exec(path)?.[1];
    if (actor !== undefined) parts.push(await readChartPart(root, path, actor));
  }
  if (paths.includes(CATALOGUE)) parts.push(await readEventsPart(root));
  const files = paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  parts.push({ name: 'code map', text: drawCodeMap(files), faults: [] });
  return parts;
}

async function load(root: string, path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(root, path)).href)) as Record<string, unknown>;
}

async function readChartPart(root: string, path: string, actor: string): Promise<Part> {
  const machine = Object.values(await load(root, path)).find(isMachine);
  const name = `chart ${actor}`;
  if (machine === undefined) return { name, text: '', faults: [`${path} exports no machine`] };
  const { mermaid, table, undescribed } = drawChart(machine.root);
  const faults = undescribed.map((state) => `${path}: state ${state} has no description`);
  return { name, text: `${mermaid}\n\n${table}`, faults };
}

function isMachine(value: unknown): value is { readonly root: ChartNode } {
  return typeof value === 'object' && value !== null && 'root' in value && 'transition' in value;
}

async function readEventsPart(root: string): Promise<Part> {
  const lists = Object.values(await load(root, CATALOGUE)).filter(isCatalogue);
  const [catalogue] = lists;
  if (catalogue === undefined) {
    return { name: 'events', text: '', faults: [`${CATALOGUE} exports no list of definitions`] };
  }
  return { name: 'events', text: drawEvents(catalogue), faults: [] };
}

function isCatalogue(value: unknown): value is readonly EventEntry[] {
  const isEntry = (entry: unknown): boolean =>
    typeof entry === 'object' && entry !== null && 'says' in entry && 'shape' in entry;
  return Array.isArray(value) && value.length > 0 && value.every(isEntry);
}

/** Puts the parts into their places; names without a place are told. */
export function fillPlaces(
  document: string,
  parts: readonly Part[],
): { readonly text: string; readonly homeless: readonly string[]; readonly stale: string[] } {
  const texts = new Map(parts.map(({ name, text }) => [name, text]));
  const placed = new Set<string>();
  const stale: string[] = [];
  const text = document.replace(MARKED, (whole, head: string, name: string, old: string, end) => {
    placed.add(name);
    const fresh = texts.get(name);
    if (fresh === undefined) {
      stale.push(`the place "${name}" has no part any more`);
      return whole;
    }
    const inside = `\n${fresh}\n\n`;
    if (inside !== old) stale.push(`the part "${name}" is old`);
    return `${head}${inside}${end}`;
  });
  const homeless = parts.map(({ name }) => name).filter((name) => !placed.has(name));
  return { text, homeless, stale };
}

/** Everything that is stale, homeless or faulty in the document at `root`; empty when fresh. */
export async function findStaleParts(root: string): Promise<string[]> {
  const path = join(root, DOCUMENT);
  if (!existsSync(path)) return [`${DOCUMENT} is missing`];
  const parts = await collectParts(root);
  const { homeless, stale } = fillPlaces(readFileSync(path, 'utf8'), parts);
  const unplaced = homeless.map((name) => `${DOCUMENT} has no place "${name}"`);
  return [...stale, ...unplaced, ...parts.flatMap(({ faults }) => faults)];
}

/** Writes the fresh parts into the document; answers what could not be placed or is faulty. */
export async function writeParts(root: string): Promise<string[]> {
  const path = join(root, DOCUMENT);
  const parts = await collectParts(root);
  const { text, homeless } = fillPlaces(readFileSync(path, 'utf8'), parts);
  writeFileSync(path, text);
  const unplaced = homeless.map((name) => `${DOCUMENT} has no place "${name}"`);
  return [...unplaced, ...parts.flatMap(({ faults }) => faults)];
}
