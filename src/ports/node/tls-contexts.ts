/**
 * TLS contexts of outbound links: one for all that show nothing of themselves, one for each client
 * certificate, made when first needed and kept by content, so that a changed file is a new context.
 * It never says what a key contains. Deliberately unknown here: sockets, and where keys come from.
 */
import { createHash } from 'node:crypto';
import tls from 'node:tls';
import type { TlsIdentity } from '../ports.ts';

const IDENTITIES_MAX = 64;

/** Gives contexts out; throws when an identity cannot be used. */
export type TlsContexts = (identity?: TlsIdentity) => tls.SecureContext;

/** Contexts that trust `trusted` (PEM) instead of the platform's authorities. */
export function createTlsContexts(trusted?: readonly string[]): TlsContexts {
  const base: tls.SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(trusted === undefined ? {} : { ca: [...trusted] }),
  };
  let shared: tls.SecureContext | undefined;
  const kept = new Map<string, tls.SecureContext>();
  return (identity) => {
    if (identity === undefined) {
      shared ??= tls.createSecureContext(base);
      return shared;
    }
    const { certificate: cert, key } = identity;
    const name = createHash('sha256')
      .update(JSON.stringify([cert, key]))
      .digest('base64');
    const known = kept.get(name) ?? tls.createSecureContext({ ...base, cert, key });
    kept.delete(name);
    kept.set(name, known);
    if (kept.size > IDENTITIES_MAX) {
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        break;
      }
    }
    return known;
  };
}
