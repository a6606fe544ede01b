/**
 * What a conversation of the sink shares with the server around it: the counts, the fates, and whom
 * it tells about copies and refusals. Types only; how a conversation goes is not known here.
 */
import type { Fates, Stage } from './sink-fates.ts';

/** What happened, counted over all conversations. */
export interface SinkCounts {
  connections: number;
  connectionsOpen: number;
  /** Messages answered 2xx at the final dot (LMTP: answers). */
  messages: number;
  recipients: number;
  /** Bytes of accepted messages as they came over the wire. */
  bytes: number;
  /** Answers of 4xx and 5xx, at any stage. */
  deferred: number;
  refused: number;
  dropped: number;
  hung: number;
  delayed: number;
  /** Commands out of order or unknown: a sign that the client is wrong. */
  protocolErrors: number;
}

/** How a complete message ended; `unanswered` = taken, but the client never heard so. */
export type Ending = 'copy' | 'unanswered';

/** What a session needs to know and whom it tells. */
export interface SinkWorld {
  readonly counts: SinkCounts;
  readonly fates: Fates;
  readonly isLmtp: boolean;
  readonly ehloReply: string;
  readonly sizeMax: number;
  /** Messages after which a connection is closed with 421; 0 = never. */
  readonly perConnection: number;
  /** Whether `took` wants the bytes and the addresses. */
  readonly wantsCopies: boolean;
  took(ending: Ending, wire: readonly Buffer[], from: string, to: readonly string[]): void;
  turnedAway(stage: Stage, reply: string, from: string, to: readonly string[]): void;
}
