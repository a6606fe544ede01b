/**
 * The way through a proxy, up to the point where the socket is as good as one to the peer: the
 * proxy's name is looked up, its addresses are tried one after the other, and what it wants to
 * hear is said. The first address that lets the peer answer decides; the failures of the others
 * are told as one. Deliberately unknown here: links, TLS, mail, who waits and why.
 */
import net from 'node:net';
import { parseIp } from '../../domain/ip.ts';
import type { AddressAnswer, DialRequest, Fault, FaultCode, LinkOpened, Ms } from '../ports.ts';
import type { ProxyRoute } from '../proxy-route.ts';
import { bindCode, describeError, joinFaults, oneLine } from './link-faults.ts';
import { makeProxyHeader } from './proxy-header.ts';
import type { Socks5Step, Socks5Wish } from './socks5.ts';
import { Socks5Dialogue } from './socks5.ts';

/** Finds the addresses of a proxy's name. */
export type FindAddresses = (host: string, answered: (answer: AddressAnswer) => void) => void;

/** A dial that goes through a proxy. */
export interface ProxiedDial extends DialRequest {
  readonly proxy: ProxyRoute;
}

/** What a way through a proxy came to: one of the two, once, and not before it was begun. */
export interface ProxyDialListener {
  /** The socket is paused, and what the peer said already is in front of it. */
  through(socket: net.Socket, opened: LinkOpened): void;
  lost(fault: Fault): void;
}

/** The least time an address of a proxy gets while others wait, ms. */
const SHARE_MS_MIN = 250;

const ignore = (): void => {};

/** One way through one proxy. */
export class ProxyDial {
  readonly #request: ProxiedDial;
  readonly #find: FindAddresses;
  readonly #listener: ProxyDialListener;
  readonly #beganAt = performance.now();
  readonly #failed: Fault[] = [];
  #ends: Pick<Socks5Wish, 'source' | 'target' | 'port'> | undefined;
  #left: net.NetConnectOpts[] = [];
  #socket: net.Socket | undefined;
  #dialogue: Socks5Dialogue | undefined;
  #timer: NodeJS.Timeout | undefined;
  #where: string;
  #waitsFor = 'a start';
  #isConnected = false;
  #isOver = false;

  constructor(request: ProxiedDial, find: FindAddresses, listener: ProxyDialListener) {
    this.#request = request;
    this.#find = find;
    this.#listener = listener;
    this.#where = placeText(request.proxy);
    // Not before the caller has what it called for.
    setImmediate(() => this.#begin());
  }

  /** What it would be lost of if it were given up now. */
  stalled(): Fault {
    const now = this.#faultOf(this.#codeNow(), `no answer, waiting for ${this.#waitsFor}`);
    if (now.code === 'FAULT_PROXY_TARGET') return now;
    return joinFaults([...this.#failed, now]) ?? now;
  }

  /** Gives it up; nothing is told any more. */
  abandon(): void {
    this.#isOver = true;
    this.#drop();
  }

  #begin(): void {
    if (this.#isOver) return;
    const { place, sourceAddress } = this.#request.proxy;
    const { address, port } = this.#request;
    const source = parseIp(sourceAddress);
    const target = parseIp(address);
    if (source === undefined || target === undefined || source.family !== target.family) {
      const cause = `${sourceAddress} and the destination ${address} are of different families`;
      return this.#lose(this.#faultOf('FAULT_LINK_UNREACHABLE', cause));
    }
    this.#ends = { source, target, port };
    if ('path' in place) return this.#tryAll([{ path: place.path }]);
    if (parseIp(place.host) !== undefined) return this.#tryAddresses([place.host], place.port);
    this.#waitsFor = 'its address';
    this.#find(place.host, (answer) => {
      if (this.#isOver) return;
      if (answer.kind === 'found') return this.#tryAddresses(answer.addresses, place.port);
      const cause = `the name of the proxy cannot be looked up: ${answer.fault.cause}`;
      this.#lose(this.#faultOf('FAULT_PROXY_UNREACHABLE', cause));
    });
  }

  #tryAddresses(addresses: readonly string[], port: number): void {
    const { localAddress } = this.#request;
    const family = localAddress === undefined ? undefined : parseIp(localAddress)?.family;
    const usable = addresses.filter(
      (address) => family === undefined || parseIp(address)?.family === family,
    );
    if (usable.length === 0) {
      const cause = `no address of the proxy is of the family of source_address ${localAddress}`;
      return this.#lose(this.#faultOf('FAULT_PROXY_UNREACHABLE', cause));
    }
    const local = localAddress === undefined ? {} : { localAddress };
    this.#tryAll(usable.map((host) => ({ host, port, noDelay: true, ...local })));
  }

  #tryAll(places: net.NetConnectOpts[]): void {
    this.#left = places;
    this.#tryNext();
  }

  #tryNext(): void {
    const place = this.#left.shift();
    if (place === undefined) {
      const fault = joinFaults(this.#failed);
      if (fault !== undefined) this.#lose(fault);
      return;
    }
    this.#where = 'path' in place ? place.path : joinPort(place.host ?? '', place.port);
    this.#waitsFor = 'a connection';
    this.#isConnected = false;
    try {
      this.#connect(net.connect(place));
    } catch (error) {
      this.#fail('FAULT_PROXY_UNREACHABLE', oneLine(String(error)));
    }
  }

  #connect(socket: net.Socket): void {
    this.#socket = socket;
    socket.once('connect', () => this.#connected(socket));
    socket.on('data', (bytes: Buffer) => this.#heard(socket, bytes));
    socket.once('end', () => this.#broke('the proxy closed the connection'));
    socket.once('close', () => this.#broke('the connection was closed'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const bind = bindCode(error);
      if (bind !== undefined) this.#fail(bind, describeError(error));
      else this.#broke(describeError(error));
    });
    const patienceMs = this.#patienceMs();
    if (patienceMs === undefined) return;
    this.#timer = setTimeout(() => {
      const cause = `no answer within ${Math.round(patienceMs)} ms`;
      this.#fail(this.#codeNow(), `${cause}, waiting for ${this.#waitsFor}`);
    }, patienceMs);
  }

  // The last address needs no bound of its own: the caller's holds.
  #patienceMs(): Ms | undefined {
    const { patienceMs } = this.#request;
    if (patienceMs === undefined || this.#left.length === 0) return undefined;
    const leftMs = patienceMs - (performance.now() - this.#beganAt);
    return Math.max(SHARE_MS_MIN, leftMs / (this.#left.length + 1));
  }

  #connected(socket: net.Socket): void {
    this.#isConnected = true;
    const { proxy } = this.#request;
    const ends = this.#ends;
    if (ends === undefined) return;
    if (proxy.kind === 'haproxy') {
      const to = { ip: ends.target, port: ends.port };
      const header = makeProxyHeader(proxy.header ?? 'v2', { ip: ends.source, port: 0 }, to);
      if (header !== undefined) socket.write(header);
      return this.#through(socket, proxy.sourceAddress, 0, Buffer.alloc(0));
    }
    const { username, password } = proxy;
    this.#dialogue = new Socks5Dialogue({
      ...ends,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    this.#take(socket, this.#dialogue, this.#dialogue.begin());
  }

  #heard(socket: net.Socket, bytes: Buffer): void {
    const dialogue = this.#dialogue;
    if (this.#isOver || dialogue === undefined || socket !== this.#socket) return;
    this.#take(socket, dialogue, dialogue.receive(bytes));
  }

  #take(socket: net.Socket, dialogue: Socks5Dialogue, step: Socks5Step): void {
    this.#waitsFor = dialogue.waitsFor;
    if (step.kind === 'say') socket.write(step.bytes);
    else if (step.kind === 'through') this.#through(socket, step.address, step.port, step.rest);
    else if (step.kind === 'failed') this.#fail(step.code, step.cause);
    // From here on the peer is waited for, and another address of the proxy would wait the same.
    if (dialogue.phase === 'connect') clearTimeout(this.#timer);
  }

  #through(socket: net.Socket, localAddress: string, localPort: number, rest: Buffer): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    // The other listeners do nothing any more, and an error must always find one.
    socket.removeAllListeners('data');
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    const protocol = this.#request.proxy.kind;
    this.#listener.through(socket, { localAddress, localPort, protocol });
  }

  // What an unanswered wait means: the proxy is away, silent, or itself waits for the peer.
  #codeNow(): FaultCode {
    if (!this.#isConnected) return 'FAULT_PROXY_UNREACHABLE';
    return this.#dialogue?.phase === 'connect' ? 'FAULT_PROXY_TARGET' : 'FAULT_PROXY_HANDSHAKE';
  }

  #broke(cause: string): void {
    const code = this.#isConnected ? 'FAULT_PROXY_HANDSHAKE' : 'FAULT_PROXY_UNREACHABLE';
    this.#fail(code, `${cause}, waiting for ${this.#waitsFor}`);
  }

  #fail(code: FaultCode, cause: string): void {
    if (this.#isOver) return;
    const fault = this.#faultOf(code, cause);
    this.#drop();
    // The proxy did its part; the peer would be as far from its other addresses.
    if (code === 'FAULT_PROXY_TARGET') return this.#lose(fault);
    this.#failed.push(fault);
    this.#tryNext();
  }

  #faultOf(code: FaultCode, cause: string): Fault {
    const { kind } = this.#request.proxy;
    const text = oneLine(`${kind} proxy ${this.#where}: ${cause}`);
    return { code, where: this.#where, cause: text, retryable: true };
  }

  #lose(fault: Fault): void {
    if (this.#isOver) return;
    this.abandon();
    this.#listener.lost(fault);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#dialogue = undefined;
    if (socket === undefined) return;
    socket.removeAllListeners();
    // A socket without an error listener would end the process with its next error.
    socket.on('error', ignore);
    socket.destroy();
  }
}

function placeText({ place }: ProxyRoute): string {
  return 'path' in place ? place.path : joinPort(place.host, place.port);
}

function joinPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
