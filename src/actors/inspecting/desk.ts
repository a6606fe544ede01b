/**
 * Where operators meet the engine's insides: questions in, answers by callback. What is long is
 * looked through in slices, what is on disk is read by its port; nothing is decided or changed.
 * Knows no HTTP.
 */
import type { Criteria } from '../../domain/admin-rules.ts';
import type {
  EngineNumbers,
  MeantCount,
  MessageLook,
  PathLook,
  QueueLook,
  QueueTop,
  RateLook,
  ReadyLook,
  ReadyStates,
  SourceLook,
} from '../../domain/inspection.ts';
import { compactBodies } from '../compacting.ts';
import type { Core } from '../core.ts';
import { lookAtRates, lookAtSources } from './kept.ts';
import { lookAtMessage, lookAtQueue } from './messages.ts';
import type { TopQuestion } from './queues.ts';
import { countMeant, findTop } from './queues.ts';
import { findPath, findStates, lookAtReady } from './ready.ts';

/** The questions; undefined as an answer: there is no such thing. */
export interface InspectDesk {
  now(): number;
  /** Who the log says that this is. */
  node(): string;
  message(id: string, wantsBody: boolean, answered: (look: MessageLook | undefined) => void): void;
  queue(
    name: string,
    how: { readonly max: number; readonly wantsBody: boolean },
    answered: (look: QueueLook | undefined) => void,
  ): void;
  ready(name: string, wantsQueues: boolean): ReadyLook | undefined;
  states(
    names: readonly string[],
    answered: (states: ReadonlyMap<string, ReadyStates>) => void,
  ): void;
  path(
    about: { readonly domain: string; readonly source: string },
    answered: (look: PathLook | string) => void,
  ): void;
  top(question: TopQuestion, answered: (top: QueueTop) => void): void;
  count(criteria: Criteria, answered: (count: MeantCount) => void): void;
  sources(): readonly SourceLook[];
  rates(): readonly RateLook[];
  numbers(): EngineNumbers;
  /** Starts a round of compacting bodies; answers how many are on the move. */
  compact(answered: (moving: number) => void): void;
}

/** Makes the desk of an engine. */
export function makeInspectDesk(core: Core): InspectDesk {
  return {
    now: () => core.ports.clock.now(),
    node: () => core.books.engine.node,
    message: (id, wantsBody, answered) => lookAtMessage(core, id, wantsBody, answered),
    queue: (name, how, answered) => lookAtQueue(core, name, how, answered),
    ready: (name, wantsQueues) => lookAtReady(core, name, wantsQueues),
    states: (names, answered) => findStates(core, names, answered),
    path: (about, answered) => findPath(core, about, answered),
    top: (question, answered) => findTop(core, question, answered),
    count: (criteria, answered) => countMeant(core, criteria, answered),
    sources: () => lookAtSources(core),
    rates: () => lookAtRates(core, core.ports.clock.now()),
    numbers: () => numbersOf(core),
    compact: (answered) => {
      const run = (): void => {
        compactBodies(core);
        core.turns.promise(() => answered(core.house.moving));
      };
      core.turns.push({ kind: 'run', run });
    },
  };
}

const numbersOf = (core: Core): EngineNumbers => ({
  turns: core.turns.counts.turns,
  commits: core.turns.counts.commits,
  turnsInFlight: core.turns.inFlight,
  waitingSubmissions: core.turns.waitingSubmissions,
  messages: core.books.rows.count,
  queues: core.books.queueCount,
  heldQueues: core.queues.size,
  readyQueues: core.readyQueues.size,
  connections: core.sessions.size,
  planning: core.planning,
  offers: core.offers.size,
  hotRows: core.held.hotRows,
  hotBodyBytes: core.held.hotBodyBytes,
  backlog: core.backlog,
  bodiesMoving: core.house.moving,
});
