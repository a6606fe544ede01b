/**
 * Texts that come again and again, as numbers, so that a picture of the books names each of them
 * once. Knows nothing of what they are.
 */

/** Gives each text a number, the same for the same text. */
export class TextTable {
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}
