/**
 * Sums or greatest values by text, such as messages by domain, for as many texts as there are
 * queues: an open table of numbers beside the texts, made large enough at the beginning, so that it
 * never stops to grow as a Map of a million entries does. Deliberately unknown here: what is
 * summed.
 */
const EMPTY = -1;

/** Sums, in the order in which their texts first came. */
export class SumTable {
  readonly keys: string[] = [];
  readonly #sums: Float64Array;
  readonly #table: Int32Array;
  readonly #mask: number;

  /** How many texts there is room for. */
  get room(): number {
    return this.#sums.length;
  }

  /** For at most `keysMax` different texts; more are an error of the caller. */
  constructor(keysMax: number) {
    let places = 16;
    while (places < keysMax * 2) places *= 2;
    this.#sums = new Float64Array(places / 2);
    this.#table = new Int32Array(places).fill(EMPTY);
    this.#mask = places - 1;
  }

  /** Forgets everything; the room stays. */
  clear(): void {
    this.keys.length = 0;
    this.#sums.fill(0);
    this.#table.fill(EMPTY);
  }

  add(key: string, value: number): void {
    const at = this.#indexOf(key);
    this.#sums[at] = (this.#sums[at] as number) + value;
  }

  /** Keeps the greatest value, none of which is below 0. */
  raise(key: string, value: number): void {
    const at = this.#indexOf(key);
    this.#sums[at] = Math.max(this.#sums[at] as number, value);
  }

  sumAt(index: number): number {
    return this.#sums[index] as number;
  }

  #indexOf(key: string): number {
    let place = hashOf(key) & this.#mask;
    for (;;) {
      const index = this.#table[place] as number;
      if (index === EMPTY) break;
      if (this.keys[index] === key) return index;
      place = (place + 1) & this.#mask;
    }
    if (this.keys.length >= this.#sums.length) throw new RangeError('more texts than were told of');
    this.#table[place] = this.keys.length;
    return this.keys.push(key) - 1;
  }
}

/** FNV-1a over UTF-16 units, with a last stir so that the low bits depend on all. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12);
}
