/**
 * Passwords, keys and certificates at the moment a connection is made, so that a changed file
 * counts from the next connection on. Deliberately unknown here: files; the reader is given.
 */
import type { KeySource } from '../../domain/option-places.ts';
import type { Timers } from '../../ports/timers.ts';

/** Reads a secret; undefined where it cannot be read (and somebody was told why). */
export type ReadSecret = (source: KeySource) => string | undefined;

/** What a sink to a broker needs of the world. */
export interface SinkWorld {
  readonly timers: Timers;
  readonly readSecret: ReadSecret;
}

/** A secret that a connection cannot do without; throws a sentence without it. */
export function mustRead(source: KeySource, readSecret: ReadSecret, option: string): string {
  const secret = readSecret(source);
  if (secret !== undefined) return secret;
  const where = 'path' in source ? ` (${source.path})` : '';
  throw new Error(`${option} cannot be read${where}`);
}

/** Where what TLS needs is. */
export interface TlsSources {
  readonly ca?: KeySource;
  readonly certificate?: KeySource;
  readonly key?: KeySource;
  readonly keyPassword?: KeySource;
}

/** What TLS needs, as Node's `tls.connect` takes it. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/** Reads all that TLS needs. */
export function readTlsFiles(sources: TlsSources, readSecret: ReadSecret): TlsFiles {
  const { ca, certificate, key, keyPassword } = sources;
  return {
    ...(ca !== undefined && { ca: mustRead(ca, readSecret, 'the authorities') }),
    ...(certificate !== undefined && {
      cert: mustRead(certificate, readSecret, 'the certificate'),
    }),
    ...(key !== undefined && { key: mustRead(key, readSecret, 'the key') }),
    ...(keyPassword !== undefined && {
      passphrase: mustRead(keyPassword, readSecret, "the key's password"),
    }),
  };
}
