/**
 * Values that say where something is: hosts with ports, listen addresses, MX entries, keys and
 * certificates. The idea: text is taken apart once, here, into parts that need no second reading.
 * Deliberately unknown here: name look-up, sockets, files.
 */

import { parseIp } from './ip.ts';
import { OptionValueError, showValue } from './option-error.ts';
import { text } from './option-kinds.ts';
import type { Kind } from './options.ts';
import { isTable } from './options.ts';

/** One entry of `mx_list`. `path` is a unix socket; `address` saves the look-up of `name`. */
export interface MxListEntry {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
}

/** Where a proxy listens. */
export type ProxyPlace =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Where a listener binds. Port 0 lets the system choose. */
export interface ListenPlace {
  readonly address: string;
  readonly port: number;
}

/** Where a key or certificate is: a file, or the PEM text itself. */
export type KeySource = { readonly path: string } | { readonly key_data: string };

interface HostPort {
  readonly host: string;
  readonly isBracketed: boolean;
  readonly port: number | undefined;
}

function splitHostPort(value: string): HostPort | undefined {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(value);
  const match = bracketed ?? /^([^:[\]]*)(?::(\d{1,5}))?$/.exec(value);
  if (match === null) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && port > 65_535) return undefined;
  return { host: match[1] ?? '', isBracketed: bracketed !== null, port };
}

// RFC 1123 section 2.1, plus `_`, which some operators do use inside their own networks.
const LABEL = /^(?!-)[\p{L}\p{N}_-]{1,63}(?<!-)$/u;
const HOST_CHARS_MAX = 253;

/** True for a well-formed host name; a trailing dot is allowed. */
export function isHostName(name: string): boolean {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  return bare.length <= HOST_CHARS_MAX && bare.split('.').every((label) => LABEL.test(label));
}

const MX_FIX = "write 'host', 'host:25', '[192.0.2.1]:25', '/path/to/socket' or {name, addr}";

const MX_TABLE = {
  type: 'object',
  properties: { name: { type: 'string' }, addr: { type: 'string' } },
  required: ['name', 'addr'],
  additionalProperties: false,
};

/** One host of a fixed route. */
export const mxEntry: Kind<MxListEntry> = {
  name: 'host',
  schema: { anyOf: [{ type: 'string', minLength: 1 }, MX_TABLE] },
  read(value) {
    if (typeof value === 'string') return mxFromText(value);
    if (isTable(value)) return mxFromTable(new Map(Object.entries(value)));
    throw new OptionValueError(`${showValue(value)} is not a host`, MX_FIX);
  },
};

function mxFromText(value: string): MxListEntry {
  if (value.startsWith('/')) return { name: value, path: value };
  const place = splitHostPort(value);
  const refused = () => new OptionValueError(`${showValue(value)} is not a host`, MX_FIX);
  if (place === undefined || place.port === 0) throw refused();
  const port = place.port === undefined ? {} : { port: place.port };
  const literal = place.isBracketed ? place.host.replace(/^IPv6:/i, '') : place.host;
  if (parseIp(literal) !== undefined) return { name: place.host, address: literal, ...port };
  if (place.isBracketed || !isHostName(place.host)) throw refused();
  return { name: lower(place.host), ...port };
}

function mxFromTable(table: ReadonlyMap<string, unknown>): MxListEntry {
  for (const key of table.keys()) {
    if (key !== 'name' && key !== 'addr') {
      throw new OptionValueError(`a host has no key '${key}'`, MX_FIX);
    }
  }
  const name = text.read(table.get('name'));
  const addr = table.get('addr');
  const refused = () => new OptionValueError(`addr ${showValue(addr)} is not an address`, MX_FIX);
  if (typeof addr !== 'string') throw refused();
  if (parseIp(addr) !== undefined) return { name: lower(name), address: addr };
  const place = splitHostPort(addr);
  if (place === undefined || parseIp(place.host) === undefined || place.port === 0) throw refused();
  const port = place.port === undefined ? {} : { port: place.port };
  return { name: lower(name), address: place.host, ...port };
}

function lower(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Where a proxy listens: `ip:port`, `[v6]:port`, `host:port` or a unix path. */
export const proxyPlace: Kind<ProxyPlace> = {
  name: 'host:port or path',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    const fix = "write 'host:port', '192.0.2.1:1080', '[2001:db8::1]:1080' or '/path/to/socket'";
    const refused = () => new OptionValueError(`${showValue(value)} is not a proxy`, fix);
    if (typeof value !== 'string') throw refused();
    if (value.startsWith('/')) return { path: value };
    const place = splitHostPort(value);
    if (place?.port === undefined || place.port === 0) throw refused();
    const isIp = parseIp(place.host) !== undefined;
    if (!isIp && (place.isBracketed || !isHostName(place.host))) throw refused();
    return { host: place.host, port: place.port };
  },
};

/** Where a listener binds: `ip:port` or `[v6]:port`. */
export const listenPlace: Kind<ListenPlace> = {
  name: 'ip:port',
  schema: { type: 'string', pattern: ':\\d+$' },
  read(value) {
    const place = typeof value === 'string' ? splitHostPort(value) : undefined;
    if (place?.port === undefined || parseIp(place.host) === undefined) {
      const fix = "write '127.0.0.1:2025' or '[::1]:2025'";
      throw new OptionValueError(`${showValue(value)} is not an address with a port`, fix);
    }
    return { address: place.host, port: place.port };
  },
};

const KEY_TABLE = {
  type: 'object',
  properties: { key_data: { type: 'string', minLength: 1 } },
  required: ['key_data'],
  additionalProperties: false,
};

/** A key or certificate: a path, or {key_data}. */
export const keySource: Kind<KeySource> = {
  name: 'path or {key_data}',
  schema: { anyOf: [{ type: 'string', minLength: 1 }, KEY_TABLE] },
  read(value) {
    const fix = 'give a path in quotes, or {key_data = "-----BEGIN ..."}';
    if (typeof value === 'string' && value !== '') return { path: text.read(value) };
    if (isTable(value)) {
      const table = new Map(Object.entries(value));
      const data = table.get('key_data');
      if (table.has('vault_mount') || table.has('vault_path')) {
        throw new OptionValueError('keys from a vault are not supported yet', fix);
      }
      if (typeof data === 'string' && data !== '' && table.size === 1) return { key_data: data };
    }
    // The value may be a secret in the wrong place, so it is not shown.
    throw new OptionValueError('this is not a key source', fix);
  },
};
