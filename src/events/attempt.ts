/**
 * What an attempt was, as every outcome of a message carries it: for whom, from where, to whom,
 * and what was answered. Deliberately unknown here: what follows for the message.
 */

/** What readers are told of an attempt besides; version 1 of the outcomes had none of it. */
export interface AttemptFacts {
  /** Position of the message's acceptance. */
  readonly origin?: number | undefined;
  /** The scheduled queue it was in, and that queue's egress pool. */
  readonly queue?: string | undefined;
  readonly pool?: string | undefined;
  /** UUID of the connection. */
  readonly session?: string | undefined;
  /** Our end of the connection, address and port; behind a proxy `via` has it. */
  readonly local?: string | undefined;
  /** The proxy that was spoken to. */
  readonly proxy?: string | undefined;
  /** TLS: cipher, and the name in the peer's certificate. */
  readonly cipher?: string | undefined;
  readonly subject?: string | undefined;
}

/** What an attempt was: carried by every outcome. */
export interface AttemptBody extends AttemptFacts {
  readonly to: readonly string[];
  readonly index: readonly number[];
  readonly attempt: number;
  readonly source: string;
  readonly site: string;
  readonly peer: string;
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
  readonly tls: string;
  readonly took: number;
  /** Through a proxy: `socks5` or `haproxy`, and the address and port that the peer saw. */
  readonly via?: string | undefined;
  /** The line that drew the reply; absent where nothing was sent, and where it was delivered. */
  readonly command?: string | undefined;
  /** The reply is ours: nobody at the other end said it. */
  readonly own?: 1 | undefined;
}

/** Body of `message.deferred`. */
export interface DeferredBody extends AttemptBody {
  readonly attempts: number;
  readonly due: number;
  /** The policy gave no source for it: another policy may. */
  readonly sourceless?: 1 | undefined;
}

/** The fields of those facts. */
export const ATTEMPT_FACTS_SHAPE = {
  origin: 'count?',
  queue: 'queueName?',
  pool: 'text?',
  session: 'text?',
  local: 'text?',
  proxy: 'text?',
  cipher: 'text?',
  subject: 'text?',
} as const;

/** The fields of an attempt. */
export const ATTEMPT_SHAPE = {
  to: 'texts',
  index: 'counts',
  attempt: 'count',
  source: 'text',
  site: 'text',
  peer: 'text',
  code: 'code',
  enhanced: 'text',
  text: 'text',
  tls: 'text',
  took: 'ms',
  via: 'text?',
  ...ATTEMPT_FACTS_SHAPE,
  command: 'text?',
  own: 'flag?',
} as const;
