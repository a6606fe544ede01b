/**
 * What an attempt was, as every outcome of a message carries it: for whom, from where, to whom,
 * and what was answered. Deliberately unknown here: what follows for the message.
 */

/** What an attempt was: carried by every outcome. */
export interface AttemptBody {
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
  readonly via?: string;
}

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
} as const;
