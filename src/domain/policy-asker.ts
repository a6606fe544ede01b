/**
 * What the engine may ask of a policy, and how it is answered: the surface at which the policy and
 * the actors meet without knowing each other.
 * Deliberately unknown here: handlers, files, what is done with an answer.
 */
import type { PoolConfig, SourceConfig } from './options-egress.ts';
import type { ListenerDomain } from './options-listener.ts';
import type { PathConfig } from './options-path.ts';
import type { QueueConfig } from './options-queue.ts';
import type { QueueMove } from './queue-change.ts';
import type { QueueName } from './queue-name.ts';
import type { ReceptionAsker } from './reception-asker.ts';
import type { NamedRate } from './throttle.ts';

/** One answer: the configuration, and a text and key that name it. */
export interface Answer<T> {
  readonly value: T;
  /** JSON text of `value`, canonical. */
  readonly text: string;
  /** Short hash of the text. */
  readonly key: string;
  /** The handler failed: this is an earlier answer, or the default. */
  readonly isStandIn?: true;
  /** What stands in is the default: the handler failed and has never answered this before. */
  readonly isDefault?: true;
}

/** A queued message as handlers see it; a frozen copy. */
export interface MessageView {
  readonly id: string;
  readonly queue: string;
  readonly domain: string;
  readonly tenant: string | undefined;
  readonly campaign: string | undefined;
  readonly routing_domain: string | undefined;
  readonly num_attempts: number;
  /** Milliseconds since 1970. */
  readonly created_at: number;
  readonly body_bytes: number;
  /** Kept at reception; undefined where that is nothing, or lies on the disk only just now. */
  readonly meta: Readonly<Record<string, unknown>> | undefined;
}

/** Handlers that cost nothing where no part of the policy has them. */
export type RareHandler =
  | 'throttle_insert_ready_queue'
  | 'requeue_message'
  | 'rebind_message'
  | 'get_listener_domain';

/** The questions about one message; only asked when a part has the handler. */
export interface MessageAsker {
  hears(handler: RareHandler): boolean;
  /** Rates to be passed before the message is made ready; none where the handler fails. */
  throttles(message: MessageView): readonly NamedRate[];
  requeue(
    message: MessageView,
    response: string,
    context: readonly string[],
    isAttempt: boolean,
    delayMs: number | undefined,
  ): QueueMove | undefined;
  rebind(message: MessageView, data: Readonly<Record<string, string>>): QueueMove | undefined;
  /** 'failed': nobody knows; the mail is put off. */
  listenerDomain(
    domain: string,
    listener: string,
    meta: Readonly<Record<string, string>>,
  ): ListenerDomain | 'failed' | undefined;
}

/** The policy behind a synchronous surface; a failing handler is told to `onFault` first. */
export interface PolicyAsker extends MessageAsker {
  /** What sessions ask; absent: nothing is asked at the edge. */
  readonly reception?: ReceptionAsker;
  queueConfig(name: QueueName): Answer<QueueConfig>;
  pathConfig(
    routingDomain: string,
    source: string,
    site: string,
    mxHosts?: readonly string[],
  ): Answer<PathConfig>;
  /** Undefined when the policy has no such pool, or failed. */
  pool(name: string): Answer<PoolConfig> | undefined;
  /** Undefined when the policy has no such source, or failed; 'unknown' where that is no fault. */
  source(name: string): Answer<SourceConfig> | undefined;
  source(name: string, mayBeUnknown: true): Answer<SourceConfig> | 'unknown' | undefined;
}
