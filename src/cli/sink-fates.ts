/**
 * What the sink does to a message instead of accepting it: chosen by chance (shares, seeded) or by
 * the local part of an address. A fate is a value that names the stage where it strikes; the
 * session carries it out. Pure but for the dice and the memory of greylisted addresses.
 */
import type { Prng } from '../domain/prng.ts';

/** The points of a conversation at which a fate can strike. */
export const STAGES = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot'] as const;
/** One of STAGES. */
export type Stage = (typeof STAGES)[number];

/** What happens instead of the good answer. */
export type Fate =
  | { readonly does: 'answer'; readonly reply: string }
  /** Last words (may be empty), then the connection is closed. */
  | { readonly does: 'leave'; readonly reply: string }
  /** Asks for the body and closes the connection when its first bytes arrive. */
  | { readonly does: 'leaveInBody' }
  | { readonly does: 'reset' }
  | { readonly does: 'hang' }
  | { readonly does: 'wait'; readonly waitMs: number };

/** A fate and where it strikes. */
export interface Trick {
  readonly stage: Stage;
  readonly fate: Fate;
}

interface NamedTrick extends Trick {
  readonly local: string;
  /** Whose local part is looked at. */
  readonly side: 'sender' | 'recipient';
  readonly says: string;
}

const SLOW_MS = 2000;
const GREYLIST_MAX = 100_000;
const LONG_REPLY_LINES = 50;

const answer = (reply: string): Fate => ({ does: 'answer', reply });
const leave = (reply: string): Fate => ({ does: 'leave', reply });

/** The reply of a deferral. */
export const DEFERRED = answer('451 4.7.1 Try again later');
/** The reply of a refusal. */
export const REFUSED = answer('550 5.1.1 No such mailbox');
const CLOSING = '421 4.3.2 Closing the connection';

const longReply = (): string =>
  Array.from({ length: LONG_REPLY_LINES }, (_, index) =>
    index < LONG_REPLY_LINES - 1 ? `250-2.0.0 Line ${index + 1}` : '250 2.0.0 The last line',
  ).join('\r\n');

const recipient = (local: string, stage: Stage, fate: Fate, says: string): NamedTrick => ({
  local,
  side: 'recipient',
  stage,
  fate,
  says,
});

const sender = (local: string, fate: Fate, says: string): NamedTrick => ({
  local,
  side: 'sender',
  stage: 'mail',
  fate,
  says,
});

/** The table shown in `waybill sink --help`; `local+detail@` works like `local@`. */
export const NAMED_TRICKS: readonly NamedTrick[] = [
  recipient('tempfail', 'rcpt', DEFERRED, 'RCPT answered 451'),
  recipient('permfail', 'rcpt', REFUSED, 'RCPT answered 550'),
  recipient('greylist', 'rcpt', DEFERRED, '451 the first time, then accepted'),
  recipient('disconnect421', 'rcpt', leave(CLOSING), 'RCPT answered 421, connection closed'),
  recipient('drop-rcpt', 'rcpt', leave(''), 'connection closed without an answer to RCPT'),
  recipient('hang-rcpt', 'rcpt', { does: 'hang' }, 'RCPT never answered'),
  recipient('tempfail-data', 'data', answer('451 4.3.0 Not now'), 'DATA answered 451'),
  recipient('permfail-data', 'data', answer('554 5.6.0 Not wanted'), 'DATA answered 554'),
  recipient('drop-data', 'data', { does: 'leaveInBody' }, 'connection closed within the body'),
  recipient('tempfail-dot', 'dot', answer('451 4.3.0 Not stored'), 'final dot answered 451'),
  recipient('permfail-dot', 'dot', answer('554 5.6.0 Content refused'), 'final dot answered 554'),
  recipient('disconnect421-dot', 'dot', leave(CLOSING), 'final dot answered 421, closed'),
  recipient('drop', 'dot', leave(''), 'connection closed after the dot without an answer'),
  recipient('reset', 'dot', { does: 'reset' }, 'connection reset after the dot'),
  recipient('hang', 'dot', { does: 'hang' }, 'final dot never answered'),
  recipient(
    'slow',
    'dot',
    { does: 'wait', waitMs: SLOW_MS },
    'dot answered after 2 s (slow+500@: ms)',
  ),
  recipient('garbage', 'dot', answer('\u0001\u0002 what?'), 'final dot answered with nonsense'),
  recipient(
    'longreply',
    'dot',
    answer(longReply()),
    `accepted in a reply of ${LONG_REPLY_LINES} lines`,
  ),
  sender('refuse-mail', answer('550 5.7.1 Sender refused'), 'MAIL answered 550'),
  sender('tempfail-mail', answer('451 4.7.1 Sender not now'), 'MAIL answered 451'),
  sender('disconnect421-mail', leave(CLOSING), 'MAIL answered 421, connection closed'),
];

/** The shares with which chance strikes, each from 0 to 1. */
export interface FateShares {
  readonly defer?: number;
  readonly deferAt?: Stage;
  readonly refuse?: number;
  readonly refuseAt?: Stage;
  /** Closes after the final dot without an answer. */
  readonly drop?: number;
  /** Closes within the body, before the final dot. */
  readonly dropBefore?: number;
  readonly hang?: number;
  readonly hangAt?: Stage;
  readonly delayMs?: number;
  readonly delayShare?: number;
}

interface Chance {
  readonly upto: number;
  readonly fate: Fate;
}

/** Decides what happens to a message. */
export class Fates {
  private readonly dice: Prng;
  private readonly chances: Record<Stage, Chance[]>;
  private readonly delayMs: number;
  private readonly delayShare: number;
  private readonly greylisted = new Set<string>();
  private readonly senders = new Map<string, Trick>();
  private readonly recipients = new Map<string, Trick>();

  constructor(shares: FateShares, dice: Prng) {
    this.dice = dice;
    this.chances = { connect: [], ehlo: [], mail: [], rcpt: [], data: [], dot: [] };
    this.mayStrike(shares.drop, 'dot', leave(''));
    this.mayStrike(shares.dropBefore, 'data', { does: 'leaveInBody' });
    this.mayStrike(shares.hang, shares.hangAt ?? 'dot', { does: 'hang' });
    this.mayStrike(shares.defer, shares.deferAt ?? 'rcpt', DEFERRED);
    this.mayStrike(shares.refuse, shares.refuseAt ?? 'rcpt', REFUSED);
    this.delayMs = shares.delayMs ?? 0;
    this.delayShare = this.delayMs > 0 ? (shares.delayShare ?? 1) : 0;
    for (const trick of NAMED_TRICKS) {
      (trick.side === 'sender' ? this.senders : this.recipients).set(trick.local, trick);
    }
  }

  private mayStrike(share: number | undefined, stage: Stage, fate: Fate): void {
    if (share === undefined || share <= 0) return;
    const list = this.chances[stage];
    list.push({ upto: (list.at(-1)?.upto ?? 0) + share, fate });
  }

  /** What chance does at a stage; draws nothing where nothing can happen. */
  rollAt(stage: Stage): Fate | undefined {
    const list = this.chances[stage];
    if (list.length === 0) return undefined;
    const mark = this.dice.uniform();
    for (const chance of list) if (mark < chance.upto) return chance.fate;
    return undefined;
  }

  /** How long the answer to the final dot is held back. */
  rollDelayMs(): number {
    if (this.delayShare === 0) return 0;
    return this.delayShare >= 1 || this.dice.uniform() < this.delayShare ? this.delayMs : 0;
  }

  /** What the sender's address brings about at MAIL. */
  ofSender(address: string): Fate | undefined {
    return this.senders.get(localBase(address))?.fate;
  }

  /** What a recipient's address brings about, now or at a later stage. */
  ofRecipient(address: string): Trick | undefined {
    const local = localBase(address);
    const trick = this.recipients.get(local);
    if (trick === undefined) return undefined;
    if (local === 'greylist') return this.isKnown(address) ? undefined : trick;
    if (local !== 'slow') return trick;
    const waitMs = Number(/\+(\d+)@/.exec(address)?.[1] ?? SLOW_MS);
    return { stage: 'dot', fate: { does: 'wait', waitMs } };
  }

  private isKnown(address: string): boolean {
    if (this.greylisted.has(address)) return true;
    if (this.greylisted.size >= GREYLIST_MAX) this.greylisted.clear();
    this.greylisted.add(address);
    return false;
  }
}

/** The local part without its `+detail`, lower case. */
const localBase = (address: string): string => {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  const plus = local.indexOf('+');
  return (plus < 0 ? local : local.slice(0, plus)).toLowerCase();
};
