/**
 * The client's side of SOCKS5 as a dialogue of bytes (RFC 1928, log-in by RFC 1929): what is heard
 * goes in, in pieces of any size; what is to be said, and the end of it, comes out.
 * A source address is asked for by a BIND before the CONNECT in the same dialogue, as the proxies
 * made for mail understand it. Deliberately unknown here: sockets, time, which proxy it is.
 */
import type { Ip } from '../../domain/ip.ts';
import { formatOctets, isUnspecified, octetsOf } from '../../domain/ip.ts';
import type { FaultCode } from '../ports.ts';

/** What the proxy is asked for. */
export interface Socks5Wish {
  readonly target: Ip;
  readonly port: number;
  /** The address to connect from; the unspecified one is not asked for. */
  readonly source: Ip;
  readonly username?: string;
  readonly password?: string;
}

/** What follows from what was heard. `through`: `rest` are the first bytes of the peer. */
export type Socks5Step =
  | { readonly kind: 'more' }
  | { readonly kind: 'say'; readonly bytes: Buffer }
  | {
      readonly kind: 'through';
      readonly address: string;
      readonly port: number;
      readonly rest: Buffer;
    }
  | { readonly kind: 'failed'; readonly code: FaultCode; readonly cause: string };

/** What is waited for. */
export type Socks5Phase = 'method' | 'login' | 'bind' | 'connect' | 'over';

const VERSION = 5;
const LOGIN_VERSION = 1;
const NO_LOGIN = 0;
const BY_PASSWORD = 2;
const NO_METHOD = 0xff;
const CONNECT = 1;
const BIND = 2;
const IPV4 = 1;
const DOMAIN = 3;
const IPV6 = 4;
/** Octets of an address by its type; a name has its length in front. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [IPV4]: 4, [IPV6]: 16 };
const HEAD_BYTES = 4;
const PORT_BYTES = 2;
const TEXT_BYTES_MAX = 255;

/** RFC 1928 section 6. */
const REFUSALS: readonly string[] = [
  'succeeded',
  'general failure of the proxy',
  'not allowed by the rules of the proxy',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'time to live expired',
  'command not supported',
  'address type not supported',
];

const WAITS: Readonly<Record<Socks5Phase, string>> = {
  method: 'the choice of a method',
  login: 'the answer to the log-in',
  bind: 'the answer to BIND',
  connect: 'the answer to CONNECT',
  over: 'nothing',
};

interface ReplyRead {
  readonly length: number;
  readonly address: string;
  readonly port: number;
}

/**
 * One dialogue; it ends with `through` or `failed`, and what comes later is nobody's.
 * Our own, because the client on npm (socks 2.8) has one command to a connection, so no BIND before
 * a CONNECT, knows no Unix sockets, and hands the password out with each of its errors.
 */
export class Socks5Dialogue {
  readonly #wish: Socks5Wish;
  #heard: Buffer = Buffer.alloc(0);
  #phase: Socks5Phase = 'method';

  constructor(wish: Socks5Wish) {
    this.#wish = wish;
  }

  get phase(): Socks5Phase {
    return this.#phase;
  }

  /** What is waited for, in words. */
  get waitsFor(): string {
    return WAITS[this.#phase];
  }

  /** The first words, or why there can be none. */
  begin(): Socks5Step {
    const { username, password } = this.#wish;
    if (username === undefined) return say(VERSION, 1, NO_LOGIN);
    if (password === undefined) {
      return this.#fail('a user name is set for the proxy, and its password cannot be read');
    }
    const length = Math.max(Buffer.byteLength(username), Buffer.byteLength(password));
    const isSayable = length <= TEXT_BYTES_MAX && username !== '' && password !== '';
    if (!isSayable) return this.#fail('user name and password must be of 1 to 255 bytes each');
    return say(VERSION, 2, NO_LOGIN, BY_PASSWORD);
  }

  /** Takes what was heard. */
  receive(bytes: Buffer): Socks5Step {
    this.#heard = this.#heard.length === 0 ? bytes : Buffer.concat([this.#heard, bytes]);
    switch (this.#phase) {
      case 'method':
        return this.#hearMethod();
      case 'login':
        return this.#hearLogin();
      case 'bind':
        return this.#hearBind();
      case 'connect':
        return this.#hearConnect();
      default:
        return { kind: 'more' };
    }
  }

  #hearMethod(): Socks5Step {
    const [version, method] = this.#heard;
    if (version !== VERSION) return this.#garbled();
    if (method === undefined) return { kind: 'more' };
    const isOffered = method === BY_PASSWORD && this.#wish.username !== undefined;
    if (method === NO_METHOD) return this.#fail('the proxy accepts no log-in that was offered');
    if (method !== NO_LOGIN && !isOffered) {
      return this.#fail(`the proxy chose method ${method}, which was not offered`);
    }
    if (!this.#drop(2)) return this.#garbled();
    if (method === NO_LOGIN) return this.#ask();
    this.#phase = 'login';
    const name = Buffer.from(this.#wish.username ?? '');
    const password = Buffer.from(this.#wish.password ?? '');
    return say(LOGIN_VERSION, name.length, ...name, password.length, ...password);
  }

  #hearLogin(): Socks5Step {
    const [version, status] = this.#heard;
    if (version !== LOGIN_VERSION) return this.#garbled();
    if (status === undefined) return { kind: 'more' };
    if (status !== 0) return this.#fail('the proxy refused the user name and password');
    return this.#drop(2) ? this.#ask() : this.#garbled();
  }

  #ask(): Socks5Step {
    const { source } = this.#wish;
    if (isUnspecified(source)) return this.#askConnect();
    this.#phase = 'bind';
    return sayRequest(BIND, source, 0);
  }

  #askConnect(): Socks5Step {
    this.#phase = 'connect';
    return sayRequest(CONNECT, this.#wish.target, this.#wish.port);
  }

  #hearBind(): Socks5Step {
    const read = this.#readReply('FAULT_PROXY_UNPLUMBED');
    if ('kind' in read) return read;
    return this.#drop(read.length) ? this.#askConnect() : this.#garbled();
  }

  #hearConnect(): Socks5Step {
    const read = this.#readReply('FAULT_PROXY_TARGET');
    if ('kind' in read) return read;
    this.#phase = 'over';
    const { address, port } = read;
    return { kind: 'through', address, port, rest: this.#heard.subarray(read.length) };
  }

  #readReply(refusedAs: FaultCode): ReplyRead | Socks5Step {
    const [version, status, , type, first] = this.#heard;
    if (version !== VERSION) return this.#garbled();
    if (status === undefined) return { kind: 'more' };
    // What follows a refusal is of no use, and some proxies do not send it.
    if (status !== 0) {
      const cause = `${this.#what()}: ${REFUSALS[status] ?? `unknown reply ${status}`}`;
      this.#phase = 'over';
      return { kind: 'failed', code: refusedAs, cause };
    }
    if (type === undefined) return { kind: 'more' };
    const isName = type === DOMAIN;
    const size = isName ? first : ADDRESS_BYTES[type];
    if (size === undefined) return isName ? { kind: 'more' } : this.#garbled();
    const start = HEAD_BYTES + (isName ? 1 : 0);
    const end = start + size;
    if (this.#heard.length < end + PORT_BYTES) return { kind: 'more' };
    const raw = this.#heard.subarray(start, end);
    const address = isName ? printable(raw) : formatOctets(raw);
    return { length: end + PORT_BYTES, address, port: this.#heard.readUInt16BE(end) };
  }

  #what(): string {
    const { source, target, port } = this.#wish;
    const ip = formatOctets(Uint8Array.from(octetsOf(this.#phase === 'bind' ? source : target)));
    if (this.#phase === 'bind') return `BIND of ${ip} at the proxy failed`;
    return `CONNECT of the proxy to ${ip} port ${port} failed`;
  }

  // Whoever speaks before being asked is out of step; only the last reply may have company.
  #drop(count: number): boolean {
    const isAll = this.#heard.length === count;
    this.#heard = this.#heard.subarray(count);
    return isAll;
  }

  #garbled(): Socks5Step {
    return this.#fail(`the proxy did not speak SOCKS5 where ${this.waitsFor} was due`);
  }

  #fail(cause: string): Socks5Step {
    this.#phase = 'over';
    return { kind: 'failed', code: 'FAULT_PROXY_HANDSHAKE', cause };
  }
}

function say(...octets: readonly number[]): Socks5Step {
  return { kind: 'say', bytes: Buffer.from(octets) };
}

function sayRequest(command: number, address: Ip, port: number): Socks5Step {
  const type = address.family === 4 ? IPV4 : IPV6;
  return say(VERSION, command, 0, type, ...octetsOf(address), port >>> 8, port & 0xff);
}

function printable(raw: Buffer): string {
  return raw.toString('latin1').replace(/[^\x21-\x7e]/g, '?');
}
