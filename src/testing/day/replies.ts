/**
 * Which replies put mail off or bounced it, and how often. The one idea: replies that are equal but
 * for their numbers are one. Bounded: beyond so many all others are counted together.
 * Knows no log.
 */

/** More are counted under '(others)'. */
const REPLIES_MAX = 500;
const TEXT_MAX = 160;

/** What a reply is told by. */
export interface Reply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
  readonly own?: 1 | undefined;
}

/** A reply, and how many recipients it met. */
export interface ReplyCount {
  readonly did: 'deferred' | 'bounced' | 'refused';
  /** 0: nobody said anything. */
  readonly code: number;
  readonly enhanced: string;
  /** As it was first said. */
  readonly text: string;
  /** It is ours: nobody at the other end said it. */
  readonly isOwn: boolean;
  count: number;
}

/** Counts replies. */
export class Replies {
  readonly #all = new Map<string, ReplyCount>();

  note(did: ReplyCount['did'], { code, enhanced, text, own }: Reply, count: number): void {
    const whole = text.slice(0, TEXT_MAX);
    const key = `${did} ${code} ${enhanced} ${own ?? 0} ${whole.replace(/\d+/g, '#')}`;
    const known = this.#all.get(key);
    if (known !== undefined) {
      known.count += count;
      return;
    }
    if (this.#all.size >= REPLIES_MAX && key !== OTHERS_KEY) {
      this.note('deferred', { code: 0, enhanced: '', text: '(others)' }, count);
      return;
    }
    this.#all.set(key, { did, code, enhanced, text: whole, isOwn: own === 1, count });
  }

  /** The most frequent first. */
  list(): ReplyCount[] {
    return [...this.#all.values()].sort((a, b) => b.count - a.count);
  }
}

const OTHERS_KEY = 'deferred 0  0 (others)';
