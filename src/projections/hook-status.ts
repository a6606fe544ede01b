/**
 * What operators see of a log hook, and what they may wish of one. Plain data: it crosses threads
 * and processes as JSON.
 * Deliberately unknown here: who answers, and how it is shown.
 */
import type { At } from '../ports/ports.ts';

/** One hook, as of now. */
export interface HookStatus {
  readonly name: string;
  /** `http`, `amqp`, `kafka` or `custom`. */
  readonly sink: string;
  /** What it does: the state of its shipper, or `paused`, `disabled`; a word an operator knows. */
  readonly state: string;
  /** Everything in the log up to here is done with. */
  readonly position: number;
  /** Records of the log behind `position`, whether or not the hook will take them. */
  readonly lagRecords: number;
  /** Age of the oldest of them, seconds; 0 where there is none. */
  readonly lagSeconds: number;
  /** Records read ahead of the sink. */
  readonly ready: number;
  /** Failed batches in a row. */
  readonly failures: number;
  /** The last failure, in one line, and when; stays after it is over. */
  readonly lastError?: { readonly at: At; readonly text: string };
  /** Since the process began. */
  readonly shipped: number;
  readonly failedBatches: number;
  readonly deadLettered: number;
  /** Positions of the log that were given up by `retention` before they were sent. */
  readonly fellOff: number;
  /** Replays under way: what is left of each, in positions of the log. */
  readonly replays?: readonly { readonly position: number; readonly until: number }[];
}

/** What is asked of the hooks. */
export type HookOrder =
  | { readonly do: 'list' }
  | { readonly do: 'pause'; readonly name: string }
  | { readonly do: 'resume'; readonly name: string }
  /** The next `records`, or the batch at hand, are not sent: they go to the dead letters. */
  | { readonly do: 'skip'; readonly name: string; readonly records: number | 'batch' }
  /** What was written from `from` up to and before `to` is sent once more, marked as a replay. */
  | { readonly do: 'replay'; readonly name: string; readonly from: At; readonly to: At }
  /** Its replays under way end where they are. */
  | { readonly do: 'cancel'; readonly name: string };

/** The answer, once what was wished is durable. */
export type HookAnswer =
  | { readonly kind: 'hooks'; readonly hooks: readonly HookStatus[] }
  /** In one sentence, for people. */
  | { readonly kind: 'done'; readonly said: string }
  | { readonly kind: 'unknown'; readonly said: string }
  | { readonly kind: 'refused'; readonly said: string };

/** Who sees to it; settles always. */
export interface HookDesk {
  ask(order: HookOrder): Promise<HookAnswer>;
}

/** The desk where no hook is set up. */
export const NO_HOOKS: HookDesk = {
  ask: async (order) =>
    order.do === 'list'
      ? { kind: 'hooks', hooks: [] }
      : { kind: 'unknown', said: `there is no log hook ${order.name}; none is set up` },
};
