/**
 * One SMTP session: the library's connection with the greeting, the mail transaction, the limits
 * and the deadlines replaced by ours.
 * The one idea: the library keeps the protocol's frame (lines, HELO, STARTTLS, closing), we keep
 * everything that accepts mail. It does not know how messages are stored or submitted.
 */
import type { Socket } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { DataReader } from './data-reader.ts';
import type { Desk, Guest, Terms } from './desk.ts';
import { listExtensions, readEhloName } from './ehlo.ts';
import { keepAnswering } from './half-open.ts';
import type { Refusal } from './host.ts';
import { ERRORS_MAX, GREETING_WAIT_MS, OVERRUN_BYTES_MAX } from './limits.ts';
import type { Judged } from './message-intake.ts';
import { formatAccepted, judge, OVERLOADED, Taking } from './message-intake.ts';
import { Pace } from './pace.ts';
import { IntakeParser } from './parser.ts';
import type { Circumstances, Reply } from './transaction.ts';
import { Transaction } from './transaction.ts';
import { Visit } from './visit.ts';

type Done = () => void;

/** A session of a listener. */
export class Session extends SMTPConnection implements Guest, Circumstances {
  readonly settings: Terms['settings'];
  readonly hostname: string;
  readonly isTrusted: boolean;
  readonly mayRelay: Circumstances['mayRelay'];
  messagesSent = 0;

  private readonly desk: Desk;
  private readonly transaction = new Transaction();
  private readonly pace: Pace;
  private readonly visit: Visit;
  private reader: DataReader | undefined;
  private taking: Taking | undefined;
  private heldBytes = 0;
  private errors = 0;

  constructor(desk: Desk, server: SMTPServer, socket: Socket, options: SMTPConnectionOptions) {
    super(server, socket, options);
    const terms = desk.termsFor(this.remoteAddress, this.localAddress);
    this.desk = desk;
    this.settings = terms.settings;
    this.hostname = terms.hostname;
    this.isTrusted = terms.isTrusted;
    this.mayRelay = desk.relayRuleFor(this.remoteAddress, this.localAddress, terms);
    this.name = terms.hostname;
    this.visit = new Visit(desk, this);
    this.pace = new Pace(terms.settings, desk.clock.steadyMs());
  }

  get peer(): string {
    return this.remoteAddress;
  }

  override init(): void {
    this._setListeners(() => {
      const refusal = this.desk.admit(this, this);
      if (refusal !== undefined) this.turnAway(refusal);
      // A known sender is greeted at once: the wait would cap what one message a connection can
      // reach. A stranger must be silent for a while, as worms and misled browsers are not.
      else if (this.isTrusted) this.connectionReady();
      else setTimeout(() => this.connectionReady(), GREETING_WAIT_MS).unref();
    });
  }

  private turnAway(refusal: Refusal): void {
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
    this.dropReader();
    this.desk.letGo(this);
    super._onClose();
  }

  /** The sweep of the desk looks at deadlines instead of a timer per socket. */
  override _armTimeout(): void {}

  checkDeadline(nowMs: number): void {
    if (this.pace.isWorkOverdue(nowMs)) this.taking?.giveUp();
    if (!this.pace.isOverdue(nowMs, this.reader?.seenBytes ?? 0)) return;
    this.desk.note('info', `${this.peer} took too long`);
    this.hangUp('took too long');
  }

  dismiss(): void {
    if (!this.pace.isWithinMessage) this.hangUp('shutting down');
  }

  evict(): void {
    this.hangUp('shutting down');
    this._socket.destroySoon();
  }

  private hangUp(why: string): void {
    this.send(421, `4.3.2 ${this.hostname} ${why}`, false);
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    keepAnswering(this._socket);
    super.send(code, data, context);
    this.pace.replied(this.desk.clock.steadyMs());
    this.visit.replied(code, data, this.transaction);
    if (code < 500) return;
    this.errors += 1;
    if (this.errors !== ERRORS_MAX) return;
    this.desk.note('warn', `${this.peer} made ${ERRORS_MAX} errors`);
    super.send(421, `4.7.0 ${this.hostname} too many errors`, false);
  }

  private say(reply: Reply): void {
    this.send(reply.code, `${reply.enhanced} ${reply.text}`, false);
  }

  /** Says it; a refusal is noted with what it answers, which is the peer's own text. */
  private answer(reply: Reply, said: Buffer | string): void {
    if (reply.code >= 400) {
      this.desk.note('info', `${this.peer} hears ${reply.code} ${reply.text}; it said: ${said}`);
    }
    this.say(reply);
  }

  override _createParser(): IntakeParser {
    const parser = new IntakeParser({
      takeData: (chunk) => this.takeData(chunk),
      endData: (resume) => this.endData(resume),
      ended: () => this.close(),
    });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on('error', () => {
      this.send(500, '5.5.2 line too long', false);
      this.send(421, `4.7.0 ${this.hostname} closing`, false);
    });
    return parser;
  }

  /**
   * The common commands of an open session go straight to their handlers; everything else takes
   * the library's way, which looks at each line several times over.
   */
  override _onCommand(command: Buffer, callback: Done = () => {}): void {
    this.visit.heard(command);
    const isOpen = !this._upgrading && this.hostNameAppearsAs !== false;
    const handler = isOpen ? this.findHandler(command) : undefined;
    if (handler === undefined) super._onCommand(command, callback);
    else handler.call(this, command, () => this._whenWritable(callback));
  }

  private findHandler(command: Buffer): Session['handler_MAIL'] | undefined {
    switch (command.toString('latin1', 0, 5).toUpperCase()) {
      case 'MAIL ':
        return this.handler_MAIL;
      case 'RCPT ':
        return this.handler_RCPT;
      case 'DATA':
        return this.handler_DATA;
      default:
        return undefined;
    }
  }

  override _resetSession(): void {
    super._resetSession();
    this.endTransaction();
  }

  private endTransaction(): void {
    this.transaction.reset();
    this.pace.envelopeEnded();
  }

  override handler_EHLO(command: Buffer, callback: Done): void {
    const name = readEhloName(command);
    if (name === undefined) this.send(501, '5.5.4 syntax: EHLO hostname', false);
    else {
      this.hostNameAppearsAs = name;
      this._resetSession();
      const hasTls = !this.secure && this._isSupported('STARTTLS');
      this.send(250, listExtensions(this.hostname, this.settings.max_message_size, hasTls), false);
    }
    callback();
  }

  override handler_MAIL(command: Buffer, callback: Done): void {
    const refusal = this.desk.host.admit();
    this.answer(refusal ?? this.transaction.mail(command, this), command);
    if (this.transaction.from !== undefined) this.pace.envelopeBegan();
    callback();
  }

  override handler_RCPT(command: Buffer, callback: Done): void {
    this.answer(this.transaction.rcpt(command, this), command);
    callback();
  }

  override handler_DATA(command: Buffer, callback: Done): void {
    const { from, recipients } = this.transaction;
    const refusal = this.desk.host.admit() ?? (this.desk.hold(0) ? undefined : OVERLOADED);
    if (command.length !== 'DATA'.length) this.send(501, '5.5.4 syntax: DATA', false);
    else if (from === undefined) this.send(503, '5.5.1 need MAIL before DATA', false);
    else if (recipients.length === 0) this.send(503, '5.5.1 need RCPT before DATA', false);
    else if (refusal !== undefined) this.answer(refusal, command);
    else {
      this.reader = new DataReader(this.settings.max_message_size);
      (this._parser as IntakeParser).beginData();
      this.send(354, 'go ahead', false);
      this.pace.dataBegan();
    }
    callback();
  }

  private takeData(chunk: Buffer): number {
    const reader = this.reader as DataReader;
    const end = reader.feed(chunk);
    if (!this.holdBytes(reader.pieces.bytes)) {
      reader.drop();
      this.holdBytes(0);
    }
    if (end !== -1) return end;
    if (reader.seenBytes > this.settings.max_message_size + OVERRUN_BYTES_MAX) {
      this.hangUp('the message goes on far beyond the limit');
    }
    return -1;
  }

  private holdBytes(bytes: number): boolean {
    const more = bytes - this.heldBytes;
    this.heldBytes = bytes;
    return this.desk.hold(more);
  }

  private dropReader(): void {
    this.reader = undefined;
    this.holdBytes(0);
  }

  private endData(resume: Done): void {
    const reader = this.reader as DataReader;
    this.pace.workBegan(this.desk.clock.steadyMs());
    let isInside = true;
    const finish = (reply: Reply | undefined): void => {
      this.taking = undefined;
      if (reply !== undefined) this.answer(reply, 'the message');
      this.dropReader();
      this.endTransaction();
      if (this.desk.isClosing) this.hangUp('shutting down');
      // Resuming inside this call would let many pipelined messages overflow the stack.
      if (isInside) setImmediate(resume);
      else resume();
    };
    const judged = judge(reader, this.settings);
    if ('code' in judged) finish(judged);
    else this.takeIn(judged, reader.isEightBit, finish);
    isInside = false;
  }

  private takeIn(stored: Judged, isEightBit: boolean, finish: (reply?: Reply) => void): void {
    const taking = new Taking(this.desk, this.settings, (outcome, fault) => {
      if (fault !== undefined) {
        this.desk.note('error', `${fault.code} ${fault.where}: ${fault.cause}`);
      }
      if ('code' in outcome) finish(outcome);
      else {
        this.messagesSent += outcome.length;
        this.errors = 0;
        this.send(250, formatAccepted(outcome), false);
        finish();
      }
    });
    this.taking = taking;
    taking.begin(this.visit.arrival(this.transaction), stored, isEightBit);
  }
}
