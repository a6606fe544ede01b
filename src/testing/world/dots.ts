/**
 * A tap on what an engine writes: finds each final dot at the moment it leaves, and whose it is.
 * The one idea: bodies carry a mark, so the wire itself says which message just became impossible
 * to take back. Deliberately unknown here: replies, exchangers, the log.
 */

/** A body with its final dot has just been written. */
export interface Dot {
  readonly link: number;
  readonly mark: string;
  /** Everyone named in the transaction. */
  readonly to: readonly string[];
}

/** The line by which a body is known. */
export const MARK = /^X-Mark: (\S+)\r$/m;

/** Follows the links of one engine. */
export class DotTap {
  readonly #heard = new Map<number, string>();
  readonly #each: (dot: Dot) => void;

  constructor(each: (dot: Dot) => void) {
    this.#each = each;
  }

  /** Sees a write. */
  see(link: number, bytes: Buffer): void {
    const text = bytes.toString('latin1');
    const before = text.startsWith('MAIL FROM:') ? '' : (this.#heard.get(link) ?? '');
    const whole = before + text;
    this.#heard.set(link, whole);
    if (!whole.endsWith('\r\n.\r\n')) return;
    const mark = MARK.exec(whole)?.[1];
    if (mark === undefined) return;
    const to = [...whole.matchAll(/^RCPT TO:<(.*)>\r$/gm)].map((match) => match[1] as string);
    this.#heard.delete(link);
    this.#each({ link, mark, to });
  }
}
