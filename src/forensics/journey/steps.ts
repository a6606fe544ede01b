/**
 * A journey as data: what happened to one message, step by step, with the proof of each step. Times
 * are ms since 1970 here; whoever shows a journey writes them as text.
 * Deliberately unknown here: how steps are found.
 */
import type { Standing } from './standing.ts';

/** The message was taken over. */
export interface ReceptionStep {
  readonly kind: 'reception';
  readonly at: number;
  readonly positions: readonly number[];
  readonly peer: string;
  readonly helo: string;
  /** The listener, or whatever else brought it. */
  readonly service: string;
  readonly session?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
  /** Octets of header and body as they are stored. */
  readonly size: number;
  readonly queue: string;
  readonly message_id?: string;
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** The policy that was in force. */
  readonly policy?: PolicyInForce;
  /** Its acceptance had been lost and was found again beside its body. */
  readonly recovered?: true;
}

/** A policy by number and hash; those from before versions were numbered have no number. */
export interface PolicyInForce {
  readonly version?: number;
  readonly hash: string;
  readonly file: string;
  readonly position: number;
}

/** Something the policy, or an operator, decided that the message rests on. */
export interface DecisionStep {
  readonly kind: 'decision';
  readonly at: number;
  /** Of the records that say so; they are no events of the message. */
  readonly positions: readonly number[];
  readonly about: string;
  readonly type: string;
  readonly text: string;
  /** The answer of the policy, where it is one and still in the log. */
  readonly answer?: unknown;
}

/** Why a message waited, and from when to when. */
export interface Cause {
  /** As `waybill why` names it. */
  readonly name: string;
  readonly text: string;
  readonly from: number;
  readonly until: number;
  /** The records that say so. */
  readonly positions: readonly number[];
}

/** The message waited. */
export interface WaitStep {
  readonly kind: 'wait';
  readonly at: number;
  readonly until: number;
  readonly positions: readonly number[];
  readonly queue: string;
  /** It still does. */
  readonly open?: true;
  readonly causes: readonly Cause[];
}

/** What an attempt came to, for some recipients. */
export interface AttemptResult {
  readonly at: number;
  readonly position: number;
  readonly fate: 'delivered' | 'deferred' | 'bounced' | 'unknown' | 'taken back';
  readonly to: readonly string[];
  readonly code?: number;
  readonly enhanced?: string;
  readonly text: string;
  /** The line of ours that drew the reply. */
  readonly command?: string | undefined;
  /** Nobody at the other end said it. */
  readonly own?: true;
  /** From taking the message in hand to the reply, ms. */
  readonly took?: number;
  /** When the next attempt is due. */
  readonly due?: number;
}

/** The message was tried. */
export interface AttemptStep {
  readonly kind: 'attempt';
  readonly at: number;
  readonly positions: readonly number[];
  readonly attempt: number;
  readonly source?: string;
  readonly pool?: string;
  readonly site?: string;
  /** Name and address of the exchanger; absent where none was reached. */
  readonly peer?: string;
  /** Our end. */
  readonly local?: string;
  readonly via?: string;
  readonly proxy?: string;
  readonly session?: string;
  readonly tls?: string;
  readonly cipher?: string;
  readonly subject?: string;
  readonly results: readonly AttemptResult[];
}

/** Anything else that happened to the message. */
export interface EventStep {
  readonly kind: 'event';
  readonly at: number;
  readonly positions: readonly number[];
  readonly type: string;
  readonly text: string;
}

/** One step. */
export type Step = ReceptionStep | DecisionStep | WaitStep | AttemptStep | EventStep;

/** An event of the message as the log has it. */
export interface ToldEvent {
  readonly position: number;
  readonly at: number;
  readonly type: string;
  readonly says: string;
}

/** The whole journey. */
export interface Journey {
  readonly id: string;
  /** How far the log was looked at: its last position, and the time of that. */
  readonly upto: { readonly position: number; readonly at: number };
  readonly steps: readonly Step[];
  readonly standing: Standing;
  /** Each event of the message once, in order. */
  readonly events: readonly ToldEvent[];
  /** What could not be told, in sentences. */
  readonly gaps: readonly string[];
}
