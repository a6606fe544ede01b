/**
 * Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time stamp and body, one for each
 * secret, so that a receiver may know the old or the new one while they are exchanged.
 * Deliberately unknown here: where secrets are kept, and what is signed.
 */
import { createHmac } from 'node:crypto';

/** What a signature covers. */
export interface Signed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly seconds: number;
  /** The body before compression: what a receiver's framework hands to its handler. */
  readonly body: Uint8Array;
}

/** The value of `webhook-signature`; `keys` are base64. */
export function signatureOf({ id, seconds, body }: Signed, keys: readonly string[]): string {
  return keys
    .map((key) => {
      const mac = createHmac('sha256', Buffer.from(key, 'base64'));
      return `v1,${mac.update(`${id}.${seconds}.`).update(body).digest('base64')}`;
    })
    .join(' ');
}
