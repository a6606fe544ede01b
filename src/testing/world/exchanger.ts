/**
 * A scripted exchanger: an SMTP server as a state machine over lines, without sockets or clock. The
 * one idea: the grammar of the protocol is here once; a manner (manners.ts) only says what to do at
 * each stage, so a new kind of misbehaviour is one function. Bytes go in, deeds come out.
 * Deliberately unknown here: how bytes travel; who is at the other end.
 */

import { addressIn, stageOf } from './command-lines.ts';

/** The points at which a manner is asked. */
export type Stage =
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'dot'
  | 'rset'
  | 'quit';

/** What an exchanger makes of TLS: does not offer it, or what a handshake comes to. */
export type TlsManner = 'none' | 'valid' | 'unverifiable' | 'broken' | 'refused';

/** What a manner may look at. */
export interface Scene {
  readonly stage: Stage;
  /** The argument of RCPT, without brackets; else ''. */
  readonly recipient: string;
  /** Recipients taken in this transaction so far. */
  readonly taken: readonly string[];
  /** MAIL commands on this connection, this one included. */
  readonly transactions: number;
  /** Connections to this exchanger, this one included. */
  readonly connections: number;
  readonly at: number;
  readonly body: string;
  /** What the exchanger remembers over connections; the manner's to fill. */
  readonly memory: Map<string, number>;
  /** The same for this connection alone. */
  readonly session: Map<string, number>;
  /** Connections that are open, this one included. */
  readonly open: number;
}

/** What an exchanger does at a stage. */
export interface Deed {
  /** A reply, without its line end; lines are parted by LF. */
  readonly say?: string;
  readonly afterMs?: number;
  readonly ends?: 'fin' | 'reset';
  /** At the dot: the message is kept, whatever is said. */
  readonly keeps?: boolean;
  /** Whatever came with this command and stands behind it is thrown away. */
  readonly forgetsRest?: boolean;
}

/** What an exchanger does at each stage; undefined = as a good one would. */
export type Manner = (scene: Scene) => Deed | undefined;

/** A message an exchanger kept. */
export interface Copy {
  readonly host: string;
  readonly from: string;
  readonly to: readonly string[];
  /** As it was sent, dots unstuffed. */
  readonly body: string;
  readonly at: number;
  /** What the sender called itself in EHLO. */
  readonly ehlo: string;
  /** How the link was: TLS that the sender checked, TLS that it did not check, or none. */
  readonly security: 'checked' | 'unchecked' | 'clear';
  /** Whether it was acknowledged. */
  readonly isConfirmed: boolean;
}

const OFFERS = ['PIPELINING', '8BITMIME', 'SIZE 1000000', 'SMTPUTF8'];

const good = (stage: Stage, host: string, offers: readonly string[]): string => {
  switch (stage) {
    case 'greeting':
      return `220 ${host} ready`;
    case 'ehlo':
      return [host, ...offers].map((text, at) => reply250(text, at === offers.length)).join('\n');
    case 'data':
      return '354 go on';
    case 'starttls':
      return '220 2.0.0 go on';
    case 'quit':
      return '221 2.0.0 bye';
    default:
      return '250 2.0.0 ok';
  }
};

const reply250 = (text: string, isLast: boolean): string => `250${isLast ? ' ' : '-'}${text}`;

/** An exchanger over all its connections. */
export class Exchanger {
  readonly host: string;
  manner: Manner;
  readonly offers: readonly string[];
  tls: TlsManner = 'none';
  readonly memory = new Map<string, number>();
  readonly copies: Copy[] = [];
  keepsCopies = true;
  connections = 0;
  open = 0;
  /** Links to it take no time of their own: its deeds say all that passes. */
  isPunctual = false;
  /** Most MAIL commands on one connection. */
  transactionsMax = 0;

  constructor(host: string, manner: Manner = () => undefined, offers: readonly string[] = OFFERS) {
    this.host = host;
    this.manner = manner;
    this.offers = offers;
  }

  /** A connection came. */
  meet(): ServerSession {
    this.connections += 1;
    this.open += 1;
    return new ServerSession(this, this.connections);
  }
}

/** One connection as the exchanger sees it. */
export class ServerSession {
  readonly #exchanger: Exchanger;
  readonly #connections: number;
  #rest = '';
  #body: string | undefined;
  #from = '';
  #ehlo = '';
  #to: string[] = [];
  #transactions = 0;
  #hasMail = false;
  #isMute = false;
  #isLeft = false;
  readonly #memory = new Map<string, number>();
  #security: Copy['security'] = 'clear';

  constructor(exchanger: Exchanger, connections: number) {
    this.#exchanger = exchanger;
    this.#connections = connections;
  }

  /** What it does when the connection is there. */
  greet(at: number): Deed {
    return this.#do('greeting', at);
  }

  get tls(): TlsManner {
    return this.#exchanger.tls;
  }

  get isPunctual(): boolean {
    return this.#exchanger.isPunctual;
  }

  /** The handshake is done; nothing said in clear is remembered. */
  secured(isChecked: boolean): void {
    this.#security = isChecked ? 'checked' : 'unchecked';
    this.#rest = '';
    this.#ehlo = '';
    this.#clear();
  }

  /** The connection is gone. */
  leave(): void {
    if (!this.#isLeft) this.#exchanger.open -= 1;
    this.#isLeft = true;
  }

  /** Takes bytes; answers what to do, in order. */
  hear(bytes: Buffer, at: number): Deed[] {
    this.#rest += bytes.toString('latin1');
    const deeds: Deed[] = [];
    while (!this.#isMute) {
      const deed = this.#body === undefined ? this.#hearLine(at) : this.#hearBody(at);
      if (deed === undefined) return deeds;
      deeds.push(deed);
      // Who says nothing hangs, and hears nothing any more.
      this.#isMute = deed.say === undefined && deed.ends === undefined;
      if (deed.forgetsRest) this.#rest = '';
      if (deed.ends !== undefined) return deeds;
    }
    return deeds;
  }

  #hearLine(at: number): Deed | undefined {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) return undefined;
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 2);
    const stage = stageOf(line);
    const hasTls = this.tls !== 'none' && this.#security === 'clear';
    if (stage === undefined || (stage === 'starttls' && !hasTls)) {
      return { say: '500 5.5.1 what is that' };
    }
    if (stage === 'starttls' && this.tls === 'refused') return { say: '454 4.7.0 not now' };
    return this.#obey(stage, line, at);
  }

  #obey(stage: Stage, line: string, at: number): Deed {
    const address = addressIn(line);
    if (stage === 'mail') {
      this.#transactions += 1;
      const exchanger = this.#exchanger;
      exchanger.transactionsMax = Math.max(exchanger.transactionsMax, this.#transactions);
    }
    if (stage === 'ehlo') this.#ehlo = line.slice(5);
    if (stage === 'rcpt' && !this.#hasMail) return { say: '503 5.5.1 MAIL first' };
    if (stage === 'data' && this.#to.length === 0) return { say: '554 5.5.1 no valid recipients' };
    const deed = this.#do(stage, at, stage === 'rcpt' ? address : '');
    const isGood = deed.say?.startsWith(stage === 'data' ? '354' : '2') === true;
    if (stage === 'mail' && isGood) this.#begin(address);
    if (stage === 'rset') this.#clear();
    if (stage === 'rcpt' && isGood) this.#to.push(address);
    if (stage === 'data' && isGood) this.#body = '';
    return stage === 'quit' ? { ends: 'fin', ...deed } : deed;
  }

  #begin(from: string): void {
    this.#clear();
    this.#from = from;
    this.#hasMail = true;
  }

  #clear(): void {
    this.#hasMail = false;
    this.#to = [];
    this.#body = undefined;
  }

  #hearBody(at: number): Deed | undefined {
    const { host, keepsCopies } = this.#exchanger;
    const whole = (this.#body ?? '') + this.#rest;
    this.#rest = '';
    const isEmpty = whole.startsWith('.\r\n');
    const end = isEmpty ? 0 : whole.indexOf('\r\n.\r\n');
    if (end < 0) {
      this.#body = whole;
      return undefined;
    }
    this.#body = isEmpty ? '' : whole.slice(0, end + 2);
    if (keepsCopies) this.#body = this.#body.replace(/^\.\./gm, '.');
    this.#rest = whole.slice(isEmpty ? 3 : end + 5);
    const deed = this.#do('dot', at);
    const isConfirmed = deed.say?.startsWith('250') === true;
    if (keepsCopies && (deed.keeps ?? isConfirmed)) {
      this.#exchanger.copies.push({
        host,
        from: this.#from,
        to: this.#to,
        body: this.#body,
        at,
        ehlo: this.#ehlo,
        security: this.#security,
        isConfirmed,
      });
    }
    this.#clear();
    return deed;
  }

  #do(stage: Stage, at: number, recipient = ''): Deed {
    const { host, manner, memory, offers, open } = this.#exchanger;
    const scene: Scene = {
      stage,
      recipient,
      taken: this.#to,
      transactions: this.#transactions,
      connections: this.#connections,
      at,
      body: this.#body ?? '',
      memory,
      session: this.#memory,
      open,
    };
    const hasTls = this.tls !== 'none' && this.#security === 'clear';
    const all = hasTls ? [...offers, 'STARTTLS'] : offers;
    return manner(scene) ?? { say: good(stage, host, all) };
  }
}
