/**
 * A proxy on a loopback socket that says what a script tells it to, and a dial through it.
 * The idea: each reply is due once so many bytes were heard, so that a reply can be early, late,
 * cut in pieces, wrong or missing. Deliberately unknown here: what is expected.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { createNetwork } from '../../src/ports/node/network.ts';
import type { FindAddresses } from '../../src/ports/node/proxy-dial.ts';
import type { DialRequest, Fault, Link, LinkOpened } from '../../src/ports/ports.ts';
import type { ProxyRoute } from '../../src/ports/proxy-route.ts';

/** Bytes heard before the reply is sent, and the reply; text is a deed. */
export type Step = readonly [afterBytes: number, reply: Buffer | 'fin' | 'reset'];

/** What a scripted proxy does. */
export interface ProxyScript {
  readonly steps: readonly Step[];
  /** Sends every reply byte by byte. */
  readonly isSlow?: boolean;
  readonly address?: string;
  readonly path?: string;
  readonly port?: number;
}

/** Hex text as bytes; blanks are for the eye. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const DRIP_MS = 2;

function drip(socket: net.Socket, bytes: Buffer): void {
  if (bytes.length === 0 || socket.destroyed) return;
  socket.write(bytes.subarray(0, 1));
  setTimeout(() => drip(socket, bytes.subarray(1)), DRIP_MS);
}

/** One scripted proxy. */
export class ProxyPeer {
  heard = Buffer.alloc(0);
  /** Bytes of each piece that was heard. */
  readonly pieces: number[] = [];
  readonly froms: string[] = [];
  readonly sockets = new Set<net.Socket>();
  readonly #server: net.Server;
  readonly #script: ProxyScript;

  constructor(script: ProxyScript) {
    this.#script = script;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  /** Listens; answers the port. */
  async open(): Promise<number> {
    const { path, address = '127.0.0.1', port = 0 } = this.#script;
    await new Promise<void>((done) => {
      if (path === undefined) this.#server.listen(port, address, done);
      else this.#server.listen(path, done);
    });
    return path === undefined ? (this.#server.address() as net.AddressInfo).port : 0;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: net.Socket): void {
    this.sockets.add(socket);
    this.froms.push(socket.remoteAddress ?? '');
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    let count = 0;
    const left = [...this.#script.steps];
    const act = (): void => {
      for (;;) {
        const [step] = left;
        if (step === undefined || count < step[0]) return;
        left.shift();
        this.#do(socket, step[1]);
      }
    };
    socket.on('data', (bytes) => {
      this.heard = Buffer.concat([this.heard, bytes]);
      this.pieces.push(bytes.length);
      count += bytes.length;
      act();
    });
    act();
  }

  #do(socket: net.Socket, deed: Step[1]): void {
    if (deed === 'fin') socket.end();
    else if (deed === 'reset') socket.resetAndDestroy();
    else if (this.#script.isSlow !== true) socket.write(deed);
    else drip(socket, deed);
  }
}

/** What a dial told. */
export interface Told {
  readonly words: string[];
  readonly bytes: Buffer[];
  opened: LinkOpened | undefined;
  fault: Fault | undefined;
  link: Link;
}

/** The proxy of a dial, as a test gives it. */
export type Route = Partial<ProxyRoute> & Pick<ProxyRoute, 'place'>;

/** Dials 192.0.2.25 port 25 through a proxy. */
export function dialThrough(
  route: Route,
  request: Partial<DialRequest> = {},
  find?: FindAddresses,
): Told {
  const network = createNetwork(find === undefined ? {} : { findAddresses: find });
  const told: Told = {
    words: [],
    bytes: [],
    opened: undefined,
    fault: undefined,
    link: undefined as never,
  };
  let hasReturned = false;
  const say = (word: string): void => {
    assert.ok(hasReturned, 'an answer came before dial returned');
    told.words.push(word);
  };
  const proxy: ProxyRoute = { kind: 'socks5', sourceAddress: '198.51.100.7', ...route };
  told.link = network.dial(
    { address: '192.0.2.25', port: 25, proxy, ...request },
    {
      opened: (info) => {
        say('opened');
        told.opened = info;
      },
      received: (bytes) => told.bytes.push(Buffer.from(bytes)),
      drained: () => say('drained'),
      secured: (info) => say(`secured ${info.authorized}`),
      lost: (fault) => {
        say('lost');
        told.fault = fault;
      },
    },
  );
  hasReturned = true;
  return told;
}

/** Waits until it is so, for at most five seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const by = performance.now() + 5000;
  while (!isSo()) {
    assert.ok(performance.now() < by, 'waited too long');
    await new Promise((done) => setTimeout(done, 2));
  }
}

const peers: ProxyPeer[] = [];
/** Closes every proxy that `serve` opened. */
export function closePeers(): void {
  for (const peer of peers) peer.close();
}

/** Opens a scripted proxy. */
export async function serve(script: ProxyScript): Promise<{ peer: ProxyPeer; port: number }> {
  const peer = new ProxyPeer(script);
  peers.push(peer);
  return { peer, port: await peer.open() };
}

/** A proxy at a port of this machine. */
export const at = (port: number) => ({ place: { host: '127.0.0.1', port } });
/** A proxy with a name. */
export const named = (port: number) => ({ place: { host: 'proxy.test', port } });
/** A look-up that finds these. */
export const answering =
  (...addresses: string[]): FindAddresses =>
  (_host, answered) =>
    answered({ kind: 'found', addresses, expiresAt: 0 });
/** The fault of a dial that was lost before it opened, as code and cause. */
export const ended = async (told: Told): Promise<string> => {
  await until(() => told.fault !== undefined);
  assert.deepEqual(told.words, ['lost']);
  assert.doesNotMatch(JSON.stringify(told.fault), /hunter2/);
  return `${told.fault?.code} ${told.fault?.cause}`;
};
/** Nobody is connected to it any more. */
export const isGone = (peer: ProxyPeer): Promise<void> => until(() => peer.sockets.size === 0);
