/**
 * One address of a plan as the network is asked for it: from which address of ours, and through
 * which proxy. Deliberately unknown here: links, deadlines, what comes of it.
 */
import { proxyOf } from '../../domain/source-proxy.ts';
import type { DialRequest, LinkOpened, Ms } from '../../ports/ports.ts';
import type { Candidate, ConnectionRequest } from './connection.ts';

/** What the network is asked for; `patienceMs` is how long it will be waited for. */
export function requestFor(
  { source, proxyPassword }: ConnectionRequest,
  { address, port, path }: Candidate,
  patienceMs: Ms,
): DialRequest {
  const { source_address: localAddress } = source;
  const bound = { address, port, ...(localAddress === undefined ? {} : { localAddress }) };
  // A Unix socket is on this machine, on the near side of any proxy.
  if (path !== undefined) return { ...bound, path };
  const proxy = proxyOf(source);
  if (proxy === undefined) return bound;
  const isLogin = proxy.kind === 'socks5' && proxyPassword !== undefined;
  const login = isLogin ? { password: proxyPassword } : {};
  return { ...bound, proxy: { ...proxy, ...login }, patienceMs };
}

/** How a link through a proxy went, and the end of it that the peer sees. */
export function viaOf({ protocol, localAddress, localPort }: LinkOpened): string | undefined {
  if (protocol === undefined) return undefined;
  const address = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return `${protocol} ${address}:${localPort}`;
}
