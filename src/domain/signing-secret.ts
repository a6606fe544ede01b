/**
 * The secrets of Standard Webhooks: `whsec_` and base64 of 24 to 64 octets. The idea: what is no
 * such key is refused where it is read, because a signature made with half a key still looks fine.
 * Deliberately unknown here: where secrets are kept, and signatures.
 */

/** What to do about a text that is no such secret. */
export const SECRET_FIX = "use 'whsec_' and base64 of 24 to 64 random octets";

const OCTETS_MIN = 24;
const OCTETS_MAX = 64;
// RFC 4648 section 4, with its padding.
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The base64 part of a signing secret; undefined where the text is none. */
export function keyOfSecret(text: string): string | undefined {
  const base64 = text.trim().replace(/^whsec_/, '');
  const octets = (base64.length / 4) * 3 - (/=*$/.exec(base64)?.[0].length ?? 0);
  const isLong = octets >= OCTETS_MIN && octets <= OCTETS_MAX;
  return isLong && BASE64.test(base64) ? base64 : undefined;
}

/** True for a text that is a signing secret. */
export const isSigningSecret = (text: string): boolean => keyOfSecret(text) !== undefined;
