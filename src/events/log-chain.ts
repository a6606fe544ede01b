/**
 * The seal of a record: a CRC-32 over its fields, and a SHA-256 chain over all records before it.
 * The one idea: SQLite notices neither a flipped bit nor an edited row (reliability.md M6), so each
 * record carries the proof of itself (`sum`) and of its whole past (`chain`). A salt of its own
 * goes into each link, and goes with the text when that is erased: the link that stays tells
 * nobody whether he guessed the text.
 * Deliberately unknown here: files, SQLite, what an event means.
 */
import { hash, randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * A row of table `event` in column order; `chain` as lower-case hex digits: 32 of the link, then 32
 * of its salt. Records of format 1 have no salt, erased ones have a mark in its place.
 */
export type EventRow = readonly [
  position: number,
  turn: number,
  at: number,
  stream: string,
  type: string,
  version: number,
  body: string,
  sum: number,
  chain: string,
];

const CHAIN_DIGITS = 32;
/** Bytes of a link, and of its salt. */
export const LINK_BYTES = 16;
/** Stands where the salt was: the text is not the one that was linked. */
export const ERASED_MARK = 'ee';
const SALTS_AT_ONCE = 4096;

/** The link of a row, which the next one continues. */
export const linkOf = (row: EventRow): string => row[8].slice(0, CHAIN_DIGITS);

const saltOf = (row: EventRow): string => row[8].slice(CHAIN_DIGITS);

/** True when the row's own text was erased: the chain goes on past it, and does not prove it. */
export const isErased = (row: EventRow): boolean => saltOf(row) === ERASED_MARK;

/** Fresh salts as hex digits; many are drawn at a time. */
export class Salts {
  readonly #bytes = Buffer.alloc(LINK_BYTES * SALTS_AT_ONCE);
  #next = this.#bytes.length;

  next(): string {
    if (this.#next === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#next = 0;
    }
    this.#next += LINK_BYTES;
    return this.#bytes.toString('hex', this.#next - LINK_BYTES, this.#next);
  }
}

/** The chain value before the first record of a node: two nodes never share a chain. */
export const chainOrigin = (node: string): string =>
  hash('sha256', `waybill log ${node}`, 'hex').slice(0, CHAIN_DIGITS);

/** The text that is sealed. Lengths come first, so no two records share a text. */
export const sealText = (
  position: number,
  turn: number,
  at: number,
  stream: string,
  type: string,
  version: number,
  body: string,
): string =>
  `${position},${turn},${at},${version},${stream.length},${type.length}\n${stream}${type}${body}`;

/** CRC-32 of the UTF-8 bytes of `text`. */
export const sumOf = (text: string): number => crc32(text);

/** First 16 bytes of SHA-256 over the previous link and the salt (as hex digits) and the text. */
export const chainOf = (previous: string, text: string, salt = ''): string =>
  hash('sha256', previous + salt + text, 'hex').slice(0, CHAIN_DIGITS);

/** What an order of erasure says of a record that it rewrote, so that the new text is proven. */
export const erasureSealOf = (text: string): string =>
  hash('sha256', `erased ${text}`, 'hex').slice(0, CHAIN_DIGITS);

/** The sealed text of a row; undefined where its columns are not of their kinds. */
export const textOf = (row: EventRow): string | undefined =>
  typeof row[3] === 'string' && typeof row[4] === 'string' && typeof row[6] === 'string'
    ? sealText(row[0], row[1], row[2], row[3], row[4], row[5], row[6])
    : undefined;

/** True when the record's own checksum holds. */
export const isWhole = (row: EventRow): boolean => {
  const text = textOf(row);
  return text !== undefined && sumOf(text) === row[7];
};

/** True when the chain proves a record: its text follows from the chain value before it. */
export const isLinked = (previous: string, row: EventRow): boolean => {
  const text = textOf(row);
  return text !== undefined && chainOf(previous, text, saltOf(row)) === linkOf(row);
};

/**
 * What a look at one record says. `whole`: all holds. `sum-damaged`: the chain proves the fields,
 * only the checksum is wrong. `unchained`: the fields hold, the link to the past does not.
 * `damaged`: neither.
 */
export type Judgement = 'whole' | 'sum-damaged' | 'unchained' | 'damaged';

/** Follows the chain from record to record. */
export class ChainFollower {
  /** The chain value stored in the record before; undefined accepts any link (after a gap). */
  #stored: string | undefined;
  /** What it should have been, where it differs: the stored one may be what is damaged. */
  #computed: string | undefined;

  /** Starts anew after the record whose chain value is given. */
  restart(previous: string | undefined): void {
    this.#stored = previous;
    this.#computed = undefined;
  }

  /** At the head of a segment: its own word counts only where nothing came before. */
  startAt(previous: string | undefined): void {
    if (this.#stored === undefined) this.restart(previous);
  }

  judge(row: EventRow): Judgement {
    const text = textOf(row);
    const link = linkOf(row);
    if (text === undefined) {
      this.restart(link);
      return 'damaged';
    }
    const isSumRight = sumOf(text) === row[7];
    // What the link of an erased record proves is gone; log-erasures.ts proves the new text.
    const found = isErased(row) ? {} : this.#link(text, saltOf(row), link);
    this.#stored = link;
    this.#computed = found.computed;
    if (isSumRight) return found.holds === false ? 'unchained' : 'whole';
    return found.holds === true ? 'sum-damaged' : 'damaged';
  }

  #link(text: string, salt: string, link: string): { holds?: boolean; computed?: string } {
    if (this.#stored === undefined) return {};
    const fromStored = chainOf(this.#stored, text, salt);
    if (fromStored === link) return { holds: true };
    if (this.#computed === undefined) return { holds: false, computed: fromStored };
    const fromComputed = chainOf(this.#computed, text, salt);
    if (fromComputed === link) return { holds: true };
    return { holds: false, computed: fromComputed };
  }
}
