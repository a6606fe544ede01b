/**
 * The listener's TLS identity: what smtp-server needs to offer STARTTLS, and only if the operator
 * gave a key. The library brings a key of its own that the whole world knows; it is never offered.
 * It does not know sessions; a renewed certificate is read again by whoever asks.
 */
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SecureVersion } from 'node:tls';
import type { KeySource } from '../domain/option-places.ts';
import type { SessionSettings } from '../domain/options-listener.ts';

/** The TLS options of a listener. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
  readonly minVersion: SecureVersion;
  readonly secureOptions: number;
  readonly ca?: string;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
}

const readKey = (source: KeySource): string =>
  'path' in source ? readFileSync(source.path, 'utf8') : source.key_data;

/** Reads the identity; undefined when none is configured. Throws what the file system says. */
export function readTlsIdentity(settings: SessionSettings): TlsIdentity | undefined {
  const { tls_certificate, tls_private_key, tls_required_client_ca } = settings;
  if (tls_certificate === undefined || tls_private_key === undefined) return undefined;
  const identity: TlsIdentity = {
    key: readKey(tls_private_key),
    cert: readKey(tls_certificate),
    minVersion: 'TLSv1.2',
    // Tickets would share one key for the life of the process; renegotiation has no use here.
    secureOptions:
      constants.SSL_OP_NO_TICKET |
      constants.SSL_OP_NO_RENEGOTIATION |
      constants.SSL_OP_NO_COMPRESSION,
  };
  if (tls_required_client_ca === undefined) return identity;
  const ca = readKey(tls_required_client_ca);
  return { ...identity, ca, requestCert: true, rejectUnauthorized: true };
}
