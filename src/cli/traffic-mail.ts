/**
 * Plans and composes the messages of the load source. Envelope, size and text of the n-th message
 * follow from the seed; bodies are copied from a few ready blocks and end in a line of their own,
 * so every body is unique and its SHA-256 costs one small update. Knows no connection.
 */

import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { Prng } from '../domain/prng.ts';
import { createRandom } from '../domain/prng.ts';
import type { Weighted } from './arguments.ts';
import { Picker } from './picker.ts';

/** What the messages are to be like. */
export interface MailOptions {
  readonly seed?: number;
  /** Prefix of the message ids; two runs into one record need different ones. */
  readonly run: string;
  readonly from?: string;
  readonly sizes?: readonly Weighted<number>[];
  readonly domains?: readonly Weighted<string>[];
  /** Local parts; without it each recipient gets a new one. */
  readonly locals?: readonly Weighted<string>[];
  readonly recipients?: number;
  /** Whole header lines to add to each message. */
  readonly headers?: readonly string[];
}

interface Block {
  /** Lines as they go over the wire: dots stuffed, each line ended. */
  readonly wire: Buffer;
  /** The sum so far over the same lines with dots not stuffed. */
  readonly sum: Hash;
}

/** One message before it is written. */
export interface PlannedMessage {
  readonly id: string;
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly block: Block;
  /** When it should have left, on the steady clock: latency counts from here. */
  dueAtMs: number;
}

const BLOCKS_PER_SIZE = 4;
const LINE_BYTES = 76;
/** What header and last line take on average; subtracted from the size wanted. */
const FRAME_BYTES = 220;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 ';
const SIZE_DEFAULT = 10 * 1024;

const makeBlock = (bytes: number, dice: Prng): Block => {
  const plain: string[] = [];
  for (let left = bytes; left > 2; left -= LINE_BYTES + 2) {
    let line = '';
    const length = Math.min(LINE_BYTES, left - 2);
    while (line.length < length) line += LETTERS[Math.floor(dice.uniform() * LETTERS.length)];
    // Some lines begin with dots, so that stuffing is exercised on the whole way.
    plain.push(plain.length % 16 === 1 ? `.${line.slice(1)}` : line);
  }
  const ended = plain.map((line) => `${line}\r\n`);
  // RFC 5321 section 4.5.2: a line that begins with a dot gets another one.
  const stuffed = ended.map((line) => (line.startsWith('.') ? `.${line}` : line));
  return {
    wire: Buffer.from(stuffed.join(''), 'latin1'),
    sum: createHash('sha256').update(ended.join(''), 'latin1'),
  };
};

const lastLine = (id: string): string => `End of ${id}\r\n`;

/** The SHA-256 of a message's body as the sink's record has it. */
export const sumBody = (message: PlannedMessage): string =>
  message.block.sum.copy().update(lastLine(message.id), 'latin1').digest('hex');

/** A source of planned messages, in order. */
export class MailPlan {
  private readonly dice: Prng;
  private readonly run: string;
  private readonly from: string;
  private readonly recipients: number;
  private readonly headers: string;
  private readonly blocks: Picker<readonly Block[]>;
  private readonly domains: Picker<string>;
  private readonly locals: Picker<string> | undefined;
  private planned = 0;
  private dateSecond = 0;
  private date = '';

  constructor(options: MailOptions) {
    this.dice = createRandom(options.seed ?? 1);
    this.run = options.run;
    this.from = options.from ?? 'traffic@waybill.test';
    this.recipients = options.recipients ?? 1;
    this.headers = (options.headers ?? []).map((line) => `${line}\r\n`).join('');
    const sizes = options.sizes ?? [{ value: SIZE_DEFAULT, weight: 1 }];
    this.blocks = new Picker(
      sizes.map(({ value, weight }) => ({ value: this.makeBlocks(value), weight })),
    );
    this.domains = new Picker(options.domains ?? [{ value: 'sink.test', weight: 1 }]);
    this.locals = options.locals === undefined ? undefined : new Picker(options.locals);
  }

  private makeBlocks(size: number): Block[] {
    const bytes = Math.max(0, size - FRAME_BYTES - this.headers.length);
    return Array.from({ length: BLOCKS_PER_SIZE }, () => makeBlock(bytes, this.dice));
  }

  /** Plans the next message. */
  next(dueAtMs: number): PlannedMessage {
    this.planned += 1;
    const number = this.planned;
    const to: string[] = [];
    const domain = this.domains.pick(this.dice);
    for (let index = 0; index < this.recipients; index += 1) {
      const local = this.locals?.pick(this.dice) ?? `r${number.toString(36)}`;
      to.push(index === 0 ? `${local}@${domain}` : `${local}+${index}@${domain}`);
    }
    const blocks = this.blocks.pick(this.dice);
    const block = blocks[number % blocks.length] as Block;
    return { id: `${this.run}-${number}`, number, from: this.from, to, block, dueAtMs };
  }

  /** Writes header, body and the final dot; answers with a buffer that may be `scratch`, grown. */
  compose(message: PlannedMessage, scratch: Buffer): { buffer: Buffer; length: number } {
    const header =
      `X-Waybill-Traffic: ${message.id}\r\n` +
      `Message-ID: <${message.id}@traffic.waybill.test>\r\n` +
      `Date: ${this.formatDate()}\r\nFrom: <${message.from}>\r\nTo: <${message.to[0]}>\r\n` +
      `Subject: Traffic ${message.number}\r\n${this.headers}\r\n`;
    const { wire } = message.block;
    const last = `${lastLine(message.id)}.\r\n`;
    const room = header.length * 3 + wire.length + last.length;
    const buffer = scratch.length >= room ? scratch : Buffer.allocUnsafeSlow(room);
    let at = buffer.write(header, 0, 'utf8');
    at += wire.copy(buffer, at);
    at += buffer.write(last, at, 'latin1');
    return { buffer, length: at };
  }

  private formatDate(): string {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.dateSecond) {
      this.dateSecond = second;
      this.date = new Date(now).toUTCString().replace('GMT', '+0000');
    }
    return this.date;
  }
}
