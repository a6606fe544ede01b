/**
 * One connection of the sink, written for speed: it searches whole chunks and never looks at single
 * bytes of a body, answers everything in a chunk with one write, and keeps body bytes only when
 * somebody wants to see them. Knows lines and dots; what they mean is asked of its dialogue.
 */
import type { Socket } from 'node:net';
import { DotFinder } from './dot-finder.ts';
import type { SinkWire } from './sink-dialogue.ts';
import { SinkDialogue } from './sink-dialogue.ts';
import type { SinkWorld } from './sink-world.ts';

const LINE_MAX = 4096;
const LF = 10;
/** A client that sends commands and never reads the answers is cut off here. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** One connection of a client. */
export class SinkSession implements SinkWire {
  leavesInBody = false;
  private readonly socket: Socket;
  private readonly world: SinkWorld;
  private readonly dialogue: SinkDialogue;
  private readonly dot = new DotFinder();
  /** `deaf` throws away what arrives; `waiting` keeps it until a delay is over. */
  private mode: 'command' | 'body' | 'waiting' | 'deaf' = 'command';
  /** Answers that leave together (RFC 2920 section 3.2). */
  private out = '';
  private fragment: Buffer | undefined;
  private backlog: Buffer[] = [];
  private body: Buffer[] = [];
  private bodyBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, world: SinkWorld) {
    this.socket = socket;
    this.world = world;
    this.dialogue = new SinkDialogue(world, this);
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', () => undefined); // `close` follows and tells all we need.
    socket.once('close', () => this.forget());
    this.say(this.dialogue.greet());
    this.flush();
  }

  beginBody(): void {
    this.mode = 'body';
    this.dot.begin();
  }

  deafen(): void {
    this.mode = 'deaf';
  }

  close(isReset = false): void {
    this.deafen();
    this.flush();
    // Node never closes a socket that is reset after its end.
    if (isReset && !this.socket.writableEnded) this.socket.resetAndDestroy();
    else this.socket.destroySoon();
  }

  leave(reply: string): string {
    this.say(reply);
    this.close();
    return '';
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.deafen();
    this.backlog = [];
    this.body = [];
  }

  private say(reply: string): void {
    if (reply !== '') this.out += `${reply}\r\n`;
  }

  private flush(): void {
    if (this.out === '') return;
    const text = this.out;
    this.out = '';
    if (!this.socket.write(text, 'latin1') && this.socket.writableLength > UNREAD_BYTES_MAX) {
      this.socket.destroy();
    }
  }

  private received(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.mode === 'command') at = this.takeLine(chunk, at);
      else if (this.mode === 'body') at = this.takeBody(chunk, at);
      else {
        if (this.mode === 'waiting') this.backlog.push(at === 0 ? chunk : chunk.subarray(at));
        break;
      }
    }
    this.flush();
  }

  private takeLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    const head = this.fragment;
    if (end < 0) {
      const rest = chunk.subarray(at);
      this.fragment = head === undefined ? rest : Buffer.concat([head, rest]);
      if (this.fragment.length > LINE_MAX) this.leave('500 5.5.2 Line too long');
      return chunk.length;
    }
    let line = chunk.toString('utf8', at, end);
    if (head !== undefined) {
      line = Buffer.concat([head, chunk.subarray(at, end)]).toString('utf8');
      this.fragment = undefined;
    }
    this.say(this.dialogue.obey(line.endsWith('\r') ? line.slice(0, -1) : line));
    return end + 1;
  }

  /** Counts (and keeps, if wanted) body bytes; answers where the next command starts. */
  private takeBody(chunk: Buffer, at: number): number {
    if (this.leavesInBody) {
      this.world.counts.dropped += 1;
      this.close();
      return chunk.length;
    }
    const end = this.dot.find(chunk, at);
    const upto = end < 0 ? chunk.length : end;
    this.bodyBytes += upto - at;
    if (this.world.wantsCopies && this.bodyBytes <= this.world.sizeMax) {
      this.body.push(at === 0 && upto === chunk.length ? chunk : chunk.subarray(at, upto));
    }
    if (end >= 0) this.bodyEnded();
    return upto;
  }

  private bodyEnded(): void {
    this.mode = 'command';
    const waitMs = this.dialogue.waitMs();
    if (waitMs === 0) {
      this.answerDot();
      return;
    }
    this.world.counts.delayed += 1;
    this.mode = 'waiting';
    this.socket.pause();
    this.timer = setTimeout(() => {
      this.mode = 'command';
      this.answerDot();
      this.flush();
      const { backlog } = this;
      this.backlog = [];
      for (const chunk of backlog) this.received(chunk);
      if (this.backlog.length === 0) this.socket.resume();
    }, waitMs);
  }

  private answerDot(): void {
    const { body, bodyBytes } = this;
    this.body = [];
    this.bodyBytes = 0;
    this.say(this.dialogue.answerDot(body, bodyBytes));
  }
}
