/**
 * The proxy of a dial, as the Network port takes it: data only.
 * Deliberately unknown here: which source it belongs to, and what is said to it.
 */

/** The proxy of a dial, and what it is asked for. */
export interface ProxyRoute {
  readonly kind: 'socks5' | 'haproxy';
  /** A host name is looked up at each dial, and its addresses are tried in turn. */
  readonly place: { readonly host: string; readonly port: number } | { readonly path: string };
  /** The address the proxy is to connect from; 0.0.0.0 or :: leaves it to the proxy. */
  readonly sourceAddress: string;
  /** SOCKS5 log-in (RFC 1929). Without a password there is none, and the dial fails. */
  readonly username?: string;
  readonly password?: string;
  /** Version of the PROXY header of HAProxy; v2 unless given. */
  readonly header?: 'v1' | 'v2';
}
