/**
 * What readers of the log are told of an SMTP session: its id, its TLS, the metadata they asked
 * for, and what the client was refused. The one idea: nothing here is made before somebody needs
 * it, and no reply waits for it. It does not know why something was refused.
 */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { AuthInfo } from '../domain/auth-info.ts';
import type { Captured } from '../domain/capture.ts';
import { pickMeta } from '../domain/capture.ts';
import { freezeDeep } from '../domain/freeze-deep.ts';
import { formatPlace } from '../domain/ip.ts';
import { readReply } from '../domain/reply.ts';
import { ConnectionMeta } from '../mail/connection-meta.ts';
import { QUEUE_META } from '../mail/metadata.ts';
import type { Desk, Terms } from './desk.ts';
import { nameProtocol } from './ehlo.ts';
import type { Arrival } from './message-intake.ts';

/** A session, as far as it is told of. */
export interface Visitor {
  readonly settings: Terms['settings'];
  readonly hostname: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly hostNameAppearsAs: string | false;
  readonly openingCommand: string | false;
  readonly secure: boolean;
  readonly _socket: object;
}

/** An envelope under construction. */
interface Envelope {
  readonly from: string | undefined;
  readonly recipients: readonly string[];
  readonly smtpUtf8: boolean;
}

/** A line that begins otherwise may be a password, once a client believes that it is asked. */
const KNOWN = /^(?:EHLO|HELO|MAIL|RCPT|DATA|RSET|NOOP|QUIT|VRFY|EXPN|HELP|STARTTLS|BDAT)\b/i;
const LOGIN = /^AUTH(?: +[\w-]+)?/i;
const COMMAND_CHARS_MAX = 512;
/** Shutting down, overload, no room: told to everybody, of interest to nobody. */
const PASSING = new Set(['4.3.1', '4.3.2']);

/** One session for readers of the log. */
export class Visit {
  private readonly desk: Desk;
  private readonly visitor: Visitor;
  private uuid: string | undefined;
  private command: Buffer | undefined;
  private hasTriedLogin = false;
  private known: ConnectionMeta | undefined;
  private auth: AuthInfo | undefined;

  constructor(desk: Desk, visitor: Visitor) {
    this.desk = desk;
    this.visitor = visitor;
  }

  /** The client said this. */
  heard(command: Buffer): void {
    this.command = command;
  }

  /** The metadata of the connection, for handlers and messages. */
  get meta(): ConnectionMeta {
    this.known ??= new ConnectionMeta(
      () => this.allMeta(this.tlsFacts()),
      () => this.auth,
    );
    return this.known;
  }

  /** What policy and login have set; empty where nothing was. */
  ownMeta(): Captured {
    return this.known?.isOwn === true ? this.known.all() : {};
  }

  /** Nothing that policy or listener say of the connection can change a message's queue. */
  get isPlain(): boolean {
    if (this.known?.isOwn === true) return false;
    const { meta } = this.visitor.settings;
    return !QUEUE_META.some((key) => Object.hasOwn(meta, key));
  }

  /** The client proved who it is. */
  authenticated(authz: string, authn: string, who: Omit<AuthInfo, 'peer_address'>): void {
    this.meta.set_meta('authz_id', authz);
    this.meta.set_meta('authn_id', authn);
    this.auth = freezeDeep({ ...who, peer_address: this.visitor.remoteAddress });
  }

  /** The client heard this; `data` is the reply's text. */
  replied(code: number, data: string | readonly string[] | null | undefined, in_: Envelope): void {
    const { host, listener } = this.desk;
    const noteRefused = host.noteRefused?.bind(host);
    if (code < 400 || noteRefused === undefined) return;
    const { enhanced, text } = readReply(code, typeof data === 'string' ? data : (data?.[0] ?? ''));
    const command = this.readCommand();
    if (PASSING.has(enhanced)) return;
    const { remoteAddress: peer, hostNameAppearsAs } = this.visitor;
    noteRefused({
      listener,
      peer,
      helo: hostNameAppearsAs || '',
      code,
      enhanced,
      text,
      command,
      from: in_.from,
      to: in_.recipients.at(-1),
      ...this.facts(),
    });
  }

  /** What an arrival says of its envelope and session. */
  arrival({ from, recipients, smtpUtf8 }: Envelope): Arrival {
    const { visitor, desk } = this;
    return {
      from: from ?? '',
      recipients,
      smtpUtf8,
      peer: visitor.remoteAddress,
      helo: visitor.hostNameAppearsAs || 'unknown',
      protocol: nameProtocol({
        isExtended: visitor.openingCommand === 'EHLO',
        smtpUtf8,
        isSecure: visitor.secure,
        isAuthenticated: this.auth !== undefined,
      }),
      listener: desk.listener,
      hostname: visitor.hostname,
      at: desk.clock.now(),
      ...this.facts(),
    };
  }

  private facts(): { session: string; tls?: string; cipher?: string; meta?: Captured | undefined } {
    this.uuid ??= this.desk.host.nameSession?.() ?? '';
    const tls = this.tlsFacts();
    const names = this.desk.host.capture?.meta ?? [];
    if (names.length === 0) return { session: this.uuid, ...tls };
    const meta = pickMeta(names, this.known?.all() ?? this.allMeta(tls));
    return { session: this.uuid, ...tls, meta: Object.keys(meta).length > 0 ? meta : undefined };
  }

  private tlsFacts(): { tls: string; cipher: string } | undefined {
    if (!this.visitor.secure) return undefined;
    const socket = this.visitor._socket as Partial<TLSSocket>;
    return { tls: socket.getProtocol?.() ?? '', cipher: socket.getCipher?.()?.name ?? '' };
  }

  /** The metadata of a connection, by the reference's names. */
  private allMeta(tls: { tls: string; cipher: string } | undefined): Captured {
    const { visitor } = this;
    return {
      reception_protocol: 'ESMTP',
      received_via: formatPlace(visitor.localAddress, visitor.localPort),
      received_from: formatPlace(visitor.remoteAddress, visitor.remotePort),
      hostname: visitor.hostname,
      ...(visitor.hostNameAppearsAs ? { ehlo_domain: visitor.hostNameAppearsAs } : {}),
      ...(tls === undefined ? {} : this.tlsMeta(tls)),
      ...visitor.settings.meta,
    };
  }

  private tlsMeta({ tls, cipher }: { tls: string; cipher: string }): Captured {
    const meta = { tls_cipher: cipher, tls_protocol_version: tls };
    const socket = this.visitor._socket as Partial<TLSSocket>;
    const subject = (socket.getPeerCertificate?.() as Partial<DetailedPeerCertificate>)?.subject;
    if (subject === undefined) return meta;
    const parts = Object.entries(subject).map(([key, value]) => `${key}=${String(value)}`);
    return { ...meta, tls_peer_subject_name: parts };
  }

  /** The line that is answered now, without what could be a secret. */
  readCommand(): string {
    const line = this.command?.toString('utf8', 0, COMMAND_CHARS_MAX) ?? '';
    const login = LOGIN.exec(line);
    if (login !== null) {
      this.hasTriedLogin = true;
      return login[0];
    }
    return this.hasTriedLogin && !KNOWN.test(line) ? '***' : line;
  }
}
