/**
 * Everything the inbox can hold: new mail, what connections, resolver, log and body store reported,
 * and commands. One union, decided in one place. Alarms are not here: they ring at the start of a
 * turn.
 */
import type { PlanAnswer, SiteAnswer } from '../domain/mx-plan.ts';
import type { QueueMove } from '../domain/queue-change.ts';
import type { Refusal, Submission } from '../intake/host.ts';
import type { BodyRef, Fault, StoredRecord } from '../ports/ports.ts';
import type { AdminCommand, Wisher } from './admin/wishes.ts';
import type { PeerInfo, Settlement } from './connection/connection.ts';
import type { Ending } from './connection/ending.ts';
import type { HeldQueue, ReadyQueue } from './core.ts';
import type { Answered, GenerationSlice } from './generating.ts';
import type { HeldLease } from './leasing.ts';

/** A wish from outside; may be refused; not stored. */
export type Command =
  | AdminCommand
  | { readonly kind: 'queue.suspend'; readonly queue: string; readonly until: number; why: string }
  | { readonly kind: 'queue.resume'; readonly queue: string }
  | ({ readonly kind: 'source.suspend'; source: string; until: number; why: string } & Wisher)
  | ({ readonly kind: 'source.resume'; readonly source: string } & Wisher)
  | { readonly kind: 'message.cancel'; readonly id: string; readonly why: string }
  | {
      readonly kind: 'message.rebind';
      /** One message, or all of a queue that no connection and no ready queue has. */
      readonly which: { readonly id: string } | { readonly queue: string };
      /** Where they go. */
      readonly move?: QueueMove;
      /** Without `move` the policy's rebind_message is asked, with this. */
      readonly data?: Readonly<Record<string, string>>;
      /** Due at once, also where the queue stays the same. */
      readonly isFlush?: boolean;
      readonly why: string;
    };

/** What the inbox holds. */
export type Input =
  | {
      readonly kind: 'submitted';
      readonly submission: Submission;
      readonly answered: (refusal?: Refusal) => void;
      readonly at: number;
    }
  | {
      readonly kind: 'generated';
      readonly slice: GenerationSlice;
      readonly answered: Answered;
      readonly at: number;
    }
  | { readonly kind: 'opened'; readonly link: number; readonly peer: PeerInfo }
  | { readonly kind: 'idle'; readonly link: number }
  | { readonly kind: 'parting' | 'wantsDial' | 'wantsResend'; readonly link: number }
  | { readonly kind: 'settled'; readonly link: number; readonly settlement: Settlement }
  | { readonly kind: 'ended'; readonly link: number; readonly ending: Ending }
  | {
      readonly kind: 'routed';
      readonly queue: HeldQueue;
      readonly route: number;
      readonly answer: SiteAnswer;
    }
  | {
      readonly kind: 'planned';
      readonly ready: ReadyQueue;
      readonly revision: number;
      /** Its place under limits that others share, taken before it was planned. */
      readonly held: HeldLease | undefined;
      readonly answer: PlanAnswer;
    }
  | { readonly kind: 'bodyRead'; readonly offer: number; readonly outcome: Buffer | Fault }
  | {
      readonly kind: 'drawn';
      readonly slots: readonly number[];
      readonly numbers: readonly number[];
      readonly records: readonly (StoredRecord | undefined)[];
    }
  | {
      readonly kind: 'commanded';
      readonly command: Command;
      readonly answered: (refusal?: Refusal) => void;
    }
  | {
      readonly kind: 'moved';
      readonly slot: number;
      readonly number: number;
      readonly from: BodyRef;
      readonly outcome: BodyRef | Fault;
    }
  | { readonly kind: 'stored'; number: number; from: BodyRef; outcome: BodyRef | Fault }
  | { readonly kind: 'headerRead'; slot: number; number: number; outcome: string | Fault }
  | { readonly kind: 'sourceTripped'; readonly source: string }
  /** Without a source: any may be the one. */
  | { readonly kind: 'sourceFreed'; readonly source: string | undefined }
  | { readonly kind: 'run'; readonly run: (at: number) => void }
  | { readonly kind: 'stop' };
