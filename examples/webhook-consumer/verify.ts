/**
 * Checks the signature of a webhook (Standard Webhooks 1.0) with nothing but Node's crypto.
 * The one idea: id, time stamp and body are signed together, so nobody can send an old body under
 * a new id, or the same request again after five minutes.
 * Deliberately unknown here: servers, and what is in the body.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/** Headers of a request, with names in lower case. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

const isEqual = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

/** True where one of the signatures was made with one of the secrets, not long ago. */
export function isGenuine(
  body: Uint8Array,
  headers: Headers,
  secrets: readonly string[],
  nowSeconds = Date.now() / 1_000,
): boolean {
  const id = String(headers['webhook-id'] ?? '');
  const seconds = String(headers['webhook-timestamp'] ?? '');
  const isFresh = Math.abs(nowSeconds - Number(seconds)) <= TOLERANCE_SECONDS;
  if (id === '' || !/^\d{1,12}$/.test(seconds) || !isFresh) return false;
  const given = String(headers['webhook-signature'] ?? '').split(' ');
  return secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest();
    return given.some(
      (text) => text.startsWith('v1,') && isEqual(Buffer.from(text.slice(3), 'base64'), mac),
    );
  });
}
