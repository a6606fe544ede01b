/**
 * The proxies of a world: what a link through one of them meets before it meets an exchanger.
 * The one idea: a proxy is a manner of answering, and each manner is one fault; what is said to a
 * proxy, byte by byte, is the adapter's and is tried there.
 * Deliberately unknown here: engines, exchangers, SOCKS5, HAProxy.
 */
import type { DialRequest, Fault, FaultCode } from '../../ports/ports.ts';
import type { ProxyRoute } from '../../ports/proxy-route.ts';

/** `never`: no answer to the dial; `mute`: none to the handshake. */
export type ProxyAnswer = 'open' | 'refused' | 'never' | 'mute' | 'rude' | 'unplumbed';

/** A proxy by its place; a test changes its answer while the world runs. */
export interface WorldProxy {
  answers: ProxyAnswer;
  /** What it was asked to send from, link by link, and the log-in where there was one. */
  readonly asked: string[];
}

const FAULTS: Readonly<Record<Exclude<ProxyAnswer, 'open'>, readonly [FaultCode, string]>> = {
  refused: ['FAULT_PROXY_UNREACHABLE', 'connection refused'],
  never: ['FAULT_PROXY_UNREACHABLE', 'no answer, waiting for a connection'],
  mute: ['FAULT_PROXY_HANDSHAKE', 'no answer, waiting for the choice of a method'],
  rude: ['FAULT_PROXY_HANDSHAKE', 'the proxy did not speak SOCKS5'],
  unplumbed: ['FAULT_PROXY_UNPLUMBED', 'BIND failed'],
};

/** The name of the place a dial's proxy is at; undefined without a proxy. */
export function placeOf({ proxy }: DialRequest): string | undefined {
  if (proxy === undefined) return undefined;
  return 'path' in proxy.place ? proxy.place.path : `${proxy.place.host}:${proxy.place.port}`;
}

/** What a proxy that is not open does to a link. */
export function proxyFault(place: string, answers: Exclude<ProxyAnswer, 'open'>): Fault {
  const [code, cause] = FAULTS[answers];
  return { code, where: place, cause: `proxy ${place}: ${cause}`, retryable: true };
}

/** What a proxy is asked for, as text. */
export function askOf({ sourceAddress, username, password }: ProxyRoute): string {
  return username === undefined ? sourceAddress : `${sourceAddress} ${username}:${password}`;
}
