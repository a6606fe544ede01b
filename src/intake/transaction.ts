/**
 * The envelope of one mail transaction as MAIL and RCPT build it up, and every reason to refuse
 * them: order, grammar, size, relaying, numbers.
 * The one idea: a command goes in as text, a reply comes out; no socket and no time is needed to
 * try it. It does not know DATA.
 */
import type { Mailbox } from '../domain/address.ts';
import { domainOf, formatMailbox, needsUtf8, parsePath } from '../domain/address.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import type { DisconnectMode } from '../domain/reject.ts';
import { parseEnvelopeCommand, readLine, readMailParameters } from './envelope-command.ts';
import type { Refusal } from './host.ts';
import { refuseSize } from './message-intake.ts';

/** A reply to be said; a Refusal is one, too. Without an enhanced code the text is all there is. */
export interface Reply extends Refusal {
  /** Whether the session ends with it; without it only a 421 ends it. */
  readonly mode?: DisconnectMode;
}

/** What a transaction needs to know of its session. */
export interface Circumstances {
  readonly settings: SessionSettings;
  readonly hostname: string;
  readonly peer: string;
  readonly isTrusted: boolean;
  /** Logins are offered. */
  readonly hasAuth: boolean;
  /** Messages accepted on this connection. */
  readonly messagesSent: number;
  /** Undefined when the policy cannot say. */
  mayRelay(senderDomain: string, recipientDomain: string): boolean | undefined;
  /** Whether reports to a domain are wanted; undefined when the policy cannot say. */
  takesReports(recipientDomain: string): boolean | undefined;
}

const say = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });

const SENDER_OK = say(250, '2.1.0', 'Sender OK');
const RECIPIENT_OK = say(250, '2.1.5', 'Recipient OK');
const NESTED = say(503, '5.5.1', 'nested MAIL command');
const NEED_MAIL = say(503, '5.5.1', 'need MAIL before RCPT');
const BAD_SENDER = say(501, '5.1.7', 'bad sender address syntax');
const BAD_RECIPIENT = say(501, '5.1.3', 'bad recipient address syntax');
const BAD_PARAMETERS = say(555, '5.5.4', 'parameters not recognized');
const POLICY_FAILED = say(451, '4.3.0', 'this cannot be decided now, try again later');
const NEEDS_UTF8 = say(553, '5.6.7', 'this address needs SMTPUTF8');

// What an old server could read as a route to elsewhere, in the part that is not ours to read.
const ROUTED_LOCAL = /[@%!]/;

/** The envelope under construction. */
export class Transaction {
  /** Undefined while no MAIL was accepted; '' for the null sender. */
  from: string | undefined;
  recipients: string[] = [];
  smtpUtf8 = false;
  /** Of the recipients, those that are accepted for reports alone. */
  reportOnly = new Set<string>();

  private senderDomain = '';
  private known = new Set<string>();
  private domains = new Set<string>();

  reset(): void {
    if (this.from === undefined) return;
    this.from = undefined;
    this.senderDomain = '';
    this.smtpUtf8 = false;
    this.recipients = [];
    this.reportOnly = new Set();
    this.known = new Set();
    this.domains = new Set();
  }

  /** Takes back the recipient that was added last. */
  forgetLast(): void {
    const address = this.recipients.pop() ?? '';
    this.reportOnly.delete(address);
    const domain = domainOf(address);
    this.known.delete(`${address.slice(0, address.lastIndexOf('@'))}@${domain}`);
    if (this.recipients.every((other) => domainOf(other) !== domain)) this.domains.delete(domain);
  }

  mail(command: Buffer, about: Circumstances): Reply {
    if (this.from !== undefined) return NESTED;
    const line = readLine(command);
    const parsed = line === undefined ? undefined : parseEnvelopeCommand('MAIL FROM', line);
    if (parsed === undefined) return BAD_SENDER;
    const asked = readMailParameters(parsed.parameters, about.hasAuth);
    if (asked === undefined) return BAD_PARAMETERS;
    if (typeof asked === 'string') return say(501, '5.5.4', asked);
    if (asked.sizeBytes > about.settings.max_message_size) {
      return refuseSize(about.settings.max_message_size);
    }
    const mailbox = parsePath(parsed.path);
    if (mailbox === undefined) return BAD_SENDER;
    const from = formatMailbox(mailbox);
    if (!asked.smtpUtf8 && needsUtf8(from)) return NEEDS_UTF8;
    this.from = from;
    this.senderDomain = mailbox.domain.toLowerCase();
    this.smtpUtf8 = asked.smtpUtf8;
    return SENDER_OK;
  }

  rcpt(command: Buffer, about: Circumstances): Reply {
    if (this.from === undefined) return NEED_MAIL;
    const line = readLine(command);
    const parsed = line === undefined ? undefined : parseEnvelopeCommand('RCPT TO', line);
    if (parsed === undefined || parsed.path === '') return BAD_RECIPIENT;
    if (parsed.parameters.size > 0) return BAD_PARAMETERS;
    // RFC 5321 section 4.1.1.3: postmaster needs no domain; here it is that of this machine.
    const isPostmaster = /^postmaster$/i.test(parsed.path);
    const path = isPostmaster ? `postmaster@${about.hostname}` : parsed.path;
    const mailbox = parsePath(path);
    if (mailbox === undefined) return BAD_RECIPIENT;
    const isRelayed = this.isRelayed(mailbox, about);
    if (isRelayed === undefined) return POLICY_FAILED;
    const takesReports = isRelayed ? false : this.takesReports(mailbox, about);
    if (takesReports === undefined) return POLICY_FAILED;
    if (!isRelayed && !takesReports) {
      return say(550, '5.7.1', `relaying not permitted for ${about.peer}`);
    }
    const address = formatMailbox(mailbox);
    if (!this.smtpUtf8 && needsUtf8(address)) return NEEDS_UTF8;
    const reply = this.add(address, mailbox, about);
    if (takesReports && reply === RECIPIENT_OK) this.reportOnly.add(address);
    return reply;
  }

  private isRelayed(mailbox: Mailbox, about: Circumstances): boolean | undefined {
    if (about.isTrusted) return true;
    if (ROUTED_LOCAL.test(mailbox.local)) return false;
    return about.mayRelay(this.senderDomain, mailbox.domain.toLowerCase());
  }

  private takesReports(mailbox: Mailbox, about: Circumstances): boolean | undefined {
    if (ROUTED_LOCAL.test(mailbox.local)) return false;
    return about.takesReports(mailbox.domain.toLowerCase());
  }

  private add(address: string, mailbox: Mailbox, about: Circumstances): Reply {
    const { settings, messagesSent, hostname } = about;
    const domain = mailbox.domain.toLowerCase();
    const key = `${mailbox.local}@${domain}`;
    if (this.known.has(key)) return RECIPIENT_OK;
    const isBatched = settings.batch_handling === 'BatchByDomain';
    const batches = isBatched ? this.domains.size : this.recipients.length;
    const isNewBatch = !isBatched || !this.domains.has(domain);
    if (isNewBatch && messagesSent + batches >= settings.max_messages_per_connection) {
      return batches === 0
        ? say(421, '4.3.2', `${hostname} too many messages on this connection`)
        : say(452, '4.5.3', 'too many messages on this connection');
    }
    if (this.recipients.length >= settings.max_recipients_per_message) {
      return say(452, '4.5.3', 'too many recipients');
    }
    this.known.add(key);
    if (isBatched) this.domains.add(domain);
    this.recipients.push(address);
    return RECIPIENT_OK;
  }
}
