/**
 * The seal of a record: a CRC-32 over its fields, and a SHA-256 chain over all records before it.
 * The one idea: SQLite notices neither a flipped bit nor an edited row (reliability.md M6), so each
 * record carries the proof of itself (`sum`) and of its whole past (`chain`).
 * Deliberately unknown here: files, SQLite, what an event means.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A row of table `event` in column order; `chain` as 32 lower-case hex digits. */
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

/** First 16 bytes of SHA-256 over the previous chain value (as hex digits) and the sealed text. */
export const chainOf = (previous: string, text: string): string =>
  hash('sha256', previous + text, 'hex').slice(0, CHAIN_DIGITS);

const textOf = (row: EventRow): string | undefined =>
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
  return text !== undefined && chainOf(previous, text) === row[8];
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
    const chain = row[8];
    if (text === undefined) {
      this.restart(chain);
      return 'damaged';
    }
    const isSumRight = sumOf(text) === row[7];
    const link = this.#link(text, chain);
    this.#stored = chain;
    this.#computed = link.computed;
    if (isSumRight) return link.holds === false ? 'unchained' : 'whole';
    return link.holds === true ? 'sum-damaged' : 'damaged';
  }

  #link(text: string, chain: string): { holds?: boolean; computed?: string } {
    if (this.#stored === undefined) return {};
    const fromStored = chainOf(this.#stored, text);
    if (fromStored === chain) return { holds: true };
    if (this.#computed === undefined) return { holds: false, computed: fromStored };
    const fromComputed = chainOf(this.#computed, text);
    if (fromComputed === chain) return { holds: true };
    return { holds: false, computed: fromComputed };
  }
}
