/**
 * What an operator sees of the engine's insides: messages, queues, ready queues, connections, as
 * plain values. Times are milliseconds since 1970, spans milliseconds.
 * Deliberately unknown here: how it is found, and how it is shown.
 */
import type { AdminRule } from './admin-rules.ts';
import type { Site } from './mx-site.ts';
import type { SourceConfig } from './options-egress.ts';
import type { PathConfig } from './options-path.ts';
import type { QueueConfig } from './options-queue.ts';
import type { NamedRate } from './throttle.ts';
import type { LimitSpec } from './throttle-spec.ts';

/** A message; `body` is undefined where nobody asked for it, or it cannot be had. */
export interface MessageLook {
  readonly id: string;
  readonly sender: string;
  /** Those without an outcome. */
  readonly recipients: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly dueAt: number;
  readonly attempts: number;
  readonly body?: Buffer | undefined;
}

/** A scheduled queue and some of its messages, in the order in which they came into it. */
export interface QueueLook {
  readonly name: string;
  readonly count: number;
  readonly config: QueueConfig;
  /** When something last came into it or left it empty. */
  readonly changedAt: number;
  readonly messages: readonly MessageLook[];
}

/** What a failure said. */
export interface LastError {
  readonly at: number;
  /** 0: no reply, the outcome is not known. */
  readonly code: number;
  readonly text: string;
}

/** A queue in a list. */
export interface QueueLine {
  readonly name: string;
  readonly count: number;
  /** When its head was accepted; undefined where it is empty. */
  readonly oldestAt: number | undefined;
  readonly state: string;
  /** End of a rest or a suspension; 0 = none. */
  readonly until: number;
  readonly cause: string;
  readonly error: LastError | undefined;
}

/** By what queues are ranked: messages, age of the head, time of the last failure. */
export const RANKINGS = ['depth', 'age', 'error'] as const;

/** One of them. */
export type Ranking = (typeof RANKINGS)[number];

/** The first of all queues by a ranking. */
export interface QueueTop {
  readonly lines: readonly QueueLine[];
  /** Queues looked at, of whatever name. */
  readonly looks: number;
  /** Living messages, in all queues. */
  readonly messages: number;
}

/** Messages and queues that criteria mean. */
export interface MeantCount {
  readonly messages: number;
  readonly queues: number;
}

/** What a connection does; the reference's words. */
export type Phase =
  | 'Idle'
  | 'ConnectionRateThrottled'
  | 'MessageRateThrottled'
  | 'AttemptingConnection'
  | 'DeliveringMessage'
  | 'Closing';

/** A connection. */
export interface SessionLook {
  readonly id: string;
  readonly phase: Phase;
  /** In our own words. */
  readonly detail: string;
  readonly startedAt: number;
  /** In this phase since. */
  readonly since: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly bounced: number;
}

/** A state that holds a ready queue up, and since when. */
export interface HeldState {
  readonly context: string;
  readonly since: number;
}

/** The states the reference has a word for. */
export interface ReadyStates {
  readonly connection_limited?: HeldState;
  readonly connection_rate_throttled?: HeldState;
}

/** How much a path may do. */
export interface PathBounds {
  readonly path: PathConfig;
  readonly limits: readonly { readonly name: string; readonly spec: LimitSpec }[];
  readonly sending: readonly NamedRate[];
  readonly dialing: readonly NamedRate[];
  readonly choosing: readonly NamedRate[];
}

/** A ready queue. */
export interface ReadyLook {
  readonly name: string;
  readonly source: string;
  readonly pool: string;
  readonly site: Site;
  readonly size: number;
  readonly states: ReadyStates;
  /** The operator's rule, where it is suspended. */
  readonly suspended: AdminRule | undefined;
  readonly bounds: PathBounds;
  readonly sessions: readonly SessionLook[];
  /** Scheduled queues with messages in it; undefined where nobody asked. */
  readonly queues: readonly string[] | undefined;
}

/** Where mail of a domain would go from a source. */
export interface PathLook {
  readonly site: Site | undefined;
  readonly readyName: string;
  readonly queue: QueueConfig;
  readonly queueRates: readonly NamedRate[];
  readonly bounds: PathBounds;
}

/** The engine in numbers, for those who look for what it does. */
export interface EngineNumbers {
  readonly turns: number;
  readonly commits: number;
  readonly turnsInFlight: number;
  readonly waitingSubmissions: number;
  readonly messages: number;
  readonly queues: number;
  readonly heldQueues: number;
  readonly readyQueues: number;
  readonly connections: number;
  readonly planning: number;
  readonly offers: number;
  readonly hotRows: number;
  readonly hotBodyBytes: number;
  readonly backlog: number;
  readonly bodiesMoving: number;
}

/** An egress source. */
export interface SourceLook {
  readonly name: string;
  readonly state: string;
  /** What suspended it; '' while it is open. */
  readonly reason: string;
  readonly cause: string;
  /** End of a suspension; 0 = none. */
  readonly until: number;
  /** Undefined where the log lost it. */
  readonly config: SourceConfig | undefined;
}

/** A rate that is counted in the process. */
export interface RateLook {
  readonly key: string;
  /** It may be used up to this time. */
  readonly until: number;
}
