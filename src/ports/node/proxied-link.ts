/**
 * A link through a proxy: on its way it is a dial through that proxy, and from then on the link
 * over the socket that came of it. Deliberately unknown here: what is said to a proxy, and what a
 * link does with its socket.
 */
import type { Socket } from 'node:net';
import type { Fault, Link, LinkListener, TlsRequest } from '../ports.ts';
import type { FindAddresses, ProxiedDial } from './proxy-dial.ts';
import { ProxyDial } from './proxy-dial.ts';

/** Makes a link of a socket that is open already, and whose opening was told by another. */
export type AdoptSocket = (socket: Socket) => Link;

/** One link through one proxy. */
export class ProxiedLink implements Link {
  readonly #dial: ProxyDial;
  #link: Link | undefined;

  constructor(
    request: ProxiedDial,
    listener: LinkListener,
    find: FindAddresses,
    adopt: AdoptSocket,
  ) {
    this.#dial = new ProxyDial(request, find, {
      through: (socket, opened) => {
        this.#link = adopt(socket);
        listener.opened(opened);
        socket.resume();
      },
      lost: (fault) => listener.lost(fault),
    });
  }

  write(chunks: readonly (Buffer | string)[]): boolean {
    return this.#link?.write(chunks) ?? true;
  }

  secure(request: TlsRequest): void {
    this.#link?.secure(request);
  }

  end(): void {
    if (this.#link === undefined) this.#dial.abandon();
    else this.#link.end();
  }

  destroy(): void {
    if (this.#link === undefined) this.#dial.abandon();
    else this.#link.destroy();
  }

  stalled(): Fault | undefined {
    return this.#link === undefined ? this.#dial.stalled() : undefined;
  }
}
