/**
 * The `Network` port over node:net and node:tls: one link is one outbound socket.
 * It turns errno into faults, hands each write to the kernel in one call, and answers back-pressure
 * as a boolean. It sets no deadlines: whoever dialled destroys the link when it waited long enough.
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

/** Longest time a link that was ended politely may take to flush and close. */
const ENDING_MS_MAX = 5_000;
/** Longest text kept of what the platform said. */
const CAUSE_CHARS_MAX = 300;

/** What an operator or a test may set for all links. */
export interface NetworkOptions {
  /** PEM certificates trusted instead of the platform's. */
  readonly trusted?: readonly string[];
}

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

// Which moment of a link's life an error fell into decides what it means.
type Moment = 'dialing' | 'clear' | 'handshaking' | 'secured';

function linkCode(error: NodeJS.ErrnoException, moment: Moment): FaultCode {
  const code = error.code ?? '';
  if (error.syscall === 'bind') {
    return code === 'EADDRNOTAVAIL' ? 'FAULT_LINK_UNPLUMBED' : 'FAULT_LINK_BIND';
  }
  if (moment === 'handshaking') {
    return CERTIFICATE_CODE.test(code) ? 'FAULT_TLS_CERTIFICATE' : 'FAULT_TLS_HANDSHAKE';
  }
  const known = LINK_CODES[code];
  if (known !== undefined) return known;
  return moment === 'dialing' ? 'FAULT_LINK_UNREACHABLE' : 'FAULT_LINK_RESET';
}

function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, CAUSE_CHARS_MAX);
}

function ignore(): void {}

class NodeLink implements Link {
  readonly #listener: LinkListener;
  readonly #where: string;
  readonly #address: string;
  readonly #context: () => tls.SecureContext;
  #socket: net.Socket;
  #moment: Moment = 'dialing';
  #isOver = false;
  #isWaiting = false;

  constructor(request: DialRequest, listener: LinkListener, context: () => tls.SecureContext) {
    this.#listener = listener;
    this.#address = request.address;
    this.#where = request.path ?? `${request.address}:${request.port}`;
    this.#context = context;
    this.#socket = net.connect(dialOptions(request));
    this.#socket.once('connect', () => this.#opened());
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
    clear.removeAllListeners();
    clear.on('error', ignore);
    const secured = tls.connect({
      socket: clear,
      secureContext: this.#context(),
      rejectUnauthorized: request.verify,
      // Without a name the certificate is checked against the address.
      host: request.serverName ?? this.#address,
      ...(request.serverName === undefined ? {} : { servername: request.serverName }),
    });
    this.#socket = secured;
    secured.once('secureConnect', () => this.#secured(secured));
    this.#listen();
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
    this.#fail(linkCode(error, this.#moment), `${error.code ?? ''} ${error.message}`);
  }

  #fail(code: FaultCode, cause: string): void {
    if (this.#isOver) return;
    const wasHandshaking = this.#moment === 'handshaking' && code === 'FAULT_LINK_ENDED';
    this.destroy();
    this.#listener.lost({
      code: wasHandshaking ? 'FAULT_TLS_HANDSHAKE' : code,
      where: this.#where,
      cause: oneLine(cause.trim()),
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

/** The network of this machine; the TLS context is made once, at the first handshake. */
export function createNetwork(options: NetworkOptions = {}): Network {
  let shared: tls.SecureContext | undefined;
  const context = (): tls.SecureContext => {
    shared ??= tls.createSecureContext({
      minVersion: 'TLSv1.2',
      ...(options.trusted === undefined ? {} : { ca: [...options.trusted] }),
    });
    return shared;
  };
  return {
    dial(request: DialRequest, listener: LinkListener): Link {
      try {
        return new NodeLink(request, listener, context);
      } catch (error) {
        return refusedLink(request, listener, error);
      }
    },
  };
}
