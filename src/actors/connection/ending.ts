/**
 * What a connection reports when it is over: which candidates failed and how, and what of its plan
 * is left where only a rate of new links kept it from going on. Values only; what follows for the
 * mail is the engine's to know.
 */

import type { Reply } from '../../domain/reply.ts';
import type { Fault } from '../../ports/ports.ts';
import type { Candidate } from './connection.ts';
import type { Conversation } from './conversation.ts';

/** Where a candidate failed. */
export type FailedStage =
  | 'dialing'
  | 'greeting'
  | 'introducing'
  | 'securing'
  | 'authenticating'
  | 'open';

/** A candidate that failed: by a fault of the world, or by what the peer answered. */
export interface FailedCandidate {
  readonly candidate: Candidate;
  readonly stage: FailedStage;
  readonly fault?: Fault;
  readonly reply: Reply;
}

/** A plan that was begun: where the next connection goes on with it. */
export interface PlanRest {
  /** Never empty. */
  readonly plan: readonly Candidate[];
  readonly clearCandidate: Candidate | undefined;
  readonly tlsFault: Fault | undefined;
  readonly failed: readonly FailedCandidate[];
  readonly connectedOnce: boolean;
}

/** The end of a connection. */
export interface Ending {
  readonly attempts: readonly FailedCandidate[];
  /** Some candidate got as far as taking mail. */
  readonly connectedOnce: boolean;
  /** Transactions begun. */
  readonly deliveries: number;
  readonly cause: string;
  /** How often TLS failed: in the handshake, at STARTTLS, or in the first words inside it. */
  readonly tlsFailures?: number;
  /** It was not let dial in the middle of its plan. */
  readonly rest?: PlanRest;
}

/** What is left of the plan of one that was not let dial; undefined where none was begun. */
export function restOf(held: Conversation): PlanRest | undefined {
  const { plan, failed, connectedOnce, clearCandidate, tlsFault } = held;
  const isBegun = failed.length > 0 || connectedOnce;
  if (!held.isDenied || !isBegun || plan.length === 0) return undefined;
  return { plan, clearCandidate, tlsFault, failed, connectedOnce };
}
