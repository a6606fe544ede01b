/**
 * A chart explored as a graph, by XState's own walker: guards answer what a payload says, and for
 * each signal all payloads are made that lead to different answers. The one idea: a guard that is
 * asked and not yet answered forks the payload, so no more are made than there are ways.
 * Deliberately unknown here: what guards mean; whether real ones can answer so.
 */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { createActor, getInitialSnapshot, getNextSnapshot } from 'xstate';
import {
  adjacencyMapToArray,
  getAdjacencyMap,
  getShortestPaths,
  getSimplePaths,
} from 'xstate/graph';
import type { Chart } from './found.ts';
import { leafNameOf, lineOf, namesIn } from './found.ts';

/** How guards are answered while a signal is heard. */
export type Holds = Readonly<Record<string, boolean>>;

/** A signal with the answers of all guards it meets. */
export interface Payload {
  readonly type: string;
  readonly holds: Holds;
}

/** A way through the chart: how it begins, what it hears, and where that leads. */
export interface Way {
  readonly begins: Holds;
  readonly heard: readonly Payload[];
  readonly leads: string;
}

/** Guards asked in one breath; more are a chart that runs in circles. */
const ASKED_MAX = 1_000;

/** A chart whose guards answer as they are told. */
export class Explored {
  readonly machine: AnyStateMachine;
  readonly starts: readonly { readonly holds: Holds; readonly snapshot: AnyMachineSnapshot }[];
  readonly #asked = new Set<string>();
  readonly #payloads = new Map<string, Payload[]>();
  #heard: unknown;
  #count = 0;

  constructor(chart: Chart) {
    const guards = [...namesIn(chart, 'guards')].map((name) => {
      return [name, (scene: { readonly event: unknown }) => this.#answer(name, scene.event)];
    });
    this.machine = chart.machine.provide({ guards: Object.fromEntries(guards) } as never);
    const begin = (holds: Holds): AnyMachineSnapshot =>
      getInitialSnapshot(this.machine, { holds } as never) as AnyMachineSnapshot;
    this.starts = this.#fork(begin).map((holds) => ({ holds, snapshot: begin(holds) }));
  }

  #answer(name: string, event: unknown): boolean {
    this.#asked.add(name);
    // A breath is one signal and all that follows at once.
    this.#count = event === this.#heard ? this.#count + 1 : 1;
    this.#heard = event;
    if (this.#count > ASKED_MAX) throw new Error(`${this.machine.id} runs in circles at ${name}`);
    const { holds, input } = event as { holds?: Holds; input?: { holds?: Holds } };
    return (holds ?? input?.holds)?.[name] ?? false;
  }

  /** All ways in which guards can answer while this runs. */
  #fork(run: (holds: Holds) => void): Holds[] {
    const found: Holds[] = [];
    const open: Holds[] = [{}];
    for (let holds = open.pop(); holds !== undefined; holds = open.pop()) {
      this.#asked.clear();
      run(holds);
      const known = holds;
      const next = [...this.#asked].find((name) => !Object.hasOwn(known, name));
      if (next === undefined) found.push(holds);
      else open.push({ ...holds, [next]: true }, { ...holds, [next]: false });
    }
    return found;
  }

  /** What a state may hear, with all answers that lead to different steps. */
  payloadsIn(snapshot: AnyMachineSnapshot): Payload[] {
    const name = leafNameOf(snapshot.value);
    const known = this.#payloads.get(name);
    if (known !== undefined) return known;
    const found = eventsOf(snapshot).flatMap((type) => {
      const hear = (holds: Holds): void => void this.next(snapshot, { type, holds });
      return this.#fork(hear).map((holds) => ({ type, holds }));
    });
    this.#payloads.set(name, found);
    return found;
  }

  next(snapshot: AnyMachineSnapshot, heard: Payload): AnyMachineSnapshot {
    return getNextSnapshot(this.machine, snapshot, heard as never) as AnyMachineSnapshot;
  }

  /** Every step from every state in which the chart can come to stand. */
  edges(): { state: AnyMachineSnapshot; event: Payload; nextState: AnyMachineSnapshot }[] {
    const all = this.starts.flatMap(({ snapshot }) => {
      const map = getAdjacencyMap(this.machine, this.#optionsFrom(snapshot) as never);
      return adjacencyMapToArray(map as never) as never[];
    });
    const seen = new Set<string>();
    return all.filter(({ state, event }) => {
      const key = `${leafNameOf((state as AnyMachineSnapshot).value)} ${JSON.stringify(event)}`;
      return !seen.has(key) && seen.add(key) !== undefined;
    });
  }

  /** The shortest way to each state, from each beginning. */
  shortestWays(): Way[] {
    return this.starts.flatMap(({ holds, snapshot }) =>
      getShortestPaths(this.machine, this.#optionsFrom(snapshot) as never).map((path) =>
        wayOf(holds, path as never),
      ),
    );
  }

  /**
   * Every way that leads away from the beginning with each step and meets no state twice; of
   * the payloads of a signal that lead to the same state one is heard. With steps back, and with
   * all payloads, they would be millions.
   */
  simpleWays(): Way[] {
    return this.starts.flatMap(({ holds, snapshot }) => {
      const events = this.#outwardFrom(snapshot);
      const options = { ...this.#optionsFrom(snapshot), events };
      return getSimplePaths(this.machine, options as never).map((path) =>
        wayOf(holds, path as never),
      );
    });
  }

  #outwardFrom(start: AnyMachineSnapshot): (snapshot: AnyMachineSnapshot) => Payload[] {
    const depths = new Map<string, number>();
    for (const { state, weight } of getShortestPaths(
      this.machine,
      this.#optionsFrom(start) as never,
    )) {
      depths.set(leafNameOf((state as AnyMachineSnapshot).value), weight);
    }
    const depthOf = (name: string): number => depths.get(name) ?? 0;
    return (snapshot) => {
      const byTarget = new Map<string, Payload>();
      for (const heard of this.payloadsIn(snapshot)) {
        const target = leafNameOf(this.next(snapshot, heard).value);
        if (depthOf(target) > depthOf(leafNameOf(snapshot.value))) {
          byTarget.set(`${heard.type} ${target}`, heard);
        }
      }
      return [...byTarget.values()];
    };
  }

  #optionsFrom(fromState: AnyMachineSnapshot): object {
    return {
      fromState,
      events: (snapshot: AnyMachineSnapshot) => this.payloadsIn(snapshot),
      serializeState: ({ value }: AnyMachineSnapshot) => leafNameOf(value),
    };
  }
}

function wayOf(begins: Holds, path: { steps: { event: unknown }[]; state: unknown }): Way {
  // The first step is XState's own: the beginning.
  const heard = path.steps.slice(1).map(({ event }) => event as Payload);
  return { begins, heard, leads: leafNameOf((path.state as AnyMachineSnapshot).value) };
}

/** The signals that a state or one around it names, but for those that refuse all others. */
export function eventsOf(snapshot: AnyMachineSnapshot): string[] {
  const named = snapshot._nodes
    .flatMap(lineOf)
    .flatMap((node) => [...node.transitions.keys()] as string[]);
  return [...new Set(named)].filter((type) => type !== '*');
}

/** A living actor in some state: what it came to, and the error it ended with. */
export function hear(
  machine: AnyStateMachine,
  options: object,
  heard: readonly { readonly type: string }[],
): { readonly snapshot: AnyMachineSnapshot; readonly error: unknown } {
  const actor = createActor(machine, options as never);
  let error: unknown;
  actor.subscribe({
    error: (thrown) => {
      error = thrown;
    },
  });
  actor.start();
  for (const one of heard) actor.send(one as never);
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
  actor.stop();
  return { snapshot, error };
}
