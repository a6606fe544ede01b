/**
 * One lane of the load source: a connection that is opened, used for message after message, lost,
 * and opened again after a pause. MAIL, RCPT and DATA leave in one write where the server offers
 * PIPELINING. Knows SMTP as a sender (RFC 5321, 2920); what to send and who counts is the desk's.
 */

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { ReplyReader } from './reply-reader.ts';
import type { Mishap, TrafficDesk } from './traffic-desk.ts';
import type { PlannedMessage } from './traffic-mail.ts';

type Phase =
  | 'closed'
  | 'dialing'
  | 'greeting'
  | 'hello'
  | 'idle'
  | 'envelope'
  | 'body'
  | 'emptyBody'
  | 'recording'
  | 'reset';

const BACK_OFF_MS_MIN = 50;
const BACK_OFF_MS_MAX = 2000;
const READ_BYTES = 4096;
const SCRATCH_BYTES = 16_384;
const PARTING_MS_MAX = 1000;

/** A lane; `start` opens its first connection. */
export class TrafficLane {
  private readonly desk: TrafficDesk;
  private readonly readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  private scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  private socket: Socket | undefined;
  private phase: Phase = 'closed';
  private isPipelining = false;
  private sent = 0;
  private backOffMs = BACK_OFF_MS_MIN;
  private timer: NodeJS.Timeout | undefined;
  private lastSignAtMs = 0;
  private message: PlannedMessage | undefined;
  private commands: readonly string[] = [];
  private answered = 0;
  private taken: string[] = [];
  private mailCode = 0;

  constructor(desk: TrafficDesk) {
    this.desk = desk;
  }

  /** Opens a connection. */
  start(): void {
    const reader = new ReplyReader((code, text) => {
      if (socket === this.socket) this.heard(code, text);
    });
    const onread = {
      buffer: this.readBuffer,
      callback: (count: number, bytes: Uint8Array): boolean => {
        reader.feed((bytes as Buffer).subarray(0, count));
        return true;
      },
    };
    this.phase = 'dialing';
    this.sent = 0;
    this.lastSignAtMs = performance.now();
    const socket = connect({ ...this.desk.place, noDelay: true, onread }, () => {
      this.phase = 'greeting';
      this.desk.opened();
    });
    this.socket = socket;
    socket.on('error', () => undefined); // `close` follows.
    socket.once('close', () => {
      if (socket === this.socket) this.fail(this.phase === 'dialing' ? 'refused' : 'reset');
    });
  }

  /** There may be a message now. */
  wake(): void {
    if (this.phase === 'idle') this.next();
  }

  /** Gives up on a server that does not answer. */
  checkTime(nowMs: number, replyMsMax: number): void {
    const isQuiet = nowMs - this.lastSignAtMs > replyMsMax;
    if (isQuiet && !['closed', 'idle', 'recording'].includes(this.phase)) this.fail('timedOut');
  }

  /** Nothing more is to be sent. */
  finish(): void {
    const isOpen = !['closed', 'dialing', 'greeting'].includes(this.phase);
    if (isOpen && this.message === undefined) this.part();
    else this.abandon();
  }

  /** Ends without waiting for anything. */
  abandon(): void {
    clearTimeout(this.timer);
    this.drop();
    this.loseMessage();
    this.desk.closed(this);
  }

  private drop(): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.destroy();
  }

  private loseMessage(): void {
    const { message, phase } = this;
    this.message = undefined;
    this.phase = 'closed';
    if (message === undefined) return;
    if (phase === 'body') this.desk.lostTrack(message, this.taken);
    else this.desk.putBack(message);
    // Bytes of the lost connection may still be under way from the old one.
    this.scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }

  private fail(kind: Mishap): void {
    this.drop();
    this.desk.mishap(kind, this);
    this.loseMessage();
    this.reopen(this.backOffMs);
    this.backOffMs = Math.min(this.backOffMs * 2, BACK_OFF_MS_MAX);
  }

  private reopen(waitMs: number): void {
    clearTimeout(this.timer);
    if (this.desk.isOver()) {
      this.desk.closed(this);
      return;
    }
    this.timer = setTimeout(() => {
      if (this.desk.isOver()) this.desk.closed(this);
      else this.start();
    }, waitMs);
  }

  private say(text: string): void {
    this.socket?.write(text, 'utf8');
  }

  private heard(code: number, text: string): void {
    this.lastSignAtMs = performance.now();
    if (this.phase === 'envelope') this.heardEnvelope(code, text);
    else if (this.phase === 'body') this.heardDot(code, text);
    else if (this.phase === 'greeting' || this.phase === 'hello') this.heardHello(code, text);
    else if (this.phase === 'reset' || this.phase === 'emptyBody') this.next();
    else if (this.phase === 'idle') {
      // Unasked: a server that closes says 421 first.
      this.desk.heard(code, text);
      this.fail('reset');
    }
  }

  private heardHello(code: number, text: string): void {
    if (code < 200 || code > 299) {
      this.desk.heard(code, text);
      this.fail('reset');
    } else if (this.phase === 'greeting') {
      this.phase = 'hello';
      this.say('EHLO traffic.waybill.test\r\n');
    } else {
      this.isPipelining = /^PIPELINING\s*$/im.test(text);
      this.backOffMs = BACK_OFF_MS_MIN;
      this.desk.greeted();
      this.next();
    }
  }

  private next(): void {
    this.phase = 'idle';
    const { perConnection } = this.desk;
    const isFull = perConnection > 0 && this.sent >= perConnection;
    const message = isFull ? undefined : this.desk.take(this);
    if (message !== undefined) this.begin(message);
    else if (isFull || this.desk.isOver()) this.part();
  }

  private part(): void {
    const { socket } = this;
    this.phase = 'closed';
    this.socket = undefined;
    socket?.end('QUIT\r\n');
    socket?.setTimeout(PARTING_MS_MAX, () => socket.destroy());
    this.reopen(0);
  }

  private begin(message: PlannedMessage): void {
    this.message = message;
    this.sent += 1;
    this.phase = 'envelope';
    this.answered = 0;
    this.taken = [];
    const commands = [`MAIL FROM:<${message.from}>\r\n`];
    for (const to of message.to) commands.push(`RCPT TO:<${to}>\r\n`);
    commands.push('DATA\r\n');
    this.commands = commands;
    this.lastSignAtMs = performance.now();
    this.say(this.isPipelining ? commands.join('') : (commands[0] as string));
  }

  private heardEnvelope(code: number, text: string): void {
    const message = this.message as PlannedMessage;
    const step = this.answered;
    this.answered += 1;
    if (code === 421 || code === 0) {
      this.desk.heard(code, text);
      this.fail('reset');
      return;
    }
    const isGood = code >= 200 && code <= 299;
    if (step === 0) this.mailCode = code;
    const to = message.to[step - 1];
    if (step === 0 && !isGood) this.desk.refused(message, message.to, code, text);
    else if (to !== undefined && isGood) this.taken.push(to);
    else if (to !== undefined && this.mailCode < 300) this.desk.refused(message, [to], code, text);
    if (this.answered === this.commands.length) this.heardData(message, code, text);
    else if (this.isPipelining) return;
    else if (step === 0 && !isGood) this.turnedAway(message);
    else if (to !== undefined && this.answered === this.commands.length - 1 && !this.taken.length) {
      this.turnedAway(message);
    } else this.say(this.commands[this.answered] as string);
  }

  private heardData(message: PlannedMessage, code: number, text: string): void {
    if (code === 354 && this.taken.length > 0) {
      const { buffer, length } = this.desk.plan.compose(message, this.scratch);
      this.scratch = buffer;
      this.phase = 'body';
      this.socket?.write(buffer.subarray(0, length));
      return;
    }
    if (this.taken.length > 0) this.desk.refused(message, this.taken, code, text);
    if (code === 354) {
      // RFC 2920 section 3.1: a go-ahead without recipients is answered with the dot alone.
      this.message = undefined;
      this.phase = 'emptyBody';
      this.desk.turnedAway(message);
      this.say('.\r\n');
      return;
    }
    this.turnedAway(message);
  }

  /** No body was sent; the next message needs a fresh envelope. */
  private turnedAway(message: PlannedMessage): void {
    this.message = undefined;
    this.desk.turnedAway(message);
    if (this.mailCode > 299) {
      this.next();
      return;
    }
    this.phase = 'reset';
    this.say('RSET\r\n');
  }

  private heardDot(code: number, text: string): void {
    const message = this.message as PlannedMessage;
    if (code === 0) {
      this.desk.heard(code, text);
      this.fail('reset');
      return;
    }
    this.message = undefined;
    this.phase = 'recording';
    const { socket } = this;
    this.desk.settled(message, this.taken, code, text, () => {
      if (socket !== this.socket) return; // Lost while the record was written.
      if (code === 421) this.fail('reset');
      else this.next();
    });
  }
}
