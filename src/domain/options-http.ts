/**
 * The options of an HTTP listener (start_http_listener). The idea: peers in `trusted_hosts` need no
 * further proof; everybody else is refused until there is one.
 * Deliberately unknown here: sockets and routes.
 */
import { OptionError } from './option-error.ts';
import { cidrList, flag, positive, text } from './option-kinds.ts';
import { keySource, listenPlace } from './option-places.ts';
import type { OptionTable, Parsed } from './options.ts';
import { option, optional, readOptions } from './options.ts';

/** The table behind parseHttpListenerConfig. */
export const HTTP_LISTENER_OPTIONS = {
  listen: option(listenPlace, '127.0.0.1:8000', 'address and port'),
  hostname: optional(text, 'name for TLS; else that of the machine'),
  use_tls: option(flag, false, 'serve https'),
  tls_certificate: optional(keySource, 'certificate'),
  tls_private_key: optional(keySource, 'its key'),
  request_body_limit: option(positive, 2 * 1024 * 1024, 'octets, decompressed; 413 above'),
  trusted_hosts: option(cidrList, ['127.0.0.1', '::1'], 'peers that need no further proof'),
} satisfies OptionTable;

/** An HTTP listener's settings. */
export type HttpListenerConfig = Parsed<typeof HTTP_LISTENER_OPTIONS>;

/** Reads an HTTP listener; `where` names it in a refusal. */
export function parseHttpListenerConfig(raw: unknown, where: string): HttpListenerConfig {
  const config = readOptions(HTTP_LISTENER_OPTIONS, raw, where);
  if (!config.use_tls) return config;
  for (const key of ['tls_certificate', 'tls_private_key'] as const) {
    // A key that everybody knows would be worse than none, so there is no identity to fall back on.
    if (config[key] === undefined) {
      const fix = 'give both tls_certificate and tls_private_key';
      throw new OptionError(where, key, 'is missing, but use_tls is set', fix);
    }
  }
  return config;
}
