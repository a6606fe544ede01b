/**
 * Connections of the HTTP sink: the name is looked up once for each, addresses that nobody means
 * are left out, and one of those that remain is connected to; nothing else is looked up later.
 * The one idea: what was checked is what is connected to, so a name cannot change in between.
 * Deliberately unknown here: requests, and what is sent.
 */
import { lookup } from 'node:dns/promises';
import type { LookupFunction, Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Cidr } from '../../domain/cidr.ts';
import { isForbiddenAddress } from '../../domain/hook-url.ts';
import type { Ms } from '../../ports/ports.ts';
import type { Timers } from '../../ports/timers.ts';

/** An address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a host; rejects where it has none. */
export type FindHostAddresses = (host: string) => Promise<readonly HostAddress[]>;

/** How to connect. */
export interface LinkOptions {
  readonly allowed: readonly Cidr[];
  readonly connectTimeoutMs: Ms;
  /** Certificates and keys as PEM; absent for http. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername'> & {
    readonly rejectUnauthorized: boolean;
  };
  readonly findAddresses: FindHostAddresses;
  readonly timers: Timers;
}

/** Asks the machine, its hosts file included. */
export const findBySystem: FindHostAddresses = (host) => lookup(host, { all: true });

/** Makes connections, and ends those that are not made yet. */
export interface Linking {
  readonly connector: buildConnector.connector;
  /** Gives up what is still connecting. */
  stop(): void;
}

const KEEP_ALIVE_PROBE_MS = 60_000;

/** Looks a name up and leaves out what must not be connected to. */
function guardedLookup({ findAddresses, allowed }: LinkOptions): LookupFunction {
  return (host, options, answered) => {
    findAddresses(host).then(
      (found) => {
        const fit = found.filter(({ address }) => !isForbiddenAddress(address, allowed));
        const [first] = fit;
        if (first === undefined) answered(new Error(complaintOf(host, found)), '');
        else if (options.all) answered(null, [...fit]);
        else answered(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => answered(error, ''),
    );
  };
}

function complaintOf(host: string, found: readonly HostAddress[]): string {
  const [first] = found;
  if (first === undefined) return `${host} has no address`;
  return `${host} is ${first.address}, a link-local or metadata address; see allow_addresses`;
}

/** The connector for a client. */
export function createLinking(options: LinkOptions): Linking {
  const pending = new Set<Socket>();
  const open = ({ hostname, port, protocol }: buildConnector.Options): Socket => {
    const isTls = protocol === 'https:';
    // An address in brackets is for URLs only.
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const place = {
      host,
      port: Number(port) || (isTls ? 443 : 80),
      lookup: guardedLookup(options),
    };
    if (!isTls) return connectTcp(place);
    return connectTls({
      ...options.tls,
      ...place,
      // RFC 6066 section 3: no address goes into the server name.
      servername: options.tls?.servername ?? (/^[\d.]+$|:/.test(host) ? '' : host),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    });
  };
  return {
    connector: (place, answered) => {
      const socket = open(place);
      pending.add(socket);
      guide(socket, place.protocol === 'https:' ? 'secureConnect' : 'connect', options, (error) => {
        pending.delete(socket);
        if (error === undefined) answered(null, socket);
        else answered(error, null);
      });
    },
    stop: () => {
      for (const socket of pending) socket.destroy();
    },
  };
}

/** Waits for a socket to be ready, or to fail, or for the time to be over; answers once. */
function guide(
  socket: Socket,
  ready: string,
  { timers, connectTimeoutMs }: LinkOptions,
  answered: (error?: Error) => void,
): void {
  let isOver = false;
  const end = (error?: Error): void => {
    if (isOver) return;
    isOver = true;
    cancel();
    answered(error);
  };
  const cancel = timers.after(connectTimeoutMs, () => {
    socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
  });
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
  socket.once(ready, () => end());
  socket.on('error', end);
  socket.once('close', () => end(new Error('the connection was given up')));
}
