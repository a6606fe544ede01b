/**
 * What the sink says: commands and complete messages in, replies out. It holds the envelope and
 * carries out the fates that strike. Knows SMTP as a receiver (RFC 5321, 2920, 2033) but neither
 * sockets nor chunks, which are the business of its `SinkWire`.
 */
import type { Fate, Stage } from './sink-fates.ts';
import type { SinkWorld } from './sink-world.ts';

/** The connection below a dialogue. */
export interface SinkWire {
  /** The connection is to be closed when the body's first bytes arrive. */
  leavesInBody: boolean;
  beginBody(): void;
  /** From now on everything that arrives is thrown away. */
  deafen(): void;
  /** Deafens, and closes after everything said has left; `isReset` closes with a TCP reset. */
  close(isReset?: boolean): void;
  /** Says last words and closes. Answers '' because nothing is left to say. */
  leave(reply: string): string;
}

interface Rcpt {
  readonly to: string;
  readonly dataFate: Fate | undefined;
  readonly dotFate: Fate | undefined;
}

const RECIPIENTS_MAX = 1000;
const TAKEN = '250 2.0.0 Taken';
const TOO_BIG: Fate = { does: 'answer', reply: '552 5.3.4 Too big' };

/** The state of one conversation. */
export class SinkDialogue {
  private readonly world: SinkWorld;
  private readonly wire: SinkWire;
  private hasGreeted = false;
  /** MAIL was refused; what a pipelining client sent behind it is no fault of its. */
  private isTurnedAway = false;
  private taken = 0;
  private from: string | undefined;
  private rcpts: Rcpt[] = [];

  constructor(world: SinkWorld, wire: SinkWire) {
    this.world = world;
    this.wire = wire;
  }

  /** The greeting; '' when chance decided against one. */
  greet(): string {
    const met = this.meet('connect', undefined, '', []);
    if (met === undefined) return '220 sink.test ESMTP Waybill sink';
    return met === '' ? '' : this.wire.leave(met);
  }

  /** Obeys one command; answers with the reply, '' for none. */
  obey(line: string): string {
    const verb = line.slice(0, 4).toUpperCase();
    switch (verb) {
      case 'MAIL':
        return this.heardMail(line);
      case 'RCPT':
        return this.heardRcpt(line);
      case 'DATA':
        return this.heardData();
      case 'EHLO':
      case 'LHLO':
      case 'HELO':
        return this.heardHello(verb);
      case 'RSET':
        this.resetEnvelope();
        return '250 2.0.0 Forgotten';
      case 'NOOP':
        return '250 2.0.0 Still here';
      case 'VRFY':
        return '252 2.1.5 Cannot tell';
      case 'QUIT':
        return this.wire.leave('221 2.0.0 Goodbye');
      default:
        return this.object('500 5.5.1 Unknown command');
    }
  }

  private object(reply: string): string {
    if (!this.isTurnedAway) this.world.counts.protocolErrors += 1;
    return reply;
  }

  private heardHello(verb: string): string {
    // RFC 2033 section 4.1: LMTP is greeted with LHLO and with nothing else.
    if ((verb === 'LHLO') !== this.world.isLmtp) return this.object('500 5.5.1 Wrong greeting');
    this.resetEnvelope();
    const met = this.meet('ehlo', undefined, '', []);
    if (met !== undefined) return met;
    this.hasGreeted = true;
    return verb === 'HELO' ? '250 sink.test' : this.world.ehloReply;
  }

  private heardMail(line: string): string {
    const found = /^MAIL FROM: ?<([^>]*)>(.*)$/i.exec(line);
    if (found === null) return this.object('501 5.5.4 MAIL FROM:<address> expected');
    if (!this.hasGreeted) return this.object('503 5.5.1 Say hello first');
    if (this.from !== undefined) return this.object('503 5.5.1 Sender already given');
    const from = found[1] as string;
    const { perConnection, sizeMax, fates } = this.world;
    if (perConnection > 0 && this.taken >= perConnection) {
      return this.wire.leave(
        this.turnAway('mail', '421 4.4.5 Enough for one connection', from, []),
      );
    }
    const size = Number(/ SIZE=(\d+)/i.exec(found[2] as string)?.[1] ?? 0);
    const met =
      size > sizeMax
        ? this.turnAway('mail', '552 5.3.4 Too big', from, [])
        : this.meet('mail', fates.ofSender(from), from, []);
    this.isTurnedAway = met !== undefined;
    if (met !== undefined) return met;
    this.from = from;
    return '250 2.1.0 Sender ok';
  }

  private heardRcpt(line: string): string {
    const found = /^RCPT TO: ?<([^>]+)>/i.exec(line);
    if (found === null) return this.object('501 5.5.4 RCPT TO:<address> expected');
    if (this.from === undefined) return this.object('503 5.5.1 MAIL first');
    const to = found[1] as string;
    if (this.rcpts.length >= RECIPIENTS_MAX) {
      return this.turnAway('rcpt', '452 4.5.3 Too many recipients', this.from, [to]);
    }
    const trick = this.world.fates.ofRecipient(to);
    const fateAt = (stage: Stage) => (trick?.stage === stage ? trick.fate : undefined);
    const met = this.meet('rcpt', fateAt('rcpt'), this.from, [to]);
    if (met !== undefined) return met;
    this.rcpts.push({ to, dataFate: fateAt('data'), dotFate: fateAt('dot') });
    return '250 2.1.5 Recipient ok';
  }

  private heardData(): string {
    if (this.from === undefined) return this.object('503 5.5.1 MAIL first');
    // RFC 2920 section 3.1 lets a client pipeline DATA, so this is no protocol error.
    if (this.rcpts.length === 0) return '554 5.5.1 No valid recipients';
    const named = this.rcpts.find((rcpt) => rcpt.dataFate !== undefined)?.dataFate;
    this.wire.leavesInBody = false;
    const met = this.meet('data', named, this.from, this.addresses(this.rcpts));
    if (met !== undefined) {
      this.resetEnvelope();
      return met;
    }
    this.wire.beginBody();
    return '354 Go on';
  }

  private addresses(rcpts: readonly Rcpt[]): string[] {
    return this.world.wantsCopies ? rcpts.map((rcpt) => rcpt.to) : [];
  }

  /** Asks chance unless a name has decided; answers with the reply of a fate that struck. */
  private meet(
    stage: Stage,
    named: Fate | undefined,
    from: string,
    to: readonly string[],
  ): string | undefined {
    const fate = named ?? this.world.fates.rollAt(stage);
    if (fate === undefined) return undefined;
    if (fate.does === 'leaveInBody') {
      this.wire.leavesInBody = true;
      return undefined;
    }
    if (fate.does !== 'answer') return this.vanish(fate, stage, from, to);
    return this.turnAway(stage, fate.reply, from, to);
  }

  private turnAway(stage: Stage, reply: string, from: string, to: readonly string[]): string {
    if (reply.startsWith('4')) this.world.counts.deferred += 1;
    else this.world.counts.refused += 1;
    if (to.length > 0) this.world.turnedAway(stage, reply, from, to);
    return reply;
  }

  /** Fates that end the conversation without a good answer. */
  private vanish(fate: Fate, stage: Stage, from: string, to: readonly string[]): string {
    if (fate.does === 'leave' && fate.reply !== '') {
      return this.wire.leave(this.turnAway(stage, fate.reply, from, to));
    }
    if (fate.does === 'hang') {
      this.world.counts.hung += 1;
      this.wire.deafen();
    } else {
      this.world.counts.dropped += 1;
      this.wire.close(fate.does === 'reset');
    }
    return '';
  }

  private resetEnvelope(): void {
    this.from = undefined;
    if (this.rcpts.length > 0) this.rcpts = [];
    this.isTurnedAway = false;
  }

  /** How long the answer to the message just received is to be held back. */
  waitMs(): number {
    const slow = this.rcpts.find((rcpt) => rcpt.dotFate?.does === 'wait')?.dotFate;
    return slow?.does === 'wait' ? slow.waitMs : this.world.fates.rollDelayMs();
  }

  /** Judges a complete message and answers with the reply, or replies, to its dot. */
  answerDot(body: readonly Buffer[], bodyBytes: number): string {
    const { rcpts, world } = this;
    const from = this.from ?? '';
    this.resetEnvelope();
    this.taken += 1;
    const rolled = bodyBytes > world.sizeMax ? TOO_BIG : world.fates.rollAt('dot');
    if (!world.isLmtp) {
      const named = rcpts.find((r) => r.dotFate !== undefined && r.dotFate.does !== 'wait');
      return this.judge(named?.dotFate ?? rolled, rcpts, from, body, bodyBytes);
    }
    // RFC 2033 section 4.2: one answer for each recipient that was accepted, in their order.
    const replies: string[] = [];
    for (const rcpt of rcpts) {
      const reply = this.judge(rcpt.dotFate ?? rolled, [rcpt], from, body, bodyBytes);
      if (reply === '') break;
      replies.push(reply);
    }
    return replies.join('\r\n');
  }

  /** Carries out the fate of a complete message; answers with the reply, '' for none. */
  private judge(
    fate: Fate | undefined,
    rcpts: readonly Rcpt[],
    from: string,
    body: readonly Buffer[],
    bodyBytes: number,
  ): string {
    const { counts } = this.world;
    const to = this.addresses(rcpts);
    const reply = replyOf(fate);
    if (/^[45]/.test(reply) && fate?.does === 'answer') {
      return this.turnAway('dot', reply, from, to);
    }
    if (reply.startsWith('2')) {
      counts.messages += 1;
      counts.recipients += rcpts.length;
      counts.bytes += bodyBytes;
      this.world.took('copy', body, from, to);
      return reply;
    }
    // After a 421 the client knows that it must come again; otherwise it cannot know.
    if (!reply.startsWith('4')) this.world.took('unanswered', body, from, to);
    return fate === undefined || fate.does === 'answer'
      ? reply
      : this.vanish(fate, 'dot', from, to);
  }
}

const replyOf = (fate: Fate | undefined): string => {
  if (fate === undefined || fate.does === 'wait') return TAKEN;
  return 'reply' in fate ? fate.reply : '';
};
