/**
 * What each sink of a world was given, as laws and people read it. Values only: the records in the
 * order in which they were sent, with what became of each. Judges nothing and knows no world.
 */
import type { HookConfig } from '../../domain/options-hook.ts';
import type { LogRecord } from '../../projections/log-record/record.ts';
import type { DeadLetter } from '../../projections/shipper/dead-letters.ts';
import type { SentBatch } from './receiver.ts';

/** What became of a record that was sent. */
export type GivenFate =
  | 'taken'
  /** The sink has it, but said that it failed, or its answer was not heard. */
  | 'taken, not confirmed'
  | 'refused'
  | 'failed';

/** A record that was sent to a sink, once. */
export interface Given {
  readonly at: number;
  /** Counted from 0: what was sent in one go. */
  readonly batch: number;
  readonly position: number;
  /** As the hook captures it. */
  readonly record: LogRecord;
  /** What was sent: JSON, or what the hook's template made of it. */
  readonly text: string;
  readonly fate: GivenFate;
  /** The sink had it before. */
  readonly isRepeat: boolean;
}

/** How it stood with a hook when it sent a batch. */
export interface Backlog {
  readonly at: number;
  /** The last position of the log that was durable. */
  readonly upto: number;
  readonly records: number;
  /** Records read ahead, the batch included, and how many there may be. */
  readonly ready: number;
  readonly readyMax: number;
}

/** A sink, and what it was given. */
export interface SinkSeen {
  /** Of the hook. */
  readonly name: string;
  /** As the versions of the policy set it up, in their order. */
  readonly configs: readonly HookConfig[];
  /** What stands behind this position of the log is for it. */
  readonly since: number;
  /** All up to this position had time to arrive after the faults had ended; 0 before that. */
  readonly dueUpto: number;
  /** The policy in force has it. */
  readonly isKept: boolean;
  readonly given: readonly Given[];
  readonly backlogs: readonly Backlog[];
  readonly letters: readonly DeadLetter[];
  /** What the daemon would have said of it in its log. */
  readonly said: readonly { readonly at: number; readonly text: string }[];
  /** What `retention` gave up: all behind `after`, up to `upto`. */
  readonly fallen: readonly { readonly after: number; readonly upto: number }[];
  /** `event_id` of what the policy's own filter did not let it have. */
  readonly declined: ReadonlySet<string>;
}

/** Batches as the records that were in them. */
export function recordsOf(sent: readonly SentBatch[]): readonly Given[] {
  const had = new Set<string>();
  return sent.flatMap((call, index) => {
    const [taken, refused] = [new Set(call.taken), new Set(call.refused)];
    const taking = call.isSettled ? 'taken' : 'taken, not confirmed';
    return call.batch.map((one): Given => {
      const { eventId, position, record, text } = one;
      const isRepeat = had.has(eventId);
      if (taken.has(one)) had.add(eventId);
      const failing = refused.has(one) ? 'refused' : 'failed';
      const fate = taken.has(one) ? taking : failing;
      return { at: call.at, batch: index, position, record, text, fate, isRepeat };
    });
  });
}
