/**
 * The `Network` port over node:net and node:tls: one link is one outbound socket.
 * It hands each write to the kernel in one call, and answers back-pressure as a boolean. It sets
 * no deadlines: whoever dialled destroys the link when it waited long enough.
 * Deliberately unknown here: SMTP, queues, retries.
 */
import net from 'node:net';
import tls from 'node:tls';
import type {
  DialRequest,
  Fault,
  FaultCode,
  Link,
  LinkListener,
  LinkSecured,
  Network,
  TlsRequest,
} from '../ports.ts';
import type { Moment } from './link-faults.ts';
import { describeError, linkCode, oneLine } from './link-faults.ts';
import { ProxiedLink } from './proxied-link.ts';
import type { FindAddresses } from './proxy-dial.ts';
import type { TlsContexts } from './tls-contexts.ts';
import { createTlsContexts } from './tls-contexts.ts';

/** Longest time a link that was ended politely may take to flush and close. */
const ENDING_MS_MAX = 5_000;
/** What an operator or a test may set for all links. */
export interface NetworkOptions {
  /** PEM certificates trusted instead of the platform's. */
  readonly trusted?: readonly string[];
  /** Looks up the names of proxies; without it proxies can be given by address only. */
  readonly findAddresses?: FindAddresses;
}

function ignore(): void {}

class NodeLink implements Link {
  readonly #listener: LinkListener;
  readonly #where: string;
  readonly #address: string;
  readonly #contexts: TlsContexts;
  #socket: net.Socket;
  #moment: Moment = 'dialing';
  #isOver = false;
  #isWaiting = false;

  /** With `carrier`, a socket that is open already, its opening is told by whoever opened it. */
  constructor(
    request: DialRequest,
    listener: LinkListener,
    contexts: TlsContexts,
    carrier?: net.Socket,
  ) {
    this.#listener = listener;
    this.#address = request.address;
    this.#where = request.path ?? `${request.address}:${request.port}`;
    this.#contexts = contexts;
    this.#socket = carrier ?? net.connect(dialOptions(request));
    if (carrier === undefined) this.#socket.once('connect', () => this.#opened());
    else this.#moment = 'clear';
    this.#listen();
  }

  write(chunks: readonly (Buffer | string)[]): boolean {
    const socket = this.#socket;
    if (this.#isOver) return true;
    if (chunks.length === 1) {
      socket.write(chunks[0] as Buffer | string);
    } else {
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    }
    // Node asks to wait above its high-water mark even when the kernel took all of it at once.
    this.#isWaiting = socket.writableNeedDrain && socket.writableLength > 0;
    return !this.#isWaiting;
  }

  secure(request: TlsRequest): void {
    if (this.#isOver) return;
    const clear = this.#socket;
    this.#moment = 'handshaking';
    if (clear.readableLength > 0) {
      this.#fail('FAULT_TLS_HANDSHAKE', 'bytes in clear before the handshake');
      return;
    }
    const secureContext = this.#contextFor(request);
    if (secureContext === undefined) return;
    clear.removeAllListeners();
    clear.on('error', ignore);
    const secured = tls.connect({
      socket: clear,
      secureContext,
      rejectUnauthorized: request.verify,
      // Without a name the certificate is checked against the address.
      host: request.serverName ?? this.#address,
      ...(request.serverName === undefined ? {} : { servername: request.serverName }),
    });
    this.#socket = secured;
    secured.once('secureConnect', () => this.#secured(secured));
    this.#listen();
  }

  #contextFor(request: TlsRequest): tls.SecureContext | undefined {
    try {
      return this.#contexts(request.identity);
    } catch (error) {
      const why = (error as Error).message;
      this.#fail('FAULT_TLS_IDENTITY', `our certificate or its key cannot be used: ${why}`);
      return undefined;
    }
  }

  end(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#socket.setTimeout(ENDING_MS_MAX, () => this.#socket.destroy());
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#socket.destroy();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', (bytes: Buffer) => {
      if (!this.#isOver) this.#listener.received(bytes);
    });
    socket.on('drain', () => this.#drained());
    socket.once('end', () => this.#fail('FAULT_LINK_ENDED', 'closed by the peer'));
    socket.once('close', () => this.#fail('FAULT_LINK_ENDED', 'closed'));
    socket.once('error', (error: NodeJS.ErrnoException) => this.#broke(error));
  }

  #opened(): void {
    if (this.#isOver) return;
    this.#moment = 'clear';
    this.#listener.opened({
      localAddress: this.#socket.localAddress ?? '',
      localPort: this.#socket.localPort ?? 0,
    });
  }

  #secured(socket: tls.TLSSocket): void {
    if (this.#isOver) return;
    this.#moment = 'secured';
    this.#listener.secured(describeTls(socket));
  }

  #drained(): void {
    if (!this.#isWaiting || this.#isOver) return;
    this.#isWaiting = false;
    this.#listener.drained();
  }

  #broke(error: NodeJS.ErrnoException): void {
    this.#fail(linkCode(error, this.#moment), describeError(error));
  }

  #fail(code: FaultCode, cause: string): void {
    if (this.#isOver) return;
    const wasHandshaking = this.#moment === 'handshaking' && code === 'FAULT_LINK_ENDED';
    this.destroy();
    this.#listener.lost({
      code: wasHandshaking ? 'FAULT_TLS_HANDSHAKE' : code,
      where: this.#where,
      cause: oneLine(cause),
      retryable: true,
    });
  }

  #leave(): void {
    this.#isOver = true;
    // A socket without an error listener would end the process with its next error.
    this.#socket.on('error', ignore);
  }
}

function dialOptions(request: DialRequest): net.NetConnectOpts {
  if (request.path !== undefined) return { path: request.path };
  return {
    host: request.address,
    port: request.port,
    noDelay: true,
    ...(request.localAddress === undefined ? {} : { localAddress: request.localAddress }),
  };
}

function describeTls(socket: tls.TLSSocket): LinkSecured {
  const subject = socket.getPeerCertificate().subject as { CN?: string | string[] } | undefined;
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.name ?? '',
    authorized: socket.authorized,
    peerSubject: oneLine(String(subject?.CN ?? '')),
  };
}

// A dial that Node refuses before it begins (a bad port or address) is told like any other failure.
function refusedLink(request: DialRequest, listener: LinkListener, error: unknown): Link {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  const fault: Fault = {
    code: 'FAULT_LINK_UNREACHABLE',
    where: request.path ?? `${request.address}:${request.port}`,
    cause: oneLine(String(error)),
    retryable: true,
  };
  setImmediate(() => {
    if (!isOver) listener.lost(fault);
  });
  return { write: () => true, secure: ignore, end, destroy: end };
}

const refuseNames: FindAddresses = (host, answered) => {
  const cause = 'nobody looks up names here';
  const fault: Fault = { code: 'FAULT_DNS_SERVFAIL', where: host, cause, retryable: true };
  answered({ kind: 'failed', fault, expiresAt: 0 });
};

/** The network of this machine. */
export function createNetwork(options: NetworkOptions = {}): Network {
  const contexts = createTlsContexts(options.trusted);
  const find = options.findAddresses ?? refuseNames;
  return {
    dial(request: DialRequest, listener: LinkListener): Link {
      const { proxy } = request;
      if (proxy !== undefined && request.path === undefined) {
        const adopt = (socket: net.Socket): Link =>
          new NodeLink(request, listener, contexts, socket);
        return new ProxiedLink({ ...request, proxy }, listener, find, adopt);
      }
      try {
        return new NodeLink(request, listener, contexts);
      } catch (error) {
        return refusedLink(request, listener, error);
      }
    },
  };
}
