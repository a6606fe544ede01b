/**
 * The durable actors that are awake. Queues and sources rest as rows of the books; an actor is
 * started from the state in the books when one of its events commits, and let go when it is back in
 * its first state. The one place that starts charts: an error inside one ends the process. Knows no
 * decisions.
 */
import type { AnyActorRef } from 'xstate';
import { createActor, getNextSnapshot } from 'xstate';
import { InvariantBroken, invariant } from '../domain/invariant.ts';
import { queueChart } from './queue/chart.ts';
import { sourceChart } from './source/chart.ts';

/** Which kind of durable actor. */
export type ActorKind = 'queue' | 'source';

/** The hands of the charts' effects; replay passes none. */
export type Hands = Partial<
  Record<
    'armAlarm' | 'placeRows' | 'withdrawRows' | 'emptyReadyQueues' | 'offerAgain',
    (name: string) => void
  >
>;

/** One committed event of a durable actor, with the states before and after it. */
export interface Step {
  readonly kind: ActorKind;
  readonly name: string;
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

/** What the charts answered to `can`: their guards are names of states alone, so it stays true. */
const possible = new Map<string, boolean>();

const RESTING_PLACE: Record<ActorKind, string> = { queue: 'ready', source: 'open' };

/** The awake actors of queues and sources. */
export class Registry {
  readonly #actors = new Map<string, AnyActorRef>();
  readonly #hands: Hands;

  constructor(hands: Hands = {}) {
    this.#hands = hands;
  }

  get awake(): number {
    return this.#actors.size;
  }

  /** The state an awake actor is in, or undefined. */
  stateOf(kind: ActorKind, name: string): string | undefined {
    return this.#actors.get(`${kind} ${name}`)?.getSnapshot().value as string | undefined;
  }

  /** Whether the chart accepts `event` in `state`; asked before the commit. */
  static can(kind: ActorKind, state: string, event: string): boolean {
    const key = `${kind} ${state} ${event}`;
    const known = possible.get(key);
    if (known !== undefined) return known;
    const chart = kind === 'queue' ? queueChart : sourceChart;
    const snapshot = chart.resolveState({ value: state as never });
    // Of a chart that is over XState answers what it would have answered before.
    const can = snapshot.status !== 'done' && snapshot.can({ type: event } as never);
    possible.set(key, can);
    return can;
  }

  /** The state that `event` leads to from `state`; undefined where the chart does not accept it. */
  static next(kind: ActorKind, state: string, event: string): string | undefined {
    if (!Registry.can(kind, state, event)) return undefined;
    const chart = kind === 'queue' ? queueChart : sourceChart;
    const snapshot = chart.resolveState({ value: state as never });
    const next = getNextSnapshot(chart, snapshot as never, { type: event } as never);
    return (next as { readonly value: string }).value;
  }

  /** The states of a chart with what they mean, the first one first. */
  static states(kind: ActorKind): readonly { readonly name: string; readonly says: string }[] {
    const chart = kind === 'queue' ? queueChart : sourceChart;
    const states = Object.entries(chart.config.states ?? {});
    return states.map(([name, { description }]) => ({ name, says: description ?? '' }));
  }

  /** Moves the actor along a committed step. */
  signal(step: Step): void {
    const key = `${step.kind} ${step.name}`;
    // An actor that is not awake and stays in its first state has nothing to do: a new answer of
    // the policy for a hundred thousand queues wakes none of them.
    const isStill = step.from === step.to && step.to === RESTING_PLACE[step.kind];
    if (isStill && !this.#actors.has(key)) {
      const isLegal = Registry.can(step.kind, step.from, step.event);
      invariant(isLegal, `${key}: ${step.event} in ${step.to}`);
      return;
    }
    const actor = this.#actors.get(key) ?? this.#start(step.kind, step.name, step.from);
    actor.send({ type: step.event });
    const { status, error } = actor.getSnapshot() as { status: string; error?: unknown };
    if (status === 'error') throw new InvariantBroken(`${key}: ${String(error)}`);
    const state = actor.getSnapshot().value as string;
    invariant(state === step.to, `${key}: chart in ${state}, books in ${step.to}`);
    if (state === RESTING_PLACE[step.kind] || actor.getSnapshot().status === 'done') {
      actor.stop();
      this.#actors.delete(key);
    } else {
      this.#actors.set(key, actor);
    }
  }

  /** Lets all actors go. */
  stop(): void {
    for (const actor of this.#actors.values()) actor.stop();
    this.#actors.clear();
  }

  #start(kind: ActorKind, name: string, state: string): AnyActorRef {
    const hand = (effect: keyof Hands) => () => this.#hands[effect]?.(name);
    const actor: AnyActorRef =
      kind === 'queue'
        ? createActor(
            queueChart.provide({
              actions: {
                armAlarm: hand('armAlarm'),
                placeRows: hand('placeRows'),
                withdrawRows: hand('withdrawRows'),
              },
            }),
            {
              input: { name },
              snapshot: queueChart.resolveState({ value: state as 'ready' }),
            },
          )
        : createActor(
            sourceChart.provide({
              actions: {
                armAlarm: hand('armAlarm'),
                offerAgain: hand('offerAgain'),
                emptyReadyQueues: hand('emptyReadyQueues'),
              },
            }),
            { input: { name }, snapshot: sourceChart.resolveState({ value: state as 'open' }) },
          );
    // An observer keeps XState from rethrowing later, on a timer; `signal` looks and throws.
    actor.subscribe({ error() {} });
    actor.start();
    return actor;
  }
}
