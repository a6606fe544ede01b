/**
 * A connection with its own guards and hands on a random way: its peer, its network, its engine and
 * its clock do whatever they may do at the moment, mostly what brings the conversation on.
 * The one idea: a way is knobs and numbers, each of which picks one of the things that can happen
 * now, so that fast-check can shrink it. Deliberately unknown here: states; what must be reached.
 */
import assert from 'node:assert/strict';
import type { InspectionEvent } from 'xstate';
import type {
  Connection,
  ConnectionHost,
  ConnectionRequest,
} from '../../src/actors/connection/connection.ts';
import { openConnection } from '../../src/actors/connection/connection.ts';
import { parseSourceConfig } from '../../src/domain/options-egress.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import type { Link, LinkListener, Network } from '../../src/ports/ports.ts';
import type { ConnectionKnobs } from './connection-knobs.ts';
import { connectionKnobs, PLAIN, pathOf } from './connection-knobs.ts';
import type { Walks } from './guided.ts';

const SMALL = [Buffer.from('Subject: x\r\n\r\nhello\r\n')];
// Longer than what is written at once, in more bites than one.
const LARGE = [Buffer.alloc(150_000, 'x'), Buffer.from('\r\n')];

type Happening = () => void;

/** The surroundings of one connection. */
class Stage implements ConnectionHost, Network {
  readonly knobs: ConnectionKnobs;
  now = 0;
  link: Link | undefined;
  listener: LinkListener | undefined;
  /** Commands that the peer has not answered. */
  unanswered: string[] = [];
  isDialing = false;
  isSecuring = false;
  isFull = false;
  mayGo = true;
  wantsLeave = false;
  wantsToResend = false;
  given = 0;
  settlements = 0;
  released = 0;
  ends = 0;
  /** What was given last when this link last heard MAIL. */
  mailed = 0;
  flaw: string | undefined;
  connection: Connection;

  constructor(knobs: ConnectionKnobs, inspect: (event: InspectionEvent) => void) {
    this.knobs = knobs;
    this.connection = openConnection(this, this, this.#request(), inspect);
  }

  #request(): ConnectionRequest {
    const { hosts, hasPassword, hasNoIdentity, asksToDial, asksToResend } = this.knobs;
    const plan = Array.from({ length: hosts }, (_, at) => {
      return { name: `mx${at}.test`, address: `198.51.100.${at}`, port: 25 };
    });
    return {
      id: 1,
      plan,
      path: parsePathConfig(pathOf(this.knobs), 'path'),
      source: parseSourceConfig({ name: 's' }, 'source'),
      ehloName: 'here.test',
      ...(hasPassword ? { authPassword: 'secret' } : {}),
      ...(hasNoIdentity ? { identity: 'unreadable' as const } : {}),
      asksToDial: () => asksToDial,
      asksToResend: () => asksToResend,
    };
  }

  // The engine's part.
  steadyMs = (): number => this.now;
  mayDial = (): boolean => this.mayGo;
  failed(): void {}
  opened(): void {}
  parting(): void {}

  idle(): void {
    assert.equal(this.settlements, this.given, 'who is idle has settled what it was given');
    if (!this.knobs.isHasty || this.connection === undefined) return;
    this.connection.stop();
    if (this.given === this.settlements) this.#give();
  }
  settled(): void {
    this.settlements += 1;
  }
  wantsDial(): void {
    this.wantsLeave = true;
  }
  wantsResend(): void {
    this.wantsToResend = true;
  }
  ended(): void {
    this.ends += 1;
  }

  // The network's part.
  dial(_request: unknown, listener: LinkListener): Link {
    const link: Link = {
      write: (chunks) => this.#hear(chunks),
      secure: () => {
        this.isSecuring = true;
      },
      end: () => this.#cut(),
      destroy: () => this.#cut(),
    };
    this.listener = listener;
    this.link = link;
    this.isDialing = true;
    this.unanswered = [''];
    this.mailed = 0;
    return link;
  }

  #cut(): void {
    this.link = undefined;
    this.isDialing = false;
    this.isSecuring = false;
    this.isFull = false;
  }

  #hear(chunks: readonly (Buffer | string)[]): boolean {
    const last = chunks.at(-1) ?? '';
    if (chunks.some((chunk) => typeof chunk === 'string' && chunk.startsWith('MAIL FROM'))) {
      // Told after the step: thrown here it would go through the chart's own hands.
      if (this.mailed === this.given) this.flaw = 'a link hears of a message twice';
      this.mailed = this.given;
    }
    if (typeof last === 'string') this.unanswered.push(...last.split('\r\n').slice(0, -1));
    else if (last.subarray(-3).toString() === '.\r\n') this.unanswered.push('.');
    this.isFull = typeof last !== 'string' && this.knobs.isNarrow;
    return !this.isFull;
  }

  say(text: string): void {
    this.listener?.received(Buffer.from(`${text}\r\n`));
  }

  /** Answers the oldest command as a good peer does, or with `code`. */
  answer(code?: string, more = ''): void {
    const line = this.unanswered.shift();
    // Also when nothing was asked, as a peer that had enough of a body.
    this.say(`${code === undefined ? this.#goodFor(line ?? '') : `${code} so be it`}${more}`);
  }

  /** Answers all commands in one write, as peers do that were sent them in one. */
  answerAll(): void {
    this.say(
      this.unanswered
        .splice(0)
        .map((line) => this.#goodFor(line))
        .join('\r\n'),
    );
  }

  #goodFor(line: string): string {
    if (line === '') return '220 peer.test';
    if (line.startsWith('EHLO') || line.startsWith('LHLO')) {
      const lines = ['peer.test', ...this.knobs.offers];
      return lines.map((one, at) => `250${at === lines.length - 1 ? ' ' : '-'}${one}`).join('\r\n');
    }
    if (line === 'STARTTLS') return '220 go';
    if (line.startsWith('AUTH')) return '235 in';
    if (line === 'DATA') return '354 go';
    if (line === 'QUIT') return '221 bye';
    return '250 ok';
  }

  /** What brings it on, if there is such a thing. */
  onward(): Happening[] {
    const { connection, listener } = this;
    const able: Happening[] = [];
    if (this.wantsLeave) {
      able.push(() => {
        this.wantsLeave = false;
        connection.letDial(true);
      });
    }
    if (this.wantsToResend) able.push(() => this.#resend());
    if (this.isDialing) {
      able.push(() => {
        this.isDialing = false;
        listener?.opened({ localAddress: '192.0.2.1', localPort: 40_000 });
      });
    } else if (this.isSecuring) able.push(() => this.#secure());
    else if (this.isFull) able.push(() => this.#drain());
    else if (this.link !== undefined && this.unanswered.length > 0) able.push(() => this.answer());
    if (this.link !== undefined && this.unanswered.length > 1) able.push(() => this.answerAll());
    if (this.given === this.settlements) able.push(() => this.#give());
    if (this.given > this.settlements && this.released < this.given) {
      able.push(() => this.#release());
    }
    return able;
  }

  /** What peer, network and clock may do at any time. */
  sideways(): Happening[] {
    const { connection, listener } = this;
    const able: Happening[] = [() => connection.tick(this.now + 1e12)];
    if (this.isFull) able.push(() => this.#drain());
    if (this.link === undefined) return able;
    const fault = { code: 'FAULT_LINK_RESET', where: '', cause: 'reset', retryable: true } as const;
    able.push(() => {
      this.#cut();
      listener?.lost(fault);
    });
    // Also before the link is open, and into a handshake: networks are not to be trusted.
    for (const code of ['421', '450', '502', '550', '250', '354', '334', '220']) {
      able.push(() => this.answer(code));
    }
    able.push(
      () => this.say('what is this'),
      () => this.answer(undefined, '\r\n250 and more'),
      () => this.answer('550', '\r\n250 and more'),
    );
    return able;
  }

  /** What the engine may wish at any time; mostly it is the end. */
  wishes(): Happening[] {
    const { connection } = this;
    return [
      () => connection.stop(),
      () => connection.abort('a wish'),
      () => connection.withdraw('a wish'),
      () => {
        this.mayGo = false;
      },
      () => {
        this.wantsLeave = false;
        connection.letDial(false);
      },
    ];
  }

  #secure(): void {
    this.isSecuring = false;
    const { isCertified } = this.knobs;
    const info = { protocol: 'TLSv1.3', cipher: 'x', peerSubject: 'mx0.test' };
    this.listener?.secured({ ...info, authorized: isCertified });
  }

  #drain(): void {
    this.isFull = false;
    this.listener?.drained();
  }

  #give(): void {
    const { recipients, isSayable } = this.knobs;
    this.given += 1;
    const address = isSayable || this.given > 1 ? 'a@peer.test' : 'no\n@peer.test';
    const to = Array.from({ length: recipients }, () => address);
    const rest = { from: 'me@here.test', bodyBytes: 21, eightBit: false, smtpUtf8: false };
    this.connection.give({ offer: this.given, to, ...rest });
  }

  #release(): void {
    this.released = this.given;
    this.connection.release(this.given, this.knobs.isLarge ? LARGE : SMALL);
  }

  #resend(): void {
    this.wantsToResend = false;
    this.connection.resume();
  }
}

// Most steps lead on, or hardly a way would come far.
function choose(stage: Stage, kind: number): Happening[] {
  if (kind < 2) return stage.wishes();
  const onward = stage.onward();
  return kind < 12 || onward.length === 0 ? stage.sideways() : onward;
}

/** Ways of a connection. One throws where it breaks an invariant, or what the engine is told. */
export const connectionWalks: Walks<ConnectionKnobs> = {
  knobs: connectionKnobs,
  plain: PLAIN,
  walk(knobs, picks, inspect) {
    const stage = new Stage(knobs, inspect);
    for (const pick of picks) {
      if (stage.ends > 0) break;
      const from = choose(stage, pick % 32);
      (from[(pick >> 5) % from.length] as Happening)();
      assert.equal(stage.flaw, undefined);
    }
    if (stage.ends === 0) stage.connection.abort('the way is over');
    assert.equal(stage.ends, 1, 'an end is told once');
    assert.equal(stage.connection.state(), 'closed');
    assert.equal(stage.settlements, stage.given, 'each message is settled once');
  },
};
