/**
 * Requests whose messages are still to be generated: what is known of each, folded from events. The
 * idea: how far a generation is, is one number, and it moves in the turn that takes its messages,
 * so that a restart goes on with exactly the next recipient. Knows no templates and no HTTP.
 */
import type { BodyRef } from '../ports/ports.ts';

/** Failures that a generation remembers by name; the rest is counted. */
export const GENERATION_ERRORS_MAX = 20;

/** A request that was taken and is not through. */
export interface Generation {
  readonly id: string;
  /** Where the request lies. */
  readonly body: BodyRef;
  readonly recipients: number;
  /** Recipients that are dealt with. */
  upto: number;
  failed: number;
  /** `address: why` of the first failures. */
  readonly errors: string[];
  readonly acceptedAt: number;
  readonly client: GenerationClient;
}

/** Who brought a request, and where. */
export interface GenerationClient {
  readonly peer: string;
  readonly listener: string;
  readonly via: string;
  readonly hostname: string;
  readonly auth: string;
}

/** A copy for a picture of the books. */
export const packGenerations = (
  generations: ReadonlyMap<string, Generation>,
): readonly Generation[] =>
  [...generations.values()].map((each) => ({ ...each, errors: [...each.errors] }));
