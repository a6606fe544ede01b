/**
 * Texts that come again and again, as numbers, so that a picture of the books names each of them
 * once. Knows nothing of what they are.
 */

/** Gives each text a number, the same for the same text; from 0 on, as they come. */
export class TextTable {
  readonly #numbers = new Map<string, number>();
  readonly #came: (text: string) => void;

  /** `came` hears each text once, in the order of the numbers. */
  constructor(came: (text: string) => void) {
    this.#came = came;
  }

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#came(text);
    return number;
  }
}
