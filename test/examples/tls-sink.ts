/**
 * An SMTP server on loopback for tests of TLS, made of node:net and node:tls alone: it offers
 * STARTTLS or not, and then does what its kind says. It notes every word it heard, and whether that
 * was inside TLS. Deliberately unknown here: what is expected; each test says that.
 */
import net from 'node:net';
import tls from 'node:tls';
import { WRONG_KEY, WRONG_PEM } from './connection-certificates.ts';
import {
  EXPIRED_KEY,
  EXPIRED_PEM,
  SELF_KEY,
  SELF_PEM,
  SERVER_KEY,
  SERVER_PEM,
} from './tls-certificates.ts';

/** What a sink does about TLS. */
export type SinkKind =
  | 'valid'
  | 'self-signed'
  | 'expired'
  | 'wrong name'
  | 'no STARTTLS'
  | 'refused'
  | 'handshake'
  | 'injected';

const IDENTITIES: Readonly<Partial<Record<SinkKind, { key: string; cert: string }>>> = {
  valid: { key: SERVER_KEY, cert: SERVER_PEM },
  'self-signed': { key: SELF_KEY, cert: SELF_PEM },
  expired: { key: EXPIRED_KEY, cert: EXPIRED_PEM },
  'wrong name': { key: WRONG_KEY, cert: WRONG_PEM },
};

/** What an attacker would have a sender believe: a whole conversation, up to the delivery. */
const INJECTED =
  '220 go\r\n250-evil.test\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n';

/** What is heard of one message. */
export interface SinkMail {
  readonly isSecure: boolean;
  /** Common name in the certificate that the client showed; '' without one. */
  readonly client: string;
}

/** A running sink. */
export class TlsSink {
  readonly mails: SinkMail[] = [];
  /** Every verb, as `clear EHLO` or `tls MAIL`. */
  readonly words: string[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(kind: SinkKind, more: tls.TlsOptions = {}, say: { ehlo?: string } = {}) {
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.write('220 peer.test ready\r\n');
      const upgrade = (): void => this.#upgrade(socket, kind, more, say);
      this.#converse(socket, kind === 'no STARTTLS' ? undefined : upgrade, say);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return (this.#server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #upgrade(socket: net.Socket, kind: SinkKind, more: tls.TlsOptions, say: { ehlo?: string }): void {
    if (kind === 'refused') {
      socket.write('454 4.7.0 not now\r\n');
      return;
    }
    if (kind === 'injected') {
      socket.write(INJECTED);
      return;
    }
    if (kind === 'handshake') {
      // The answer to the client's first bytes: it belongs to the handshake, and is none.
      socket.removeAllListeners('data');
      socket.once('data', () => socket.write('this is no TLS\r\n'));
      socket.write('220 go\r\n');
      return;
    }
    socket.removeAllListeners('data');
    socket.write('220 go\r\n');
    // A server of its own, never listening: only a server looks at the certificates of clients.
    const server = tls.createServer({ ...IDENTITIES[kind], ...more }, (secured) => {
      secured.on('error', () => socket.destroy());
      this.#converse(secured, undefined, say);
    });
    server.on('tlsClientError', () => socket.destroy());
    server.emit('connection', socket);
  }

  #converse(
    socket: net.Socket | tls.TLSSocket,
    upgrade: (() => void) | undefined,
    say: { ehlo?: string },
  ): void {
    const isSecure = socket instanceof tls.TLSSocket;
    let text = '';
    let isBody = false;
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (isBody) {
          if (line !== '.') continue;
          isBody = false;
          this.mails.push({ isSecure, client: clientOf(socket) });
          socket.write('250 2.0.0 taken\r\n');
          continue;
        }
        const verb = line.split(/[ :]/, 1)[0] ?? '';
        this.words.push(`${isSecure ? 'tls' : 'clear'} ${verb}`);
        isBody = verb === 'DATA';
        if (verb === 'STARTTLS' && upgrade !== undefined) upgrade();
        else socket.write(answerTo(verb, upgrade !== undefined, say.ehlo));
      }
    });
  }
}

function clientOf(socket: net.Socket | tls.TLSSocket): string {
  if (!(socket instanceof tls.TLSSocket)) return '';
  const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
  return subject?.CN ?? '';
}

function answerTo(verb: string, hasTls: boolean, ehlo: string | undefined): string {
  switch (verb) {
    case 'EHLO':
      return `250-peer.test\r\n${hasTls ? '250-STARTTLS\r\n' : ''}${ehlo ?? ''}250 8BITMIME\r\n`;
    case 'DATA':
      return '354 go\r\n';
    case 'QUIT':
      return '221 2.0.0 bye\r\n';
    case 'AUTH':
      return '235 2.7.0 welcome\r\n';
    case 'STARTTLS':
      return '502 5.5.1 no\r\n';
    default:
      return '250 2.0.0 ok\r\n';
  }
}
