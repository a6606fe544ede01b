/**
 * Where generators meet the engine: which requests are not through, and the three wishes about
 * them, which are decided in a turn like any other. A slice is new mail, so it is paced as that.
 * Decides nothing.
 */
import type { Generation } from '../domain/generations.ts';
import type { Core } from './core.ts';
import type { Answered, GenerationDraft, GenerationSlice } from './generating.ts';
import {
  acceptGeneration,
  finishGeneration,
  newGenerationId,
  openGenerations,
} from './generating.ts';

/** The engine, as a generator sees it. */
export interface GenerationDesk {
  allocateId(): string;
  /** Requests that are not through, as far as is decided. */
  list(): readonly Generation[];
  accept(id: string, draft: GenerationDraft, answered: Answered): void;
  advance(slice: GenerationSlice, answered: Answered): void;
  finish(id: string, cause: string | undefined, answered: Answered): void;
}

/** The desk over a core. */
export const makeGenerationDesk = (core: Core): GenerationDesk => ({
  allocateId: () => newGenerationId(core),
  list: () => openGenerations(core),
  accept: (id, draft, answered) =>
    core.turns.push({ kind: 'run', run: () => acceptGeneration(core, id, draft, answered) }),
  advance: (slice, answered) => {
    const at = core.ports.clock.now();
    core.turns.pushSubmission({ kind: 'generated', slice, answered, at });
  },
  finish: (id, cause, answered) =>
    core.turns.push({ kind: 'run', run: () => finishGeneration(core, id, cause, answered) }),
});
