/**
 * The frame of an SMTP session: how it begins and ends, what is said and noted, and its deadlines.
 * The one idea: the library keeps the socket, every reply passes one place here. It does not know
 * commands or messages.
 */
import type { Socket } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { TraceMeta } from '../ports/smtp-trace.ts';
import type { Desk, Guest, Terms } from './desk.ts';
import { keepAnswering } from './half-open.ts';
import { Interview } from './interview.ts';
import { ERRORS_MAX, GREETING_WAIT_MS } from './limits.ts';
import { Pace } from './pace.ts';
import type { DomainFinder } from './relaying.ts';
import { makeRelayRule } from './relaying.ts';
import { takesReports } from './reports.ts';
import type { Circumstances, Reply } from './transaction.ts';
import { Transaction } from './transaction.ts';
import { Visit } from './visit.ts';
import { Watching } from './watching.ts';

/** A session without its commands. */
export abstract class SessionFrame extends SMTPConnection implements Guest, Circumstances {
  settings: Terms['settings'];
  hostname: string;
  isTrusted: boolean;
  abstract readonly hasAuth: boolean;
  readonly mayRelay: Circumstances['mayRelay'];
  readonly takesReports: Circumstances['takesReports'];
  messagesSent = 0;

  protected readonly desk: Desk;
  protected readonly transaction = new Transaction();
  protected readonly visit: Visit;
  protected readonly interview: Interview;
  protected readonly watching: Watching;
  protected pace: Pace;
  private finder: DomainFinder | undefined;
  protected errors = 0;

  constructor(desk: Desk, server: SMTPServer, socket: Socket, options: SMTPConnectionOptions) {
    super(server, socket, options);
    const terms = desk.termsFor(this.remoteAddress, this.localAddress);
    this.desk = desk;
    this.settings = terms.settings;
    this.hostname = terms.hostname;
    this.isTrusted = terms.isTrusted;
    this.name = terms.hostname;
    this.visit = new Visit(desk, this);
    this.watching = new Watching(desk.trace, () => this.visit.meta.all() as TraceMeta);
    this.mayRelay = makeRelayRule(this.remoteAddress, this.findDomain);
    this.takesReports = (domain) => takesReports(this.findDomain, domain);
    this.pace = new Pace(terms.settings, desk.clock.steadyMs(), desk.times);
    this.interview = new Interview({
      host: desk.host,
      isGone: () => this._closed || this._closing,
      waitMsMax: () => this.settings.handler_timeout,
      peer: () => this.remoteAddress,
      meta: () => this.visit.meta,
      seen: (handler, heard) => this.watching.callback(handler, heard),
    });
  }

  get peer(): string {
    return this.remoteAddress;
  }

  /** Bytes of the message that is being received. */
  protected abstract get seenBytes(): number;
  /** The answer to a message takes too long. */
  protected abstract giveUp(): void;
  /** The socket is gone. */
  protected abstract gone(): void;

  private makeFinder(): DomainFinder {
    const { desk, visit, remoteAddress, localAddress } = this;
    return desk.domainFinderFor(remoteAddress, localAddress, this, () => visit.ownMeta());
  }

  /** What the policy says of a domain; most sessions may relay anyway and never ask. */
  protected readonly findDomain: DomainFinder = (domain) => {
    this.finder ??= this.makeFinder();
    return this.finder(domain);
  };

  /** What was known of domains may no longer hold. */
  protected forgetDomains(): void {
    this.finder = undefined;
  }

  override init(): void {
    this._setListeners(() => {
      this.watching.tell('Connected');
      const refusal = this.desk.admit(this, this);
      if (refusal !== undefined) this.turnAway(refusal);
      else if (this.interview.hears('smtp_server_get_dynamic_parameters')) this.askParameters();
      else this.askWelcome();
    });
  }

  private askParameters(): void {
    const { desk, localAddress, remoteAddress } = this;
    const ends = [remoteAddress, localAddress] as const;
    const place = desk.placeOf(localAddress);
    this.interview.parameters(place, this.settings, ends, (refusal, settings) => {
      if (settings !== undefined) this.useTerms(desk.ownTerms(settings, remoteAddress));
      if (refusal === undefined) this.askWelcome();
      else this.dismissBy(refusal);
    });
  }

  private useTerms(terms: Terms): void {
    this.settings = terms.settings;
    this.hostname = terms.hostname;
    this.isTrusted = terms.isTrusted;
    this.name = terms.hostname;
    this.pace = new Pace(terms.settings, this.desk.clock.steadyMs(), this.desk.times);
    this.forgetDomains();
  }

  private askWelcome(): void {
    if (!this.interview.hears('smtp_server_connection_accepted')) this.welcome();
    else {
      this.interview.accepted((refusal) => {
        if (refusal === undefined) this.welcome();
        else this.dismissBy(refusal);
      });
    }
  }

  private welcome(): void {
    // A known sender is greeted at once: the wait would cap what one message a connection can
    // reach. A stranger must be silent for a while, as worms and misled browsers are not.
    if (this.isTrusted) this.connectionReady();
    else setTimeout(() => this.connectionReady(), GREETING_WAIT_MS).unref();
  }

  /** Policy does not want the client: it hears why instead of a greeting. */
  private dismissBy(refusal: Reply): void {
    this.answer(refusal, 'nothing yet');
    this.close();
  }

  private turnAway(refusal: Reply): void {
    this.desk.counts.denied += 1;
    this.desk.note('warn', `${this.peer} turned away: ${refusal.text}`);
    if (!this.desk.linger(1)) {
      this._socket.destroy();
      return;
    }
    this._socket.once('close', () => this.desk.linger(-1));
    // Whatever the reason, only 421 says in a greeting that later may be better.
    this.say({ ...refusal, code: 421 });
  }

  override _sendGreeting(): void {
    this.send(220, `${this.hostname} ESMTP ${this.settings.banner}`, false);
  }

  override _onClose(): void {
    this.watching.tell('Closed');
    this.gone();
    this.desk.letGo(this);
    super._onClose();
  }

  /**
   * The sweep of the desk looks at deadlines instead of a timer per socket. With a socket it is a
   * handshake that begins: who ends within it hears nothing any more, and is not waited for.
   */
  override _armTimeout(socket?: Socket): void {
    socket?.once('end', () => {
      if (this._upgrading) socket.destroy();
    });
  }

  checkDeadline(nowMs: number): void {
    if (this.pace.isWorkOverdue(nowMs)) this.giveUp();
    // While policy is asked it is not the client who is slow.
    if (this.interview.isPending || !this.pace.isOverdue(nowMs, this.seenBytes)) return;
    this.desk.note('info', `${this.peer} took too long`);
    this.watching.diagnose('ERROR', 'the client took too long');
    this.hangUp('took too long');
  }

  dismiss(): void {
    if (!this.pace.isWithinMessage) this.hangUp('shutting down');
  }

  evict(): void {
    this.hangUp('shutting down');
    this._socket.destroySoon();
  }

  protected hangUp(why: string): void {
    this.send(421, `4.3.2 ${this.hostname} ${why}`, false);
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    keepAnswering(this._socket);
    if (this.interview.hears('smtp_server_rewrite_response')) {
      const lines = Array.isArray(data) ? data : [data ?? ''];
      const [status, text] = this.interview.rewrite(code, lines, this.visit.readCommand());
      this.sendAsIs(status, text.length === 1 ? text[0] : [...text], context);
    } else this.sendAsIs(code, data, context);
  }

  private sendAsIs(code: number, data?: string | string[] | null, context?: string | false): void {
    super.send(code, data, context);
    this.watching.reply(code, data);
    this.pace.replied(this.desk.clock.steadyMs());
    this.visit.replied(code, data, this.transaction);
    if (code < 500) return;
    this.errors += 1;
    if (this.errors !== ERRORS_MAX) return;
    this.desk.note('warn', `${this.peer} made ${ERRORS_MAX} errors`);
    const farewell = `4.7.0 ${this.hostname} too many errors`;
    super.send(421, farewell, false);
    this.watching.reply(421, farewell);
  }

  protected say({ code, enhanced, text }: Reply): void {
    // Without an enhanced code the text is the policy's, of one line or more.
    if (enhanced !== '') this.send(code, `${enhanced} ${text}`, false);
    else this.send(code, text.includes('\n') ? text.split('\n') : text, false);
  }

  /** Says it; a refusal is noted with what it answers, which is the peer's own text. */
  protected answer(reply: Reply, said: Buffer | string): void {
    if (reply.code >= 400) {
      this.desk.note('info', `${this.peer} hears ${reply.code} ${reply.text}; it said: ${said}`);
    }
    this.say(reply);
    if (reply.mode === undefined || reply.mode === 'If421') return;
    if (reply.mode === 'FollowWith421') this.hangUp('closing');
    else this.close();
  }
}
