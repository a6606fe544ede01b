/**
 * What of a chart was seen at work: states entered, arrows taken, and arrows taken from each state
 * in which they hold. It looks through XState's own inspection, so that nothing has to be told.
 * Deliberately unknown here: who made the chart move.
 */
import type { AnyStateNode, AnyTransitionDefinition, InspectionEvent } from 'xstate';
import type { Chart } from './found.ts';
import { arrowsOf, leafNameOf, leavesOf, lineOf, nodesOf, pathOf, wordsOf } from './found.ts';

/** What refuses a signal is no step. */
const REFUSING = '*';

/** One kind of thing to be seen, and what of it was. */
export class Tally {
  readonly #all: ReadonlySet<string>;
  readonly #seen = new Set<string>();

  constructor(all: Iterable<string>) {
    this.#all = new Set(all);
  }

  note(name: string): void {
    if (this.#all.has(name)) this.#seen.add(name);
  }

  get missing(): string[] {
    return [...this.#all].filter((name) => !this.#seen.has(name));
  }

  get seen(): number {
    return this.#seen.size;
  }

  get isWhole(): boolean {
    return this.#seen.size === this.#all.size;
  }

  toString(): string {
    return `${this.#seen.size}/${this.#all.size}`;
  }
}

/** A step: an arrow as it is taken from one leaf. */
const stepOf = (leaf: string, arrow: AnyTransitionDefinition): string =>
  `in ${leaf}, ${wordsOf(arrow)}`;

/** The account of one chart. */
export class Ledger {
  readonly states: Tally;
  readonly arrows: Tally;
  readonly steps: Tally;
  /** Where the actor that was watched last stands. */
  leaf = '';
  readonly #name: string;
  readonly #leaves: readonly AnyStateNode[];

  constructor({ name, machine: { root } }: Chart) {
    this.#name = name;
    this.#leaves = leavesOf(root);
    const arrows = nodesOf(root)
      .flatMap(arrowsOf)
      .filter(({ eventType }) => eventType !== REFUSING);
    this.states = new Tally(this.#leaves.map(pathOf));
    this.arrows = new Tally(arrows.map(wordsOf));
    this.steps = new Tally(this.#leaves.flatMap(stepsFrom));
  }

  /** An inspector for one actor, which begins in `at`. */
  watch(at = ''): (event: InspectionEvent) => void {
    let leaf = at;
    return (event) => {
      if (event.type === '@xstate.microstep') {
        for (const arrow of event._transitions as readonly AnyTransitionDefinition[]) {
          // Of the first step it is not told where it begins, and that is where its arrow does.
          if (leaf === '') leaf = pathOf(arrow.source);
          this.states.note(leaf);
          this.arrows.note(wordsOf(arrow));
          this.steps.note(stepOf(leaf, arrow));
        }
      } else if (event.type !== '@xstate.snapshot') return;
      leaf = leafNameOf((event.snapshot as unknown as { value: unknown }).value);
      this.leaf = leaf;
      this.states.note(leaf);
    };
  }

  /** A step that somebody else tells of; where a signal has guards, only XState can tell. */
  noteSignal(from: string, type: string, to: string): void {
    const leaf = this.#leaves.find((one) => pathOf(one) === from);
    const line = leaf === undefined ? [] : lineOf(leaf);
    const [arrow] = line.flatMap((node) => [...(node.transitions.get(type) ?? [])]);
    if (arrow === undefined || arrow.guard !== undefined) return;
    for (const state of [from, to]) this.states.note(state);
    this.arrows.note(wordsOf(arrow));
    this.steps.note(stepOf(from, arrow));
  }

  /** Whether something that was not seen yet leads out of this leaf itself. */
  isWanted(leaf: string): boolean {
    return this.arrows.missing.some((words) => {
      const source = words.slice(0, words.indexOf(':'));
      return leaf === source || leaf.startsWith(`${source}.`);
    });
  }

  get isWhole(): boolean {
    return this.states.isWhole && this.arrows.isWhole && this.steps.isWhole;
  }

  /** One line for people. */
  toString(): string {
    const { states, arrows, steps } = this;
    return `${this.#name}: states ${states}, transitions ${arrows}, from each state ${steps}`;
  }
}

/** What can be taken from a leaf: outer arrows too, unless an inner one always wins. */
function stepsFrom(leaf: AnyStateNode): string[] {
  if (leaf.type === 'final') return [];
  // Who is left in the same breath hears nothing.
  const isPassing = (leaf.always ?? []).some(({ guard }) => guard === undefined);
  const decided = new Set<string>();
  return lineOf(leaf).flatMap((node) =>
    arrowsOf(node).flatMap((arrow) => {
      if (arrow.eventType === REFUSING || decided.has(arrow.eventType)) return [];
      if (isPassing && arrow.eventType !== '') return [];
      if (arrow.guard === undefined) decided.add(arrow.eventType);
      return [stepOf(pathOf(leaf), arrow)];
    }),
  );
}
