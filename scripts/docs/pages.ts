/**
 * Collects the generated parts of the documents and puts them between their markers.
 * The one idea: a part is a name and a text; a document says where it goes with
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
import type { OptionEntries } from './options.ts';
import { drawHandlers, drawOptions } from './options.ts';

const CHART_PATH = /^src\/(?:[a-z-]+\/)*([a-z-]+)\/chart\.ts$/;
const CATALOGUE = 'src/events/catalogue.ts';
const HOOKS = 'src/policy/hooks.ts';
const RECORD = 'src/projections/log-record/definition.ts';
const METRICS = 'src/api/metrics/catalogue.ts';
const COMMANDS = 'src/cli/commands.ts';
const OPTION_FILE = /^src\/domain\/options-[a-z-]+\.ts$/;
const OPTION_TABLE = /^([A-Z_]+)_OPTIONS$/;
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
    if (OPTION_FILE.test(path)) parts.push(...(await readOptionParts(root, path)));
  }
  if (paths.includes(CATALOGUE)) parts.push(await readEventsPart(root));
  if (paths.includes(HOOKS)) parts.push(await readHandlersPart(root));
  if (paths.includes(RECORD)) parts.push(...(await drawRecordParts()));
  if (paths.includes(METRICS)) parts.push(...(await drawMetricParts()));
  if (paths.includes(COMMANDS)) parts.push(...(await drawCommandParts()));
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

/** The public record; its examples come from a world, which is loaded for them only. */
async function drawRecordParts(): Promise<Part[]> {
  const { drawExamples, drawFields, drawTypes } = await import('./records.ts');
  return [
    { name: 'record types', text: drawTypes(), faults: [] },
    { name: 'record fields', text: drawFields(), faults: [] },
    { name: 'record examples', text: await drawExamples(), faults: [] },
  ];
}

/** The metrics, and those that are not here. */
async function drawMetricParts(): Promise<Part[]> {
  const { drawAbsent, drawMetrics } = await import('./metrics.ts');
  return [
    { name: 'metrics', text: drawMetrics(), faults: [] },
    { name: 'metrics absent', text: drawAbsent(), faults: [] },
  ];
}

/** The commands of the operator's tool. */
async function drawCommandParts(): Promise<Part[]> {
  const { drawCommands, drawExitCodes } = await import('./commands.ts');
  return [
    { name: 'exit codes', text: drawExitCodes(), faults: [] },
    { name: 'commands', text: await drawCommands(), faults: [] },
  ];
}

/** Each exported table of a file of options is a part of its own. */
async function readOptionParts(root: string, path: string): Promise<Part[]> {
  return Object.entries(await load(root, path)).flatMap(([name, table]) => {
    const word = OPTION_TABLE.exec(name)?.[1];
    if (word === undefined) return [];
    const about = word.toLowerCase().replaceAll('_', ' ');
    return [{ name: `options ${about}`, text: drawOptions(table as OptionEntries), faults: [] }];
  });
}

async function readHandlersPart(root: string): Promise<Part> {
  const { HANDLERS } = await load(root, HOOKS);
  const text = drawHandlers(HANDLERS as Readonly<Record<string, string>>);
  return { name: 'handlers', text, faults: [] };
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

interface Filled {
  readonly path: string;
  readonly text: string;
}

/** The documents that may have places for parts. */
const listDocuments = (root: string): readonly string[] => [
  'ARCHITECTURE.md',
  ...readPaths(root).filter((path) => /^docs\/[^/]+\.md$/.test(path)),
];

/** All documents with fresh parts, and what is wrong with them as they are. */
async function fillAll(root: string): Promise<{ pages: Filled[]; wrong: string[]; old: string[] }> {
  const parts = await collectParts(root);
  const pages: Filled[] = [];
  const wrong = parts.flatMap(({ faults }) => [...faults]);
  const old: string[] = [];
  let homeless = parts.map(({ name }) => name);
  for (const name of listDocuments(root)) {
    const path = join(root, name);
    if (!existsSync(path)) {
      wrong.push(`${name} is missing`);
      continue;
    }
    const filled = fillPlaces(readFileSync(path, 'utf8'), parts);
    pages.push({ path, text: filled.text });
    old.push(...filled.stale.map((what) => `${name}: ${what}`));
    homeless = homeless.filter((part) => filled.homeless.includes(part));
  }
  wrong.push(...homeless.map((part) => `no document has a place "${part}"`));
  return { pages, wrong, old };
}

/** Everything that is stale, homeless or faulty in the documents at `root`; empty when fresh. */
export async function findStaleParts(root: string): Promise<string[]> {
  const { wrong, old } = await fillAll(root);
  return [...old, ...wrong];
}

/** Writes the fresh parts into the documents; answers what could not be placed or is faulty. */
export async function writeParts(root: string): Promise<string[]> {
  const { pages, wrong } = await fillAll(root);
  for (const { path, text } of pages) writeFileSync(path, text);
  return wrong;
}
