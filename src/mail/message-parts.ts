/**
 * What a message in reception is made of, and what becomes of it: the words between whoever takes
 * mail in and the message that handlers see. Nothing here acts.
 */
import type { Captured } from '../domain/capture.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { Metadata } from './metadata.ts';

/** What `set_data` may give, octets. */
export const DATA_BYTES_MAX = 64 * 1024 * 1024;
/** What `set_recipient` may give. */
export const RECIPIENTS_MAX = 1024;

/** Makes the lines of a signature, CRLF after each, for a message given in pieces. */
export interface DkimSigner {
  sign(chunks: readonly Uint8Array[]): Promise<string>;
}

/** What a message is made of. */
export interface MessageParts {
  readonly id: string;
  /** '' is the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly chunks: readonly Buffer[];
  readonly meta: Metadata;
  /** The client asked for SMTPUTF8 (RFC 6531), so addresses may need it. */
  readonly isUtf8: boolean;
}

/** What became of a message. */
export interface Shape {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly chunks: readonly Buffer[];
  readonly queue: string;
  readonly meta: Captured;
  /** The first attempt is not to be made before, ms since 1970. */
  readonly dueAt: number | undefined;
  readonly schedule: Schedule | undefined;
}
