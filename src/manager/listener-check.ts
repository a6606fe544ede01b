/**
 * Proves that listeners could be opened, without opening them: the files of keys and certificates
 * are there, can be read, and fit together. Whether an address is free is not asked: it is in use
 * by the very daemon that is to be reconfigured.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { formatPlace } from '../domain/ip.ts';
import type { KeySource } from '../domain/option-places.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import { describeThrown } from '../policy/policy-error.ts';
import type { PolicySetup } from '../policy/setup.ts';
import type { Gatherer } from '../policy/validate.ts';

interface Identity {
  readonly tls_certificate?: KeySource;
  readonly tls_private_key?: KeySource;
  readonly tls_required_client_ca?: KeySource;
}

const FIX_READ = 'correct the path, or let the user of waybilld read the file';
const FIX_FIT = 'give a certificate in PEM form and the key that belongs to it';

const readPem = (source: KeySource): string =>
  'path' in source ? readFileSync(source.path, 'utf8') : source.key_data;

const checkIdentity = (identity: Identity, where: string, found: Gatherer): void => {
  const texts: Record<string, string> = {};
  for (const key of ['tls_certificate', 'tls_private_key', 'tls_required_client_ca'] as const) {
    const source = identity[key];
    if (source === undefined) continue;
    try {
      texts[key] = readPem(source);
    } catch (error) {
      const problem = `${key}: the file cannot be read: ${describeThrown(error)}`;
      found.refuse(where, problem, FIX_READ);
      return;
    }
  }
  const { tls_certificate: cert, tls_private_key: key, tls_required_client_ca: ca } = texts;
  try {
    createSecureContext({ ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) });
    // A pair of different kinds, RSA and Ed25519 for example, is not refused there.
    const isPair =
      !cert || !key || new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    if (!isPair) throw new Error('the key does not belong to the certificate');
  } catch (error) {
    const problem = `tls_certificate and tls_private_key: ${describeThrown(error)}`;
    found.refuse(where, problem, FIX_FIT);
  }
};

const placeOf = ({ listen }: ListenerConfig | HttpListenerConfig): string =>
  formatPlace(listen.address, listen.port);

/** Refuses listeners whose keys could not be used. */
export const checkListeners = (setup: PolicySetup, found: Gatherer): void => {
  for (const listener of setup.smtpListeners) {
    const where = `setup.smtpListener ${placeOf(listener)}`;
    checkIdentity(listener, where, found);
    for (const { settings } of [...listener.peer, ...listener.via]) {
      checkIdentity({ ...listener, ...settings }, where, found);
    }
  }
  for (const listener of setup.httpListeners) {
    checkIdentity(listener, `setup.httpListener ${placeOf(listener)}`, found);
  }
};
