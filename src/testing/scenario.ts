/**
 * A scenario as plain data: what is sent, and what the world does meanwhile, step by step. The one
 * idea: it prints as JSON, so what a check found can be pasted into a test and sent to a colleague.
 * Deliberately unknown here: how a step is carried out (acting.ts), and what must hold (laws).
 */
import type { SinkBehaviour } from './sinks/moods.ts';
import type { Faults } from './world/chance.ts';

/** How a receiver treats mail. `ms` and `count` belong to those that need them. */
export type BehaviourName =
  | 'accepting'
  /** `bad…` is refused for good, `later…` for now, anybody else taken. */
  | 'judging'
  /** Each recipient is put off until it has been known for `ms`. */
  | 'greylisting'
  /** 421 at the transaction after the `count`th of a connection. */
  | 'limiting'
  /** After `count` messages within a minute the sending address is blocked for `ms`. */
  | 'rate blocking'
  /** Everything `ms` late. */
  | 'tarpitting'
  /** Takes the message and says so `ms` late. */
  | 'late at the dot'
  /** Keeps the message and drops the connection without a word, the first `count` times. */
  | 'dropping after the dot'
  | 'few recipients'
  | 'busy'
  | 'refusing'
  | 'silent'
  /** Offers STARTTLS, and fails at it; or has a certificate that nobody trusts. */
  | 'bad tls'
  | 'untrusted tls'
  | 'no tls'
  /** Nothing listens there; or nothing answers. */
  | 'closed'
  | 'unreachable';

/** Mail as a client submits it. */
export interface SendStep {
  readonly do: 'send';
  readonly to: readonly string[];
  /** By SMTP without it; by HTTP each recipient has a message of its own. */
  readonly by?: 'smtp' | 'http' | undefined;
  readonly from?: string | undefined;
  /** As metadata of the connection: handlers of reception may say otherwise. */
  readonly tenant?: string | undefined;
  readonly campaign?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** So many messages alike; 1 without it. */
  readonly count?: number | undefined;
  readonly bytes?: number | undefined;
}

/** What an operator does. */
export type OrderStep =
  | { readonly do: 'suspend source'; readonly source: string; readonly ms: number }
  | { readonly do: 'resume source'; readonly source: string }
  | { readonly do: 'suspend queue'; readonly queue: string; readonly ms: number }
  | { readonly do: 'resume queue'; readonly queue: string }
  /** The same policy as a new version. */
  | { readonly do: 'reload' }
  /** Another version: one of the `versions` given to `simulate`, from 0. */
  | { readonly do: 'edit'; readonly to: number };

/** What befalls the world. */
export type WorldStep =
  | {
      readonly do: 'receiver';
      readonly domain: string;
      readonly is: BehaviourName;
      readonly ms?: number | undefined;
      readonly count?: number | undefined;
    }
  | {
      readonly do: 'source';
      readonly source: string;
      /** 'flapping': out and in every `ms`, until another such step. */
      readonly is: 'unplumbed' | 'proxy down' | 'proxy rude' | 'flapping' | 'in order';
      readonly ms?: number | undefined;
    }
  | {
      readonly do: 'dns';
      readonly domain: string;
      readonly is: 'servfail' | 'nxdomain' | 'timeout' | 'in order';
    }
  | { readonly do: 'disk'; readonly is: 'full' | 'in order' }
  /** Where a log hook of this name sends its records. */
  | {
      readonly do: 'sink';
      readonly sink: string;
      readonly is: SinkBehaviour;
      readonly ms?: number | undefined;
    }
  /** The process is killed, with the power; or stopped in good order. Either way it starts anew. */
  | { readonly do: 'kill' }
  | { readonly do: 'restart' };

/** One thing that happens. */
export type Step = SendStep | OrderStep | WorldStep | { readonly do: 'wait'; readonly ms: number };

/** A scenario. */
export interface Scenario {
  readonly steps: readonly Step[];
  /** Receivers besides those that the policy and the steps name. */
  readonly domains?: readonly string[] | undefined;
  /** How unkind the network is by itself; calm without it. */
  readonly faults?: Partial<Faults> | undefined;
  /**
   * After the steps all faults end, each queue is sent one message more, and time goes on until
   * all mail has its end or `max_age` is over. False: it ends with the last step.
   */
  readonly settles?: boolean | undefined;
}
