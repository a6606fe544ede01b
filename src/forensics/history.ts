/**
 * The walk of one queue or source along its chart, as the log tells it: each event with the state
 * it led to and why, and how long each state lasted. The one idea: the chart itself says where an
 * event leads, so states and transitions are those that the engine knows.
 * Deliberately unknown here: how a walk is drawn.
 */
import { Registry } from '../actors/registry.ts';
import type { Books } from '../domain/books.ts';
import { catalogue } from '../events/catalogue.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { History } from './past.ts';
import { NotRebuilt, oldestBooks, Rebuild } from './rebuild.ts';

/** Whose walk it is. */
export type WalkKind = 'queue' | 'source';

/** Events in one walk; what came later is left out, and that is said. */
export const WALK_STEPS_MAX = 20_000;

/** State of what has not come into being, or is not known to have. */
export const NOWHERE = 'none';
/** Its state was set before the log begins. */
const UNKNOWN = 'unknown';

/** An event of the walk. */
export interface WalkStep {
  readonly position: number;
  readonly turn: number;
  readonly at: number;
  readonly event: string;
  readonly from: string;
  readonly to: string;
  /** Why, in one line. */
  readonly cause: string;
  /** Until when it is to last; 0 = until something happens. */
  readonly until: number;
  /** False where the chart does not accept the event: the log is damaged. */
  readonly isLegal: boolean;
}

/** A state and how long it lasted, ms since 1970. */
export interface Spell {
  readonly state: string;
  readonly from: number;
  readonly upto: number;
  readonly cause: string;
}

/** Something that happened to the whole engine meanwhile. */
export interface WalkMark {
  readonly at: number;
  readonly event: string;
  readonly text: string;
}

/** A walk between two instants. */
export interface Walk {
  readonly kind: WalkKind;
  readonly name: string;
  readonly from: number;
  readonly upto: number;
  readonly steps: readonly WalkStep[];
  readonly spells: readonly Spell[];
  readonly marks: readonly WalkMark[];
  /** There were more events than a walk has. */
  readonly isCut: boolean;
}

/** The part of the log that is meant: its positions, and the instants they are seen at. */
export interface WalkSpan {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly upto: number;
}

const TYPES = {
  queue: catalogue.map(({ type }) => type).filter((type) => type.startsWith('queue.')),
  source: catalogue.map(({ type }) => type).filter((type) => type.startsWith('source.')),
} as const;

const MARKS = ['engine.started', 'engine.stopped', 'policy.activated'];

const SAYS = new Map<string, string>(catalogue.map(({ type, says }) => [type, says]));

/** Follows a queue or a source through a part of the log. */
export function walkOf(history: History, kind: WalkKind, name: string, span: WalkSpan): Walk {
  const filter = { types: TYPES[kind], stream: name };
  const steps: WalkStep[] = [];
  const begun = stateBefore(history, kind, name, span.first);
  let state = begun;
  let isCut = false;
  for (const record of history.records(filter, span.first, span.last)) {
    isCut = steps.length >= WALK_STEPS_MAX;
    if (isCut) break;
    const step = stepOf(history, kind, state, record);
    steps.push(step);
    state = step.to;
  }
  const marks = [...history.records({ types: MARKS }, span.first, span.last)].map(markOf);
  const upto = isCut ? (steps.at(-1)?.at ?? span.upto) : span.upto;
  const whole = { kind, name, from: span.from, upto, steps, marks, isCut };
  return { ...whole, spells: spellsOf(begun, steps, span.from, upto) };
}

/** The state just before a position: from the last event that set one, or from the books. */
function stateBefore(history: History, kind: WalkKind, name: string, position: number): string {
  if (position <= history.first && history.first === 1) return NOWHERE;
  // What keeps the state does not tell it.
  const types = TYPES[kind].filter((type) => arrival(kind, type) !== undefined);
  const last = history.findLast({ types, stream: name }, position - 1);
  if (last !== undefined) return arrival(kind, last.type) as string;
  if (history.first === 1) return NOWHERE;
  try {
    return stateIn(new Rebuild(history, position - 1).foldTo(position - 1).books, kind, name);
  } catch (error) {
    if (error instanceof NotRebuilt) return stateLater(history, kind, name, position);
    throw error;
  }
}

const stateIn = (books: Books, kind: WalkKind, name: string): string =>
  (kind === 'queue' ? books.findQueue(name) : books.sources.get(name))?.state ?? NOWHERE;

/** The log's beginning is gone: what the oldest picture says, if nothing moved it before. */
function stateLater(history: History, kind: WalkKind, name: string, position: number): string {
  const oldest = oldestBooks(history);
  if (oldest === undefined) return UNKNOWN;
  const moves = history.records({ types: TYPES[kind], stream: name }, position, oldest.position);
  for (const _ of moves) return UNKNOWN;
  return stateIn(oldest.books, kind, name);
}

/** Where an event leads from whichever state accepts it; undefined where it leaves one as it is. */
function arrival(kind: WalkKind, event: string): string | undefined {
  const states = Registry.states(kind).map(({ name }) => name);
  if (event === `${kind}.opened`) return states[0];
  const reached = states.flatMap((state) => Registry.next(kind, state, event) ?? []);
  return new Set(reached).size === 1 ? reached[0] : undefined;
}

function stepOf(
  history: History,
  kind: WalkKind,
  from: string,
  { position, turn, at, type, body }: StoredRecord,
): WalkStep {
  const said = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const isOpened = type === `${kind}.opened`;
  const isKnown = !isOpened && from !== UNKNOWN;
  const reached = isKnown ? Registry.next(kind, from, type) : undefined;
  const to = reached ?? arrival(kind, type) ?? from;
  const until = typeof said['until'] === 'number' ? said['until'] : 0;
  const isLegal = isOpened || reached !== undefined || from === UNKNOWN;
  const cause = causeOf(history, type, said);
  return { position, turn, at, event: type, from, to, cause, until, isLegal };
}

const BY_TYPE: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => string>> = {
  'queue.routed': ({ site, hosts }) => `to ${String(site)} (${(hosts as string[]).join(', ')})`,
  'source.suspended': ({ cause, reason, count }) =>
    `${String(cause)} (${String(reason)}${count === 0 ? '' : `, ${String(count)} failures`})`,
};

function causeOf(history: History, type: string, body: Readonly<Record<string, unknown>>): string {
  const told = BY_TYPE[type]?.(body) ?? body['cause'];
  const text = typeof told === 'string' && told !== '' ? told : (SAYS.get(type) ?? '');
  const by = typeof body['by'] === 'string' ? body['by'] : orderedBy(history, body['rule']);
  return by === undefined || by === '' ? text : `${text}, by ${by}`;
}

/** Who placed the rule behind a suspension, and that it was one. */
function orderedBy(history: History, rule: unknown): string | undefined {
  if (typeof rule !== 'string') return undefined;
  const filter = { types: ['suspension.placed'], stream: rule };
  const placed = history.findLast(filter, history.last);
  if (placed === undefined) return `rule ${rule}`;
  const { by } = JSON.parse(placed.body) as { readonly by?: string };
  return `${by ?? 'an operator'} (rule ${rule})`;
}

function markOf({ at, type, body }: StoredRecord): WalkMark {
  const said = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const version = said['version'];
  const text =
    type === 'policy.activated'
      ? `policy version ${String(version)} came into force`
      : type === 'engine.started'
        ? `the engine started (${String(version)})`
        : 'the engine stopped';
  return { at, event: type, text };
}

function spellsOf(
  begun: string,
  steps: readonly WalkStep[],
  from: number,
  upto: number,
): readonly Spell[] {
  const spells: Spell[] = [];
  let open = { state: begun, from, cause: '' };
  const close = (at: number): void => {
    if (open.state !== NOWHERE) spells.push({ ...open, upto: Math.max(at, open.from) });
  };
  for (const { at, to, cause, from: before, until } of steps) {
    // A longer rest, or a new one in place of the old, is a spell of its own.
    if (to === before && until === 0) continue;
    close(at);
    open = { state: to, from: Math.max(at, from), cause };
  }
  close(upto);
  return spells;
}

/** How long each state lasted, ms. */
export function totalsOf({ spells }: Pick<Walk, 'spells'>): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const { state, from, upto } of spells) {
    totals.set(state, (totals.get(state) ?? 0) + upto - from);
  }
  return totals;
}
