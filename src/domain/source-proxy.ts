/**
 * The proxy of a source: which of the configured ones is used, and the family of addresses that
 * can be reached from there. The idea: a proxy counts only with the address that it is to send
 * from, so half a proxy is none; both whole, HAProxy wins.
 * Deliberately unknown here: sockets, and what is said to a proxy.
 */
import type { DialRequest } from '../ports/ports.ts';
import { parseIp } from './ip.ts';
import type { SourceConfig } from './options-egress.ts';

const SERVER_ALONE = ['server', 'source_address'];

type ProxyRoute = NonNullable<DialRequest['proxy']>;

/** Which proxy a source goes through, without its password; undefined: none. */
export function proxyOf(source: SourceConfig): Omit<ProxyRoute, 'password'> | undefined {
  const { ha_proxy_server: ha, ha_proxy_source_address: haAddress } = source;
  if (ha !== undefined && haAddress !== undefined) {
    const header = source.ha_proxy_protocol;
    return { kind: 'haproxy', place: ha, sourceAddress: haAddress, header };
  }
  const { socks5_proxy_server: place, socks5_proxy_source_address: sourceAddress } = source;
  if (place === undefined || sourceAddress === undefined) return undefined;
  const username = source.socks5_proxy_username;
  return {
    kind: 'socks5',
    place,
    sourceAddress,
    ...(username === undefined ? {} : { username }),
  };
}

/** What to tell the operator of a proxy that is given by half, and therefore not used. */
export function halfProxies(source: SourceConfig): string[] {
  const ha = [source.ha_proxy_server, source.ha_proxy_source_address];
  const socks5 = [source.socks5_proxy_server, source.socks5_proxy_source_address];
  const halves = Object.entries({ ha, socks5 }).filter(
    ([, [server, address]]) => (server === undefined) !== (address === undefined),
  );
  return halves.map(([kind, [server]]) => {
    const [given, missing] = server === undefined ? ['source_address', 'server'] : SERVER_ALONE;
    return `${kind}_proxy_${given} is not used without ${kind}_proxy_${missing}`;
  });
}

/**
 * The address a source sends from, as the peer will see it, and whose it is; undefined where the
 * system chooses one, of either family.
 */
export function senderAddressOf(
  source: SourceConfig,
): { readonly address: string; readonly family: 4 | 6; readonly whose: string } | undefined {
  const proxy = proxyOf(source);
  const address = proxy === undefined ? source.source_address : proxy.sourceAddress;
  const family = address === undefined ? undefined : parseIp(address)?.family;
  if (address === undefined || family === undefined) return undefined;
  const whose = proxy === undefined ? 'source address' : `${proxy.kind} proxy source address`;
  return { address, family, whose };
}

/** The proxy of a source as text: host and port, or the path of a socket; undefined: none. */
export function proxyPlaceOf(source: SourceConfig): string | undefined {
  const place = proxyOf(source)?.place;
  if (place === undefined) return undefined;
  if ('path' in place) return place.path;
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  return `${host}:${place.port}`;
}
