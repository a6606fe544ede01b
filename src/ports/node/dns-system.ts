/**
 * What the machine says about DNS: the servers of resolv.conf and the names of the hosts file.
 * Both are read once, at the start, and both may be missing. It sends nothing.
 */
import { readFileSync, statSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';

/** A server to ask. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** Addresses of a name that is known without asking. */
export interface LocalAddresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

const DNS_PORT = 53;
const SERVERS_MAX = 3;
const SYSTEM_FILE_BYTES_MAX = 4 * 1024 * 1024;
const HOSTS_LINES_MAX = 20_000;

// A missing, unreadable or absurdly large file says nothing, which is not an error.
const readSystemFile = (file: string): string => {
  try {
    return statSync(file).size > SYSTEM_FILE_BYTES_MAX ? '' : readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** Reads `ip`, `ip:port` or `[v6]:port`; undefined when it is none of them. */
export const parseServer = (text: string): DnsServer | undefined => {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT };
  const match = /^\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? '';
  const port = Number(match?.[2]);
  const isBracketed = text.startsWith('[');
  const isAddress = isBracketed ? isIP(address) === 6 : isIPv4(address);
  return isAddress && port > 0 && port < 65536 ? { address, port } : undefined;
};

/** The servers of a resolv.conf text; without any, the local one, as the C library does. */
export const parseResolvConf = (text: string): readonly DnsServer[] => {
  const servers: DnsServer[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*nameserver\s+(\S+)/.exec(line);
    const address = match?.[1];
    if (address !== undefined && isIP(address) !== 0 && servers.length < SERVERS_MAX) {
      servers.push({ address, port: DNS_PORT });
    }
  }
  return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: DNS_PORT }];
};

/** The names of a hosts file text; `localhost` is always among them (RFC 6761 section 6.3). */
export const parseHosts = (text: string): ReadonlyMap<string, LocalAddresses> => {
  const names = new Map<string, { v4: string[]; v6: string[] }>();
  const lines = text.split('\n').slice(0, HOSTS_LINES_MAX);
  for (const line of lines) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases) {
      const name = alias.replace(/\.$/, '');
      const known = names.get(name) ?? { v4: [], v6: [] };
      (family === 4 ? known.v4 : known.v6).push(address);
      names.set(name, known);
    }
  }
  if (!names.has('localhost')) names.set('localhost', { v4: ['127.0.0.1'], v6: ['::1'] });
  return names;
};

/** The servers of this machine. */
export const readServers = (file = '/etc/resolv.conf'): readonly DnsServer[] =>
  parseResolvConf(readSystemFile(file));

/** The names this machine knows by itself. */
export const readHosts = (file = '/etc/hosts'): ReadonlyMap<string, LocalAddresses> =>
  parseHosts(readSystemFile(file));
