/**
 * Requests whose messages are generated later, as the engine decides them: taken, brought forward
 * with the messages of a slice in one turn, finished. The idea: who generates may die at any
 * point and begins again where the books stand; a slice that comes twice is taken once.
 * Deliberately unknown here: what a request says.
 */

import type { Generation, GenerationClient } from '../domain/generations.ts';
import { GENERATION_ERRORS_MAX } from '../domain/generations.ts';
import { drawUuid } from '../domain/uuid.ts';
import type { Refusal, Submission } from '../intake/host.ts';
import type { BodyRef } from '../ports/ports.ts';
import type { Core } from './core.ts';
import { acceptSubmission, REFUSAL_STOPPING } from './queue/accept.ts';

/** A request to be taken, its body durable. */
export interface GenerationDraft {
  readonly body: BodyRef;
  readonly from: string;
  readonly recipients: number;
  readonly client: GenerationClient;
}

/** A slice of a generation, its bodies durable. */
export interface GenerationSlice {
  readonly id: string;
  /** Where the books stand, and where they will. */
  readonly from: number;
  readonly upto: number;
  readonly submissions: readonly Submission[];
  readonly failed: number;
  readonly errors: readonly string[];
}

/** Answered once, when what was decided is durable. */
export type Answered = (refusal?: Refusal) => void;

/** An id for a request; none that is open. */
export function newGenerationId(core: Core): string {
  for (;;) {
    const id = drawUuid(() => core.ports.random.uniform());
    if (!core.books.generations.has(id)) return id;
  }
}

/** Decides a request to be generated later. */
export function acceptGeneration(
  core: Core,
  id: string,
  { body, from, recipients, client }: GenerationDraft,
  answered: Answered,
): void {
  const { segment, offset, length, sum } = body;
  if (core.isStopping) {
    core.ports.bodies.refer(segment, -1, length);
    core.turns.promise(() => answered(REFUSAL_STOPPING));
    return;
  }
  const { peer, listener, via, hostname, auth } = client;
  core.turns.emit({
    type: 'generation.accepted',
    stream: id,
    body: {
      body: [segment, offset, length, sum],
      from,
      recipients,
      peer,
      listener,
      via,
      hostname,
      auth,
    },
  });
  core.turns.promise(() => answered());
}

/** Decides a slice: progress and messages in one turn, or neither. */
export function advanceGeneration(
  core: Core,
  { id, from, upto, submissions, failed, errors }: GenerationSlice,
  answered: Answered,
  at: number,
): void {
  const isNext = core.books.generations.get(id)?.upto === from;
  if (!core.isStopping && isNext) {
    const told = errors.slice(0, GENERATION_ERRORS_MAX);
    const failures = failed === 0 ? {} : { failed, errors: told };
    core.turns.emit({ type: 'generation.advanced', stream: id, body: { upto, ...failures } });
    for (const submission of submissions) acceptSubmission(core, submission, () => {}, at);
    core.turns.promise(() => answered());
    return;
  }
  for (const { body, messages } of submissions) {
    const own = messages.flatMap(({ letter }) => (letter === undefined ? [] : [letter.body]));
    for (const { segment, length } of [body, ...own]) core.ports.bodies.refer(segment, -1, length);
  }
  core.turns.promise(() => answered(REFUSAL_STOPPING));
}

/** Decides the end; with `cause` the recipients that are left fail. */
export function finishGeneration(
  core: Core,
  id: string,
  cause: string | undefined,
  answered: Answered,
): void {
  const generation = core.books.generations.get(id);
  if (generation === undefined || core.isStopping) {
    core.turns.promise(() => answered(generation === undefined ? undefined : REFUSAL_STOPPING));
    return;
  }
  const { recipients, upto, failed, errors, body } = generation;
  const counts = { made: upto - failed, failed: failed + recipients - upto, errors: [...errors] };
  const why = cause === undefined ? {} : { cause };
  core.turns.emit({ type: 'generation.finished', stream: id, body: { ...counts, ...why } });
  // No record will name the request any more.
  core.turns.promise(() => {
    core.ports.bodies.refer(body.segment, -1, body.length);
    answered();
  });
}

/** The requests that are not through, oldest first. */
export const openGenerations = (core: Core): readonly Generation[] => [
  ...core.books.generations.values(),
];

/** At the start of a run: the requests that are not through keep their bodies. */
export function takeUpGenerations(core: Core): void {
  for (const { body } of core.books.generations.values()) {
    core.ports.bodies.refer(body.segment, 1, body.length);
  }
}
