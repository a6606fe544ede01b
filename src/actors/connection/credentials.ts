/**
 * What we log in with at a peer, as it is sent, and kept out of everything that is shown.
 * Deliberately unknown here: when a log-in is due, and where replies are shown.
 */
import type { Conversation } from './conversation.ts';

/** Puts stars in place of the credentials that were sent. */
export function maskSecrets(held: Conversation, text: string): string {
  if (!held.hasCredentialsSent) return text;
  let masked = text;
  for (const secret of secretsOf(held)) masked = masked.replaceAll(secret, '***');
  return masked;
}

// A peer may echo the whole line, the name and password in it, or what stands at its end.
function secretsOf(held: Conversation): string[] {
  const password = held.request.authPassword ?? '';
  if (password === '') return [];
  const plain = Buffer.from(password).toString('base64');
  return [credentialsOf(held), plain, plain.replace(/=+$/, ''), password];
}

/** The initial response of AUTH PLAIN (RFC 4616 section 2). */
export function credentialsOf(held: Conversation): string {
  const name = held.request.path.smtp_auth_plain_username ?? '';
  return Buffer.from(`\0${name}\0${held.request.authPassword ?? ''}`).toString('base64');
}
