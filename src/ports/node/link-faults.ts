/**
 * What the platform says of a socket, as faults; and several faults of one dial as one.
 * The idea: at which moment of a link's life an error fell decides what it means.
 * Deliberately unknown here: sockets, listeners, retries.
 */
import type { Fault, FaultCode } from '../ports.ts';

/** Longest text kept of what the platform said. */
const CAUSE_CHARS_MAX = 300;

/** Where in its life a link is. */
export type Moment = 'dialing' | 'clear' | 'handshaking' | 'secured';

const LINK_CODES: Readonly<Record<string, FaultCode>> = {
  ECONNREFUSED: 'FAULT_LINK_REFUSED',
  ENOENT: 'FAULT_LINK_REFUSED',
  EHOSTUNREACH: 'FAULT_LINK_UNREACHABLE',
  ENETUNREACH: 'FAULT_LINK_UNREACHABLE',
  EHOSTDOWN: 'FAULT_LINK_UNREACHABLE',
  ENETDOWN: 'FAULT_LINK_UNREACHABLE',
  EACCES: 'FAULT_LINK_UNREACHABLE',
  EPERM: 'FAULT_LINK_UNREACHABLE',
  ETIMEDOUT: 'FAULT_LINK_TIMEOUT',
  ECONNRESET: 'FAULT_LINK_RESET',
  EPIPE: 'FAULT_LINK_RESET',
  EADDRNOTAVAIL: 'FAULT_LINK_BIND',
};

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|HOSTNAME|CRL_|INVALID_PURPOSE/;

/** The fault of a local bind; undefined for any other error. */
export function bindCode(error: NodeJS.ErrnoException): FaultCode | undefined {
  if (error.syscall !== 'bind') return undefined;
  return error.code === 'EADDRNOTAVAIL' ? 'FAULT_LINK_UNPLUMBED' : 'FAULT_LINK_BIND';
}

/** What an error of a link means. */
export function linkCode(error: NodeJS.ErrnoException, moment: Moment): FaultCode {
  const code = error.code ?? '';
  const bind = bindCode(error);
  if (bind !== undefined) return bind;
  if (moment === 'handshaking') {
    return CERTIFICATE_CODE.test(code) ? 'FAULT_TLS_CERTIFICATE' : 'FAULT_TLS_HANDSHAKE';
  }
  // With TLS 1.3 the peer refuses our certificate when the handshake is over for us.
  if (code.startsWith('ERR_SSL_')) return 'FAULT_TLS_HANDSHAKE';
  const known = LINK_CODES[code];
  if (known !== undefined) return known;
  return moment === 'dialing' ? 'FAULT_LINK_UNREACHABLE' : 'FAULT_LINK_RESET';
}

/** One line without control characters, cut to a length that a log can bear. */
export function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, CAUSE_CHARS_MAX);
}

/** What the platform said, as it is quoted. */
export function describeError(error: NodeJS.ErrnoException): string {
  return oneLine(`${error.code ?? ''} ${error.message}`.trim());
}

/**
 * The failures at the addresses of one proxy as one: a single one as it is; failures alike as the
 * first; of a mixture the proxy bears the blame where any part of it was the proxy's.
 */
export function joinFaults(faults: readonly Fault[]): Fault | undefined {
  const [first] = faults;
  if (first === undefined) return undefined;
  const has = (code: FaultCode): boolean => faults.some((fault) => fault.code === code);
  if (faults.every(({ code }) => code === first.code)) return first;
  let code: FaultCode = first.code;
  if (has('FAULT_PROXY_UNREACHABLE') || has('FAULT_PROXY_UNPLUMBED')) {
    code = 'FAULT_PROXY_UNREACHABLE';
  } else if (has('FAULT_PROXY_HANDSHAKE')) code = 'FAULT_PROXY_HANDSHAKE';
  return { ...first, code, cause: oneLine(faults.map(({ cause }) => cause).join('; ')) };
}
