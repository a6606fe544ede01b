/**
 * A chart as a table: for each state the signals it hears, each with the first arrow whose guard
 * holds, and all that taking it does, in order. XState works these out anew at every signal, with
 * sets and lists; here it is done once a chart, and an actor of XState walks along the table.
 * The one idea: the chart stays the only text; what a table cannot say is refused when it is made:
 * states side by side, history, invocations, delays, contexts that change. Knows no chart.
 */
import type {
  ActorLogic,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  EventObject,
  InspectionEvent,
  Snapshot,
} from 'xstate';
import { invariant } from '../domain/invariant.ts';

interface Scene {
  readonly context: unknown;
  readonly event: EventObject;
}

interface Arrow {
  /** As the chart has it; the first step of all is no transition. */
  readonly definition: AnyTransitionDefinition | undefined;
  readonly guard: ((scene: Scene) => boolean) | undefined;
  /** It waits for no signal. */
  readonly isPass: boolean;
  readonly hands: readonly ((scene: Scene) => void)[];
  /** Where it leads; undefined where the state is kept. */
  readonly to: Place | undefined;
}

/** A state that an actor can be in: one without states inside. */
interface Place {
  readonly path: string;
  readonly isFinal: boolean;
  readonly hears: ReadonlyMap<string, readonly Arrow[]>;
  /** For signals that no state names. */
  readonly otherwise: readonly Arrow[];
  /** Taken without a signal, as soon as the guard holds. */
  readonly passes: readonly Arrow[];
}

/** Where an actor stands. */
export type TableSnapshot = Snapshot<undefined> & {
  /** The innermost state with all around it: `open.idle`. */
  readonly value: string;
  readonly place: object;
  readonly context: unknown;
};

/** Told of each arrow that was taken, and where it led. */
export type StepWatcher = (taken: AnyTransitionDefinition, value: string) => void;

/** What an actor of a chart is made of. */
export type TableLogic<Signal extends EventObject, Input> = ActorLogic<
  TableSnapshot,
  Signal,
  Input
>;

const ANY = '*';
const STOP = 'xstate.stop';
/** Arrows taken at one signal; more are a chart that runs in circles. */
const STEPS_MAX = 1_000;

/** Makes the table of a chart; it takes an actor's input and hears signals as the chart does. */
export function makeTable<Signal extends EventObject, Input>(
  machine: AnyStateMachine,
): (watch?: StepWatcher) => TableLogic<Signal, Input> {
  const first = new Tabled(machine).first;
  return (watch) => ({
    getInitialSnapshot({ defer }, input) {
      const make = machine.config.context as (given: { input: Input }) => unknown;
      const scene = { context: make({ input }), event: { type: 'xstate.init', input } };
      // The hands move when the actor starts, the guards are asked now: so it is with a chart.
      return go(first.place, first.arrow, scene, watch, defer);
    },
    transition(snapshot, event) {
      if (event.type === STOP) return { ...snapshot, status: 'stopped' } as TableSnapshot;
      const place = snapshot.place as Place;
      const scene = { context: snapshot.context, event };
      const heard = choose(place.hears.get(event.type) ?? place.otherwise, scene);
      const arrow = heard ?? choose(place.passes, scene);
      if (arrow === undefined) return snapshot;
      return go(place, arrow, scene, watch);
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  });
}

/** Tells an inspector of each step what XState tells of a machine's; of a table it knows none. */
export const tellSteps =
  (inspect: (event: InspectionEvent) => void): StepWatcher =>
  (taken, value) => {
    const step = { type: '@xstate.microstep', _transitions: [taken], snapshot: { value } };
    inspect(step as unknown as InspectionEvent);
  };

function choose(arrows: readonly Arrow[], scene: Scene): Arrow | undefined {
  for (const arrow of arrows) {
    if (arrow.guard === undefined || arrow.guard(scene)) return arrow;
  }
  return undefined;
}

/** Takes an arrow, and then those that wait for no signal. */
function go(
  from: Place,
  first: Arrow,
  scene: Scene,
  watch: StepWatcher | undefined,
  defer?: (act: () => void) => void,
): TableSnapshot {
  let place = from;
  let arrow: Arrow | undefined = first;
  for (let steps = 0; arrow !== undefined; steps += 1) {
    invariant(steps < STEPS_MAX, `the chart runs in circles at ${place.path}`);
    for (const hand of arrow.hands) {
      if (defer === undefined) hand(scene);
      else defer(() => hand(scene));
    }
    const isStill: boolean = arrow.isPass && (arrow.to ?? place) === place;
    place = arrow.to ?? place;
    if (watch !== undefined && arrow.definition !== undefined) watch(arrow.definition, place.path);
    // One that waits for no signal and leads nowhere is taken once, or it would be for ever.
    arrow = place.isFinal || isStill ? undefined : choose(place.passes, scene);
  }
  const status = place.isFinal ? 'done' : 'active';
  const { context } = scene;
  return { status, output: undefined, error: undefined, value: place.path, place, context };
}

/** Reads a chart. */
class Tabled {
  readonly first: { readonly place: Place; readonly arrow: Arrow };
  readonly #machine: AnyStateMachine;
  readonly #places = new Map<AnyStateNode, Place>();
  readonly #types: ReadonlySet<string>;

  constructor(machine: AnyStateMachine) {
    this.#machine = machine;
    const { root } = machine;
    invariant(typeof machine.config.context === 'function', `${machine.id}: its input is its all`);
    const nodes = nodesOf(root);
    for (const node of nodes) refuseUnsayable(node);
    this.#types = new Set(nodes.flatMap((node) => [...node.transitions.keys()]));
    const leaves = nodes.filter(({ states }) => Object.keys(states).length === 0);
    for (const leaf of leaves) {
      const isFinal = leaf.type === 'final';
      this.#places.set(leaf, {
        path: leaf.path.join('.'),
        isFinal,
        hears: new Map(),
        otherwise: [],
        passes: [],
      });
    }
    // Arrows lead to places, so all of these are there first.
    for (const leaf of leaves) this.#fill(leaf);
    const place = this.#placeOf(root);
    const entered = [root, ...descend(root)].flatMap(({ entry }) => entry);
    const hands = [...entered, ...farewells(root)].map((action) => this.#handOf(action));
    const none = { definition: undefined, guard: undefined, isPass: false };
    this.first = { place, arrow: { ...none, hands, to: place } };
  }

  #fill(leaf: AnyStateNode): void {
    const place = this.#placeOf(leaf) as { -readonly [K in keyof Place]: Place[K] };
    const line = lineOf(leaf);
    const heard = (type: string): Arrow[] =>
      line.flatMap((node) => {
        const exact = type === ANY ? [] : (node.transitions.get(type) ?? []);
        const all = [...exact, ...(node.transitions.get(ANY) ?? [])];
        return all.map((one) => this.#arrowOf(leaf, one));
      });
    place.hears = new Map([...this.#types].map((type) => [type, heard(type)]));
    place.otherwise = heard(ANY);
    const passes = line.flatMap((node) => node.always ?? []);
    place.passes = passes.map((one) => this.#arrowOf(leaf, one));
  }

  /** What taking a transition does in this leaf: what is left, innermost first, then entered. */
  #arrowOf(leaf: AnyStateNode, definition: AnyTransitionDefinition): Arrow {
    const { source, actions, guard, reenter } = definition;
    const targets = definition.target ?? [];
    invariant(targets.length < 2, `${source.id}: an arrow has one target`);
    const [target] = targets;
    const parts: unknown[] = [];
    const around = target === undefined ? undefined : domainOf(definition, target);
    if (target !== undefined) {
      const left = lineOf(leaf).filter((node) => isWithin(node, around));
      parts.push(...left.flatMap(({ exit }) => exit));
    }
    parts.push(...actions);
    if (target !== undefined) {
      const isKept = target === source && around === source && !reenter;
      const outer = lineOf(target)
        .slice(1)
        .filter((node) => isWithin(node, around));
      const into = [...outer.reverse(), ...(isKept ? [] : [target]), ...descend(target)];
      parts.push(...into.flatMap(({ entry }) => entry), ...farewells(target));
    }
    return {
      definition,
      guard: guard === undefined ? undefined : this.#guardOf(guard),
      isPass: source.always?.includes(definition) === true,
      hands: parts.map((action) => this.#handOf(action)),
      to: target === undefined ? undefined : this.#placeOf(target),
    };
  }

  /** The leaf that is entered with a state. */
  #placeOf(node: AnyStateNode): Place {
    const leaf = descend(node).at(-1) ?? node;
    return this.#places.get(leaf) as Place;
  }

  #handOf(action: unknown): (scene: Scene) => void {
    const name = String(action);
    const hand: unknown = this.#machine.implementations.actions[name];
    const isPlain = typeof action === 'string' && typeof hand === 'function';
    invariant(isPlain && !('resolve' in hand), `${this.#machine.id}: ${name} is no plain effect`);
    return hand as (scene: Scene) => void;
  }

  #guardOf(guard: unknown): (scene: Scene) => boolean {
    const name = String(guard);
    const asked: unknown = this.#machine.implementations.guards[name];
    const isPlain = typeof guard === 'string' && typeof asked === 'function';
    invariant(isPlain && !('check' in asked), `${this.#machine.id}: ${name} is no plain guard`);
    return asked as (scene: Scene) => boolean;
  }
}

function refuseUnsayable(node: AnyStateNode): void {
  const { id, type, parent, invoke } = node;
  invariant(type !== 'parallel' && type !== 'history', `${id}: ${type} states have no table`);
  invariant(invoke.length === 0, `${id}: a table invokes nothing`);
  const isNested = type === 'final' && parent?.parent !== undefined;
  invariant(!isNested, `${id}: the end of an inner state is no end`);
  const isEmpty = type !== 'compound' || node.initial.actions.length === 0;
  invariant(isEmpty, `${id}: the way in has no effects of its own`);
  const types: string[] = [...node.transitions.keys()];
  const isPartial = types.some((heard) => heard !== ANY && heard.includes(ANY));
  invariant(!isPartial, `${id}: signals are named in full`);
}

/** All states of a chart, outer before inner. */
const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(nodesOf),
];

/** A state and all around it, the innermost first. */
const lineOf = (node: AnyStateNode): AnyStateNode[] =>
  node.parent === undefined ? [node] : [node, ...lineOf(node.parent)];

/** The states that are entered with one, outer before inner. */
function descend(node: AnyStateNode): AnyStateNode[] {
  const inner = node.type === 'compound' ? node.initial.target?.[0] : undefined;
  return inner === undefined ? [] : [inner, ...descend(inner)];
}

const isWithin = (node: AnyStateNode, around: AnyStateNode | undefined): boolean =>
  around === undefined || lineOf(node).slice(1).includes(around);

/** A chart that ends leaves all its states. */
function farewells(entered: AnyStateNode): unknown[] {
  const leaf = descend(entered).at(-1) ?? entered;
  return leaf.type === 'final' ? lineOf(leaf).flatMap(({ exit }) => exit) : [];
}

/** The state within which a transition leaves and enters; undefined where that is everything. */
function domainOf(
  { source, reenter }: AnyTransitionDefinition,
  target: AnyStateNode,
): AnyStateNode | undefined {
  const isInner = target === source || isWithin(target, source);
  if (isInner && !reenter) return source;
  const common = lineOf(target).find((one) => isWithin(target, one) && isWithin(source, one));
  return common ?? (reenter ? undefined : source.machine.root);
}
