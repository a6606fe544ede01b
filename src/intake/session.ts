/**
 * One SMTP session: the library's connection with the mail transaction, the login, the limits and
 * the data phase replaced by ours.
 * The one idea: the library keeps the protocol's frame (lines, STARTTLS, closing), we keep
 * everything that accepts mail. It does not know how messages are stored or submitted.
 */
import type { Socket } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { AuthAnswer } from '../domain/auth-info.ts';
import { DataReader } from './data-reader.ts';
import type { Desk } from './desk.ts';
import { drawUp } from './drawing-up.ts';
import { listExtensions, readEhloName } from './ehlo.ts';
import { OVERRUN_BYTES_MAX } from './limits.ts';
import { Login } from './login.ts';
import type { Judged } from './message-intake.ts';
import { formatAccepted, judge, OVERLOADED } from './message-intake.ts';
import { IntakeParser } from './parser.ts';
import type { Received } from './reception.ts';
import { sortIncoming } from './reports.ts';
import { SessionFrame } from './session-frame.ts';
import { Taking } from './taking.ts';
import type { Reply } from './transaction.ts';

type Done = () => void;

/** A session of a listener. */
export class Session extends SessionFrame {
  private readonly login: Login;
  private reader: DataReader | undefined;
  private taking: Taking | undefined;
  private heldBytes = 0;

  constructor(desk: Desk, server: SMTPServer, socket: Socket, options: SMTPConnectionOptions) {
    super(desk, server, socket, options);
    const isWithinTransaction = () => this.transaction.from !== undefined;
    const guest = {
      peer: this.peer,
      get isWithinTransaction() {
        return isWithinTransaction();
      },
      say: (reply: Reply) => this.say(reply),
      refuse: (reply: Reply) => this.answer(reply, 'AUTH'),
      authenticated: (authz: string, authn: string, answer: AuthAnswer) =>
        this.authenticated(authz, authn, answer),
    };
    this.login = new Login(guest, this.interview);
  }

  protected override get seenBytes(): number {
    return this.reader?.seenBytes ?? 0;
  }

  protected override giveUp(): void {
    this.taking?.giveUp();
  }

  protected override gone(): void {
    this.dropReader();
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
    const isOpen = !this._upgrading && this.hostNameAppearsAs !== false;
    if (isOpen && this.login.isAwaited) {
      this.watching.command('***');
      this.login.respond(command, () => this._whenWritable(callback));
      return;
    }
    this.visit.heard(command);
    if (this.watching.isOn) this.watching.command(this.visit.readCommand());
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
      case 'AUTH ':
        // Without a handler, or in clear, the library refuses it as a command it does not know.
        return this.hasAuth ? this.handler_AUTH : undefined;
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

  override get hasAuth(): boolean {
    return this.secure && this.interview.hears('smtp_server_auth_plain');
  }

  private get extensions(): string[] {
    const hasTls = !this.secure && this._isSupported('STARTTLS');
    return listExtensions(this.settings.max_message_size, { hasTls, hasAuth: this.hasAuth });
  }

  override handler_EHLO(command: Buffer, callback: Done): void {
    const name = readEhloName(command);
    if (name === undefined) this.send(501, '5.5.4 syntax: EHLO hostname', false);
    else if (this.interview.hears('smtp_server_ehlo')) {
      const offered = this.extensions;
      this.interview.ehlo(name, offered, (refusal, shown = offered) => {
        if (refusal === undefined) this.introduce(name, shown);
        else this.answer(refusal, command);
        callback();
      });
      return;
    } else this.introduce(name, this.extensions);
    callback();
  }

  private introduce(name: string, extensions: readonly string[]): void {
    this.hostNameAppearsAs = name;
    this._resetSession();
    this.send(250, [this.hostname, ...extensions], false);
  }

  override handler_HELO(command: Buffer, callback: Done): void {
    const name = readEhloName(command);
    if (name === undefined || !this.interview.hears('smtp_server_ehlo')) {
      super.handler_HELO(command, callback);
      return;
    }
    this.interview.ehlo(name, undefined, (refusal) => {
      if (refusal === undefined) super.handler_HELO(command, callback);
      else {
        this.answer(refusal, command);
        callback();
      }
    });
  }

  override handler_AUTH(command: Buffer, callback: Done): void {
    this.login.begin(command, callback);
  }

  private authenticated(authz: string, authn: string, answer: AuthAnswer): void {
    const identities = [{ identity: authz, context: 'SmtpAuthPlainAuthorization' }] as const;
    const who = typeof answer === 'object' ? answer : { identities, groups: [] };
    this.visit.authenticated(authz, authn, who);
    this.forgetDomains();
  }

  override handler_MAIL(command: Buffer, callback: Done): void {
    const reply = this.desk.host.admit() ?? this.transaction.mail(command, this);
    if (reply.code !== 250 || !this.interview.hears('smtp_server_mail_from')) {
      this.endMail(reply, command, callback);
      return;
    }
    this.interview.sender(this.transaction.from ?? '', (refusal) => {
      if (refusal !== undefined) this.transaction.reset();
      this.endMail(refusal ?? reply, command, callback);
    });
  }

  private endMail(reply: Reply, command: Buffer, callback: Done): void {
    this.answer(reply, command);
    if (this.transaction.from !== undefined) this.pace.envelopeBegan();
    callback();
  }

  override handler_RCPT(command: Buffer, callback: Done): void {
    const { transaction } = this;
    const before = transaction.recipients.length;
    const reply = transaction.rcpt(command, this);
    const isNew = transaction.recipients.length > before;
    if (!isNew || !this.interview.hears('smtp_server_rcpt_to')) {
      this.answer(reply, command);
      callback();
      return;
    }
    this.interview.recipient(transaction.recipients.at(-1) ?? '', (refusal) => {
      if (refusal !== undefined) transaction.forgetLast();
      this.answer(refusal ?? reply, command);
      callback();
    });
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
    this.watching.data(end === -1 ? chunk : chunk.subarray(0, end));
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

  private takeIn(judged: Judged, eightBit: boolean, finish: (reply?: Reply) => void): void {
    const { desk, settings, transaction, visit, interview, findDomain: find } = this;
    const isGone = () => this._closed;
    const message = { ...judged, eightBit };
    const noted = (one: Received) => this.watching.disposition(one, transaction.from ?? '', find);
    const bringer = { desk, settings, visit, interview, isGone, noted };
    const taking = new Taking(desk, (outcome, fault) => {
      if (fault !== undefined) desk.note('error', `${fault.code} ${fault.where}: ${fault.cause}`);
      if ('code' in outcome) finish(outcome);
      else {
        this.messagesSent += outcome.length;
        this.errors = 0;
        this.send(250, formatAccepted(outcome), false);
        finish();
      }
    });
    this.taking = taking;
    const arrival = { ...visit.arrival(transaction), mayDefer: settings.deferred_spool };
    const incoming = { desk, find, settings, arrival, judged, reportOnly: transaction.reportOnly };
    sortIncoming(incoming, (sorted) => {
      if (sorted.kind === 'ended') taking.end(sorted.outcome);
      else drawUp(bringer, taking, sorted.arrival, message);
    });
  }
}
